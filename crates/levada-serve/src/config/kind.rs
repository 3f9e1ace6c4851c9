//! Kinds of values: how a value is written after a flag, in a file, and in what `--check` prints.

use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, ValueEnum};
use http::{HeaderValue, StatusCode};
use toml::Value;
use toml::de::DeValue;

use super::data::Storage;
use super::document::{number_of, text_of};
use super::media::MediaRange;
use super::units;

/// A kind of values. Each value has a text, which stands after the flag.
pub(super) struct Kind<T: 'static> {
    /// What `--help` calls a value.
    name: &'static str,
    form: Form,
    parse: fn(&str) -> Result<T, String>,
    /// The value as a file has it; `None` if there is none.
    pub(super) show: fn(&T) -> Option<Value>,
}

/// What a value is in a file.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    String,
    /// A string that is not shown as it is.
    Secret,
    Number,
    StringOrNumber,
    /// One of the texts in the name, with `|` between them.
    Choice,
    /// The text is `true` or `false`, the flag has no value.
    Bool,
    /// It begins where the file is.
    Path,
    /// Its text has [`BETWEEN`] between the strings; the flag may be given several times.
    List,
}

/// No string of a list has it.
const BETWEEN: &str = "\0";

impl<T> Kind<T> {
    /// Reads a value of a file in the directory `here`.
    pub(super) fn read(&self, value: &DeValue<'_>, here: &Path) -> Result<T, String> {
        let string = || value.as_str().map(str::to_owned);
        let text = match self.form {
            Form::String | Form::Secret => string(),
            Form::Number => number_of(value).map(Into::into),
            Form::StringOrNumber => text_of(value).map(Into::into),
            Form::Bool => value.as_bool().map(|is| is.to_string()),
            Form::Path => string().map(|path| match path.as_str() {
                "" | MEMORY => path,
                _ => here.join(path).to_string_lossy().into_owned(),
            }),
            Form::Choice => {
                let text = text_of(value).map(Into::into);
                let is_one = |text: &String| self.name.split('|').any(|choice| choice == text);
                Some(text.filter(is_one).ok_or_else(|| choices(self.name))?)
            }
            Form::List => value.as_array().and_then(|items| {
                let items = items.iter().map(|item| item.get_ref().as_str());
                let items = items.map(|item| item.filter(|item| !item.contains(BETWEEN)));
                items.collect::<Option<Vec<_>>>().map(|items| items.join(BETWEEN))
            }),
        };
        match text {
            Some(text) => (self.parse)(&text),
            // The mistake says what to give.
            None => Err((self.parse)("").err().unwrap_or_else(|| "give a list of strings".into())),
        }
    }

    /// Tells a flag what its values are called and how they are checked.
    pub(super) fn describe(&self, flag: Arg) -> Arg {
        let Self { name, form, parse, show } = *self;
        let flag = match form {
            Form::Bool => return flag.action(ArgAction::SetTrue),
            Form::List => flag.action(ArgAction::Append),
            _ => flag.allow_negative_numbers(form == Form::Number),
        };
        let parser = match form {
            Form::Choice => PossibleValuesParser::new(name.split('|')).into(),
            // An address is looked up once, not again with every reload.
            _ => ValueParser::new(move |text: &str| {
                parse(text).map(|value| match show(&value) {
                    Some(Value::String(shown)) if form == Form::String => shown,
                    _ => text.to_owned(),
                })
            }),
        };
        flag.value_name(name).value_parser(parser).hide_possible_values(true)
    }

    /// What the command line gives, if it does.
    pub(super) fn given(&self, matches: &ArgMatches, flag: &str) -> Option<T> {
        // A worker's command line has fewer options.
        let is_known = matches.try_contains_id(flag).is_ok();
        if !is_known || matches.value_source(flag) != Some(ValueSource::CommandLine) {
            return None;
        }
        if self.form == Form::Bool {
            return (self.parse)("true").ok();
        }
        let texts: Vec<_> = matches.get_many::<String>(flag)?.map(String::as_str).collect();
        (self.parse)(&texts.join(BETWEEN)).ok()
    }
}

const fn kind<T>(
    name: &'static str,
    form: Form,
    parse: fn(&str) -> Result<T, String>,
    show: fn(&T) -> Option<Value>,
) -> Kind<T> {
    Kind { name, form, parse, show }
}

