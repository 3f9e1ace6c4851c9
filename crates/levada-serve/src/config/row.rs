//! An option: the one place from which the command line, the keys of the file, `--check` and the
//! tables of docs/config.md come.

use clap::{Arg, ArgMatches};
use toml::{Table, Value};

use super::document::Fields;
use super::kind::Kind;

/// Something of a configuration `C` that has a key in the file, and may have a flag.
pub(super) trait Row<C>: Sync {
    /// Puts what the file says in the place of what holds.
    fn read(&self, fields: &mut Fields<'_, '_>, config: &mut C);

    /// Puts what the command line says in the place of what holds.
    fn apply(&self, _matches: &ArgMatches, _config: &mut C) {}

    /// Adds what holds to a table of the file. `config` stays as it is.
    fn show(&self, config: &mut C, table: &mut Table);

    /// The flags, where these are the defaults.
    fn flags(&self, _defaults: &mut C) -> Vec<Arg> {
        Vec::new()
    }

    /// Whether each worker of a cluster says it for itself.
    fn is_of_workers(&self) -> bool {
        false
    }

    /// The row of the key in docs/config.md, where these are the defaults.
    #[cfg(test)]
    fn documented(&self, _defaults: &mut C) -> Option<String> {
        None
    }
}

/// The rows of one table.
pub(super) type Rows<C> = &'static [&'static dyn Row<C>];

/// An option with one value.
pub(super) struct Entry<C: 'static, T: 'static> {
    key: &'static str,
    kind: Kind<T>,
    at: fn(&mut C) -> &mut T,
    /// What else follows from a new value.
    then: fn(&mut C),
    flag: Option<&'static str>,
    of_workers: bool,
    /// What holds if nothing is said, in words.
    default: Option<&'static str>,
    text: &'static str,
}

/// The option with this key and this kind of value, and where its value is.
pub(super) const fn key<C, T>(
    key: &'static str,
    kind: Kind<T>,
    at: fn(&mut C) -> &mut T,
) -> Entry<C, T> {
    Entry { key, kind, at, then: |_| {}, flag: None, of_workers: false, default: None, text: "" }
}

impl<C, T> Entry<C, T> {
    /// What `--help` and the docs say about it.
    pub(super) const fn text(mut self, text: &'static str) -> Self {
        self.text = text;
        self
    }

    pub(super) const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// Each worker of a cluster says it for itself.
    pub(super) const fn of_workers(mut self) -> Self {
        self.of_workers = true;
        self
    }

    pub(super) const fn default(mut self, words: &'static str) -> Self {
        self.default = Some(words);
        self
    }

    pub(super) const fn then(mut self, then: fn(&mut C)) -> Self {
        self.then = then;
        self
    }

    fn value(&self, config: &mut C) -> Option<Value> {
        (self.kind.show)((self.at)(config))
    }
}

impl<C, T> Row<C> for Entry<C, T> {
    fn read(&self, fields: &mut Fields<'_, '_>, config: &mut C) {
        let here = fields.here();
        fields.set(self.key, (self.at)(config), |value| self.kind.read(value, here));
        (self.then)(config);
    }

    fn apply(&self, matches: &ArgMatches, config: &mut C) {
        if let Some(value) = self.flag.and_then(|flag| self.kind.given(matches, flag)) {
            *(self.at)(config) = value;
            (self.then)(config);
        }
    }

    fn show(&self, config: &mut C, table: &mut Table) {
        if let Some(value) = self.value(config) {
            table.insert(self.key.to_owned(), value);
        }
    }

    fn flags(&self, defaults: &mut C) -> Vec<Arg> {
        let Some(flag) = self.flag else { return Vec::new() };
        let mut help = self.text[..1].to_uppercase() + &self.text[1..];
        let default = match self.value(defaults) {
            // An option that is off or empty needs no word.
            Some(Value::Boolean(_) | Value::Array(_)) | None => None,
            Some(Value::String(text)) => Some(text),
            Some(value) => Some(value.to_string()),
        };
        if let Some(default) = self.default.map(str::to_owned).or(default) {
            help += &format!(" [default: {default}]");
        }
        vec![self.kind.describe(Arg::new(flag).long(flag).help(help))]
    }

    fn is_of_workers(&self) -> bool {
        self.of_workers
    }

    #[cfg(test)]
    fn documented(&self, defaults: &mut C) -> Option<String> {
        let flag = self.flag.map(|flag| format!("`--{flag}`")).unwrap_or_default();
        let value = self.value(defaults).map(|value| format!("`{value}`")).unwrap_or_default();
        let default = self.default.unwrap_or(&value);
        Some(format!("| `{}` | {flag} | {default} | {} |", self.key, self.text))
    }
}

/// Options in a table of the file.
pub(super) struct Group<C: 'static, S: 'static> {
    pub(super) key: &'static str,
    pub(super) at: fn(&mut C) -> &mut S,
    pub(super) rows: Rows<S>,
    /// Reports what does not go together.
    pub(super) check: fn(&S, &Fields<'_, '_>),
}

impl<C, S> Row<C> for Group<C, S> {
    fn read(&self, fields: &mut Fields<'_, '_>, config: &mut C) {
        let inner = (self.at)(config);
        fields.table(self.key, |fields| {
            self.rows.iter().for_each(|row| row.read(fields, inner));
            (self.check)(inner, fields);
        });
    }

    fn apply(&self, matches: &ArgMatches, config: &mut C) {
        let inner = (self.at)(config);
        self.rows.iter().for_each(|row| row.apply(matches, inner));
    }

    fn show(&self, config: &mut C, table: &mut Table) {
        table.insert(self.key.to_owned(), shown(self.rows, (self.at)(config)).into());
    }

    fn flags(&self, defaults: &mut C) -> Vec<Arg> {
        let inner = (self.at)(defaults);
        self.rows.iter().flat_map(|row| row.flags(inner)).collect()
    }
}

/// A table with everything that holds.
pub(super) fn shown<C: 'static>(
    rows: impl IntoIterator<Item = &'static &'static dyn Row<C>>,
    config: &mut C,
) -> Table {
    let mut table = Table::new();
    rows.into_iter().for_each(|row| row.show(config, &mut table));
    table
}
