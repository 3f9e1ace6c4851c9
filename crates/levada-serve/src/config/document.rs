//! Reads a TOML document key by key, and says of every mistake where it is and what is allowed.
//!
//! Serde stops at the first mistake and knows no near-by keys. So the tables that the parser gives,
//! which say where each value is, are read by hand; all mistakes are found at once.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong with a configuration: at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistakes(pub(crate) Vec<String>);

impl Mistakes {
    pub(crate) fn one(mistake: impl Into<String>) -> Self {
        Self(vec![mistake.into()])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// The text of a file, and what was found to be wrong with it.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    path: &'t Path,
    text: &'t str,
    mistakes: RefCell<Vec<(usize, String)>>,
}

impl<'t> Document<'t> {
    pub(crate) fn new(path: &'t Path, text: &'t str) -> Self {
        Self { path, text, mistakes: RefCell::default() }
    }

    /// Reads the whole document.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&mut Fields<'_, 't>) -> T,
    ) -> Result<T, Mistakes> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.mistake(error.span().unwrap_or(0..0), error.message());
        }
        // What could be recovered of a broken document would be read with mistakes that are none.
        if !errors.is_empty() {
            return Err(self.all());
        }
        let mut fields = Fields::new(self, String::new(), root.get_ref());
        let value = read(&mut fields);
        fields.finish();
        if self.mistakes.borrow().is_empty() { Ok(value) } else { Err(self.all()) }
    }

    pub(crate) fn mistake(&self, span: Range<usize>, what: impl Into<String>) {
        self.mistakes.borrow_mut().push((span.start, what.into()));
    }

    /// The mistakes in the order of the text, as `NAME:LINE:COLUMN: WHAT`.
    fn all(&self) -> Mistakes {
        let mut mistakes = self.mistakes.take();
        mistakes.sort();
        let line = |(offset, what)| {
            let (line, column) = self.position(offset);
            format!("{}:{line}:{column}: {what}", self.path.display())
        };
        Mistakes(mistakes.into_iter().map(line).collect())
    }

    /// Line and column, both from 1; columns count characters.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.char_indices().take_while(|(at, _)| *at < offset);
        before.fold((1, 1), |(line, column), (_, c)| match c {
            '\n' => (line + 1, 1),
            _ => (line, column + 1),
        })
    }

    /// The text of a value, on one line and not too long.
    fn excerpt(&self, span: Range<usize>) -> String {
        const LONGEST: usize = 60;
        let text = self.text.get(span).unwrap_or_default();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

/// A table. The caller reads each known key once; every other key is a mistake.
#[derive(Debug)]
pub(crate) struct Fields<'d, 't> {
    document: &'d Document<'t>,
    /// Where the table is: empty, or names that end with a dot.
    path: String,
    table: &'d DeTable<'t>,
    known: Vec<&'static str>,
}

/// Whether a mistake shows the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Yes,
    Secret,
}

type Key<'t> = Spanned<Cow<'t, str>>;
type Value<'t> = Spanned<DeValue<'t>>;

impl<'d, 't> Fields<'d, 't> {
    fn new(document: &'d Document<'t>, path: String, table: &'d DeTable<'t>) -> Self {
        Self { document, path, table, known: Vec::new() }
    }

    fn find(&mut self, key: &'static str) -> Option<(&'d Key<'t>, &'d Value<'t>)> {
        self.known.push(key);
        self.table.iter().find(|(name, _)| name.get_ref() == key)
    }