pub(super) const DURATION: Kind<Duration> =
    kind("DURATION", Form::StringOrNumber, units::duration, show_duration);
pub(super) const DURATION_OR_ZERO: Kind<Duration> =
    Kind { parse: units::duration_or_zero, ..DURATION };
pub(super) const SIZE: Kind<usize> =
    kind("SIZE", Form::StringOrNumber, units::size, |bytes| show_size(*bytes as u64));
pub(super) const SIZE_OR_ZERO: Kind<usize> = Kind { parse: units::size_or_zero, ..SIZE };
pub(super) const KEPT_SIZE: Kind<u64> =
    kind("SIZE", Form::StringOrNumber, units::kept_size, |bytes| show_size(*bytes));
pub(super) const PRIORITY: Kind<i8> =
    kind("N", Form::Number, priority, |number| Some(i64::from(*number).into()));
pub(super) const SHARE: Kind<f64> =
    kind("N", Form::Number, units::share, |number| Some((*number).into()));
pub(super) const FACTOR: Kind<f64> = Kind { parse: units::factor, ..SHARE };
pub(super) const SWITCH: Kind<bool> = kind("", Form::Bool, switch, |is| Some((*is).into()));
pub(super) const CONTENT_TYPE: Kind<HeaderValue> =
    kind("TYPE", Form::String, content_type, |value| show_text(value.as_bytes()));
pub(super) const ADDRESS: Kind<SocketAddr> =
    kind("ADDR", Form::String, address, |address| show_text(address.to_string().as_bytes()));
pub(super) const FULL_STATUS: Kind<StatusCode> =
    kind("503|429", Form::Choice, full_status, |status| Some(i64::from(status.as_u16()).into()));
pub(super) const FILE: Kind<Option<PathBuf>> =
    kind("FILE", Form::Path, |text| path(text, "the path of a file"), show_path);
pub(super) const DIRECTORY: Kind<Option<PathBuf>> = Kind { parse: directory, ..FILE };
pub(super) const STORAGE: Kind<Storage> = kind("DIR|memory", Form::Path, storage, show_storage);
pub(super) const COMMAND: Kind<Vec<OsString>> = kind("COMMAND", Form::List, command, |words| {
    show_list(words, |word| word.to_string_lossy().into_owned())
});
pub(super) const ACCEPT: Kind<Vec<MediaRange>> = kind(
    "TYPE",
    Form::List,
    |text| items(text).map(str::parse).collect(),
    |ranges| show_list(ranges, MediaRange::to_string),
);
pub(super) const NAMES: Kind<Vec<String>> = kind(
    "NAME",
    Form::List,
    |text| Ok(items(text).map(str::to_owned).collect()),
    |names| show_list(names, String::clone),
);

/// The addresses of NATS servers. A password in one is not shown.
pub(super) const NATS: Kind<Option<String>> =
    kind("URL", Form::Secret, nats, |url| url.as_ref().map(|url| without_passwords(url).into()));
pub(super) const CLUSTER: Kind<String> =
    kind("NAME", Form::String, cluster, |name| Some(name.clone().into()));

/// A whole number from 0 to `MAX`.
pub(super) const fn count_or_zero<const MAX: u32>() -> Kind<usize> {
    Kind { parse: units::count_or_zero::<MAX>, ..count::<usize, MAX>() }
}

/// A whole number from 1 to `MAX`.
pub(super) const fn count<N: Copy + TryFrom<u32> + TryInto<i64>, const MAX: u32>() -> Kind<N> {
    kind("N", Form::Number, units::count::<N, MAX>, |number| {
        Some((*number).try_into().unwrap_or(i64::MAX).into())
    })
}

/// A whole number from 1 to `MAX`, or none.
pub(super) const fn limit<const MAX: u32>() -> Kind<Option<usize>> {
    kind(
        "N",
        Form::Number,
        |text| units::count::<_, MAX>(text).map(Some),
        |limit| Some(i64::try_from((*limit)?).unwrap_or(i64::MAX).into()),
    )
}

/// One of the values of an enum, whose names are these, with `|` between them.
pub(super) const fn choice<T: ValueEnum>(names: &'static str) -> Kind<T> {
    kind(
        names,
        Form::Choice,
        |text| T::from_str(text, false),
        |value: &T| Some(value.to_possible_value()?.get_name().into()),
    )
}

fn nats(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err("give the URL of a NATS server, nats://HOST:PORT; several with commas".into());
    }
    Ok(Some(text.to_owned()))
}

fn without_passwords(urls: &str) -> String {
    let shown = urls.split(',').map(|url| match url.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://(hidden)@{host}")
        }
        None => url.to_owned(),
    });
    shown.collect::<Vec<_>>().join(",")
}

fn cluster(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("give 1 to 64 ASCII letters, digits and -".to_owned())
    }
}

fn show_text(text: &[u8]) -> Option<Value> {
    Some(String::from_utf8_lossy(text).into_owned().into())
}

fn show_duration(duration: &Duration) -> Option<Value> {
    Some(humantime::format_duration(*duration).to_string().into())
}

/// With the largest unit that leaves a whole number.
fn show_size(bytes: u64) -> Option<Value> {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    Some(match units.iter().find(|(power, _)| bytes > 0 && bytes.is_multiple_of(1 << power)) {
        Some((power, unit)) => format!("{}{unit}", bytes >> power).into(),
        None => bytes.to_string().into(),
    })
}

/// Absolute, as what is printed may be put into another directory.
fn show_path(path: &Option<PathBuf>) -> Option<Value> {
    let path = path.as_ref()?;
    show_text(std::path::absolute(path).as_ref().unwrap_or(path).as_os_str().as_bytes())
}

fn show_storage(storage: &Storage) -> Option<Value> {
    match storage {
        Storage::Memory => Some(MEMORY.into()),
        Storage::Directory(directory) => show_path(&Some(directory.clone())),
    }
}

fn show_list<T>(items: &[T], show: fn(&T) -> String) -> Option<Value> {
    Some(items.iter().map(show).collect::<Vec<_>>().into())
}

fn switch(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "give true or false".to_owned())
}

fn priority(text: &str) -> Result<i8, String> {
    let wanted = "give a whole number from -128 to 127; the greatest goes first";
    text.parse().map_err(|_| wanted.to_owned())
}

fn content_type(text: &str) -> Result<HeaderValue, String> {
    let value = HeaderValue::from_str(text).ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| "give a content type, for example \"text/plain; charset=utf-8\"".to_owned())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .map_err(|error| format!("{error}; give HOST:PORT, for example 127.0.0.1:8080"))?
        .next()
        .ok_or_else(|| "the name has no address".to_owned())
}

fn full_status(text: &str) -> Result<StatusCode, String> {
    text.parse().map_err(|_| choices(FULL_STATUS.name))
}

/// What may be given instead of something that is none of these names.
fn choices(names: &str) -> String {
    let quoted = |name: &str| match name.parse::<u16>() {
        Ok(number) => number.to_string(),
        Err(_) => format!("{name:?}"),
    };
    let names: Vec<_> = names.split('|').map(quoted).collect();
    let (last, others) = names.split_last().expect("text splits into one part at least");
    format!("give {} or {last}", others.join(", "))
}

fn path(text: &str, wanted: &str) -> Result<Option<PathBuf>, String> {
    let path = Some(text).filter(|path| !path.is_empty() && !path.contains('\0'));
    path.map(|path| Some(path.into())).ok_or_else(|| format!("give {wanted}"))
}

/// Absolute: commands run there, and are looked for there.
fn directory(text: &str) -> Result<Option<PathBuf>, String> {
    let directory = path(text, "the path of a directory")?;
    directory.map(std::path::absolute).transpose().map_err(|error| error.to_string())
}

const MEMORY: &str = "memory";

fn storage(text: &str) -> Result<Storage, String> {
    match path(text, "a directory, or memory")? {
        Some(directory) if text != MEMORY => Ok(Storage::Directory(directory)),
        _ => Ok(Storage::Memory),
    }
}

/// The strings of a list.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(BETWEEN).filter(|_| !text.is_empty())
}

fn command(text: &str) -> Result<Vec<OsString>, String> {
    if text.is_empty() || text.starts_with(BETWEEN) {
        let wanted = "give the command and its arguments, for example [\"wc\", \"-c\"]; no shell \
                      is involved";
        return Err(wanted.to_owned());
    }
    Ok(items(text).map(OsString::from).collect())
}