    /// The directory of the file, where its relative paths begin.
    pub(crate) fn here(&self) -> &'t Path {
        self.document.path.parent().unwrap_or_else(|| Path::new(""))
    }

    /// Where this key is, if it is there.
    pub(crate) fn place_of(&self, key: &str) -> Option<Range<usize>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(name, _)| name.span())
    }

    pub(crate) fn mistake(&self, span: Range<usize>, what: impl Into<String>) {
        self.document.mistake(span, what);
    }

    /// Puts the value of this key into `place`, if there is one.
    pub(crate) fn set<T>(
        &mut self,
        key: &'static str,
        place: &mut T,
        read: impl FnOnce(&DeValue<'t>) -> Result<T, String>,
    ) {
        if let Some((_, value)) = self.find(key) {
            match read(value.get_ref()) {
                Ok(read) => *place = read,
                Err(allowed) => self.wrong(key, value, Shown::Yes, &allowed),
            }
        }
    }

    /// The value of this key is not allowed.
    fn wrong(&self, key: &str, value: &Value<'t>, shown: Shown, allowed: &str) {
        let excerpt = match shown {
            Shown::Yes => format!(" = {}", self.document.excerpt(value.span())),
            Shown::Secret => String::new(),
        };
        self.mistake(value.span(), format!("{}{key}{excerpt}: {allowed}", self.path));
    }

    /// A key of this table, as it is called in the whole file.
    pub(crate) fn name(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    /// The value of this key is no table. Tables in an array may be meant, and hold secrets.
    fn no_table(&self, key: &str, value: &Value<'t>, shown: Shown) {
        let is_array = matches!(value.get_ref(), DeValue::Array(_));
        let shown = if is_array { Shown::Secret } else { shown };
        self.wrong(key, value, shown, "give a table");
    }

    /// Reads the table of this key, if there is one.
    pub(crate) fn table(&mut self, key: &'static str, read: impl FnOnce(&mut Fields<'d, 't>)) {
        if let Some((_, value)) = self.find(key) {
            match value.get_ref() {
                DeValue::Table(table) => {
                    let path = format!("{}{key}.", self.path);
                    let mut fields = Fields::new(self.document, path, table);
                    read(&mut fields);
                    fields.finish();
                }
                _ => self.no_table(key, value, Shown::Yes),
            }
        }
    }

    /// Reads the table of this key, if there is one, whose keys are names that users chose.
    pub(crate) fn entries<T>(
        &mut self,
        key: &'static str,
        shown: Shown,
        mut read: impl FnMut(&str, &DeValue<'t>) -> Result<T, String>,
        mut take: impl FnMut(T),
    ) {
        self.each(key, shown, |fields, name, value| match read(name.get_ref(), value.get_ref()) {
            Ok(entry) => take(entry),
            Err(allowed) => fields.wrong(name.get_ref(), value, shown, &allowed),
        });
    }

    /// Reads each table in the table of this key: its name, where that is, and its fields.
    pub(crate) fn tables(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str, Range<usize>, &mut Fields<'d, 't>),
    ) {
        self.each(key, Shown::Yes, |fields, name, value| match value.get_ref() {
            DeValue::Table(table) => {
                let path = format!("{}{}.", fields.path, name.get_ref());
                let mut inner = Fields::new(fields.document, path, table);
                read(name.get_ref(), name.span(), &mut inner);
                inner.finish();
            }
            _ => fields.no_table(name.get_ref(), value, Shown::Yes),
        });
    }

    fn each(
        &mut self,
        key: &'static str,
        shown: Shown,
        mut each: impl FnMut(&Fields<'d, 't>, &'d Key<'t>, &'d Value<'t>),
    ) {
        if let Some((_, value)) = self.find(key) {
            match value.get_ref() {
                DeValue::Table(table) => {
                    let path = format!("{}{key}.", self.path);
                    let fields = Fields::new(self.document, path, table);
                    table.iter().for_each(|(name, value)| each(&fields, name, value));
                }
                _ => self.no_table(key, value, shown),
            }
        }
    }

    /// Reports the keys that the caller did not read.
    fn finish(self) {
        for (name, _) in self.table {
            let unknown = name.get_ref().as_ref();
            if self.known.contains(&unknown) {
                continue;
            }
            let hint = match nearest(unknown, &self.known) {
                Some(key) => format!("did you mean {key}?"),
                None => format!("known are {}", self.known.join(", ")),
            };
            let what = format!("{}{unknown}: there is no such key; {hint}", self.path);
            self.document.mistake(name.span(), what);
        }
    }
}

/// The key that was probably meant.
fn nearest<'k>(unknown: &str, known: &[&'k str]) -> Option<&'k str> {
    const ALIKE: f64 = 0.8;
    let unknown = unknown.to_lowercase().replace('-', "_");
    let likeness = |key: &&'k str| (strsim::jaro_winkler(&unknown, key), *key);
    let best = known.iter().map(likeness).max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness > ALIKE).map(|(_, key)| key)
}

/// The text of a string or a number: what stands after `=` on the command line.
pub(crate) fn text_of<'v>(value: &'v DeValue<'_>) -> Option<Cow<'v, str>> {
    match value {
        DeValue::String(text) => Some(Cow::Borrowed(text)),
        number => number_of(number),
    }
}

/// The text of a number.
pub(crate) fn number_of<'v>(value: &'v DeValue<'_>) -> Option<Cow<'v, str>> {
    match value {
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
            Some(Cow::Owned(number.to_string()))
        }
        DeValue::Float(float) => Some(Cow::Borrowed(float.as_str())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let document = Document::new(Path::new("f"), text);
        let read = document.read(|fields| {
            let mut place = 0;
            fields.set("number", &mut place, |value| match value {
                DeValue::Integer(_) => Ok(1),
                _ => Err("give a whole number".to_owned()),
            });
            fields.set("other_name", &mut place, |_| Ok(2));
            fields.table("inner", |fields| fields.set("capacity", &mut 0, |_| Ok(1)));
        });
        read.map_or_else(|mistakes| mistakes.0, |()| Vec::new())
    }

    #[test]
    fn all_mistakes_are_found_with_their_places() {
        let text = "# ä\nnumbre = 1\nnumber = [1,\n  2]\nother-name = 3\n[inner]\n\"üb\" = 1\n";
        assert_eq!(
            mistakes(text),
            [
                "f:2:1: numbre: there is no such key; did you mean number?",
                "f:3:10: number = [1, 2]: give a whole number",
                "f:5:1: other-name: there is no such key; did you mean other_name?",
                "f:7:1: inner.\u{fc}b: there is no such key; known are capacity",
            ]
        );
        assert_eq!(mistakes("number = 7\n[inner]\ncapacity = 1\n"), [""; 0]);
    }

    #[test]
    fn what_is_not_toml_is_said_for_each_place() {
        let mistakes = mistakes("number = \nother_name = 1\nother_name = 2\n");
        assert!(mistakes[0].starts_with("f:1:"), "{mistakes:?}");
        assert!(mistakes.iter().any(|mistake| mistake.starts_with("f:3:1:")), "{mistakes:?}");
    }

    #[test]
    fn long_values_are_cut() {
        let mistakes = mistakes(&format!("number = \"{}\"", "ä".repeat(100)));
        assert!(mistakes[0].contains("ä…: give"), "{mistakes:?}");
    }
}
