//! Kinds of values: how a value is written after a flag, in a file, and in what `--check` prints.

use std::marker::PhantomData;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{EnumValueParser, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, ValueEnum};
use http::{HeaderValue, StatusCode};
use toml::Value;
use toml::de::DeValue;

use super::data::Storage;
use super::document::{number_of, text_of};
use super::units;

/// How the values of an option are written.
pub(super) trait Kind: Send + Sync + 'static {
    type Value: Clone + Send + Sync + 'static;

    /// Reads a value of a file in the directory `here`.
    fn read(&self, value: &DeValue<'_>, here: &Path) -> Result<Self::Value, String>;

    /// The value as a file has it; `None` if there is none.
    fn show(&self, value: &Self::Value) -> Option<Value>;

    /// Tells the flag how its values are called and read.
    fn describe(&self, flag: Arg) -> Arg;

    /// The value that the command line gives, if it does.
    fn given(&self, matches: &ArgMatches, flag: &str) -> Option<Self::Value> {
        let is_given = matches.value_source(flag) == Some(ValueSource::CommandLine);
        is_given.then(|| matches.get_one(flag).cloned()).flatten()
    }
}

/// A value that may be absent.
pub(super) struct Optional<K>(pub(super) K);

impl<K: Kind> Kind for Optional<K> {
    type Value = Option<K::Value>;

    fn read(&self, value: &DeValue<'_>, here: &Path) -> Result<Self::Value, String> {
        self.0.read(value, here).map(Some)
    }

    fn show(&self, value: &Self::Value) -> Option<Value> {
        self.0.show(value.as_ref()?)
    }

    fn describe(&self, flag: Arg) -> Arg {
        self.0.describe(flag)
    }

    fn given(&self, matches: &ArgMatches, flag: &str) -> Option<Self::Value> {
        self.0.given(matches, flag).map(Some)
    }
}

/// What a value may be in a file. The command line has its text.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    String,
    Number,
    StringOrNumber,
    /// On the command line, a flag without a value.
    TrueOrFalse,
    /// One that begins where the file is.
    Path,
}

/// A value with a text, which one function reads and another one writes.
pub(super) struct Text<T: 'static> {
    name: &'static str,
    form: Form,
    parse: fn(&str) -> Result<T, String>,
    show: fn(&T) -> Value,
}

impl<T: Clone + Send + Sync> Kind for Text<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>, here: &Path) -> Result<T, String> {
        let text = match self.form {
            Form::String => value.as_str().map(Into::into),
            Form::Number => number_of(value),
            Form::StringOrNumber => text_of(value),
            Form::TrueOrFalse => value.as_bool().map(|is| is.to_string().into()),
            Form::Path => value.as_str().map(|path| match path {
                "" | MEMORY => path.into(),
                _ => here.join(path).to_string_lossy().into_owned().into(),
            }),
        };
        (self.parse)(text.as_deref().unwrap_or_default())
    }

    fn show(&self, value: &T) -> Option<Value> {
        Some((self.show)(value))
    }

    fn describe(&self, flag: Arg) -> Arg {
        match self.form {
            Form::TrueOrFalse => flag.action(ArgAction::SetTrue),
            _ => flag
                .value_name(self.name)
                .value_parser(ValueParser::new(self.parse))
                .allow_negative_numbers(self.form == Form::Number),
        }
    }
}

const fn text<T>(
    name: &'static str,
    form: Form,
    parse: fn(&str) -> Result<T, String>,
    show: fn(&T) -> Value,
) -> Text<T> {
    Text { name, form, parse, show }
}

pub(super) const DURATION: Text<Duration> =
    text("DURATION", Form::StringOrNumber, units::duration, show_duration);
pub(super) const DURATION_OR_ZERO: Text<Duration> =
    text("DURATION", Form::StringOrNumber, units::duration_or_zero, show_duration);
pub(super) const SIZE: Text<usize> =
    text("SIZE", Form::StringOrNumber, units::size, |bytes| show_size(*bytes as u64));
pub(super) const SIZE_OR_ZERO: Text<usize> =
    text("SIZE", Form::StringOrNumber, units::size_or_zero, |bytes| show_size(*bytes as u64));
pub(super) const KEPT_SIZE: Text<u64> =
    text("SIZE", Form::StringOrNumber, units::kept_size, |bytes| show_size(*bytes));
pub(super) const PRIORITY: Text<i8> =
    text("N", Form::Number, priority, |number| i64::from(*number).into());
pub(super) const FACTOR: Text<f64> =
    text("N", Form::Number, units::factor, |number| (*number).into());
pub(super) const SHARE: Text<f64> =
    text("N", Form::Number, units::share, |number| (*number).into());
pub(super) const SWITCH: Text<bool> = text("", Form::TrueOrFalse, switch, |is| (*is).into());
pub(super) const CONTENT_TYPE: Text<HeaderValue> =
    text("TYPE", Form::String, content_type, |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned().into()
    });
pub(super) const ADDRESS: Text<SocketAddr> =
    text("ADDR", Form::String, address, |address| address.to_string().into());
pub(super) const FULL_STATUS: Text<StatusCode> =
    text("503|429", Form::StringOrNumber, full_status, |status| i64::from(status.as_u16()).into());
pub(super) const STORAGE: Text<Storage> =
    text("DIR|memory", Form::Path, storage, |storage| match storage {
        Storage::Memory => MEMORY.into(),
        Storage::Directory(directory) => show_path(directory),
    });
pub(super) const FILE: Optional<AnyPath> = Optional(AnyPath("give the path of a file"));
pub(super) const DIRECTORY: Optional<AnyPath> = Optional(AnyPath("give the path of a directory"));

/// A whole number from 1 to `MAX`.
pub(super) const fn count<N, const MAX: u32>() -> Text<N>
where
    N: Copy + TryFrom<u32> + TryInto<i64>,
{
    text("N", Form::Number, units::count::<N, MAX>, |number| {
        (*number).try_into().unwrap_or(i64::MAX).into()
    })
}

fn show_duration(duration: &Duration) -> Value {
    humantime::format_duration(*duration).to_string().into()
}

/// With the largest unit that leaves a whole number.
fn show_size(bytes: u64) -> Value {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(power, _)| bytes > 0 && bytes.is_multiple_of(1 << power)) {
        Some((power, unit)) => format!("{}{unit}", bytes >> power).into(),
        None => bytes.to_string().into(),
    }
}

/// Absolute, as what is printed may be put into another directory.
fn show_path(path: &PathBuf) -> Value {
    let absolute = std::path::absolute(path);
    absolute.as_ref().unwrap_or(path).to_string_lossy().into_owned().into()
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
    match text {
        "503" => Ok(StatusCode::SERVICE_UNAVAILABLE),
        "429" => Ok(StatusCode::TOO_MANY_REQUESTS),
        _ => Err("give 503 or 429".to_owned()),
    }
}

fn path(text: &str, wanted: &str) -> Result<PathBuf, String> {
    let path = Some(text).filter(|path| !path.is_empty() && !path.contains('\0'));
    path.map(PathBuf::from).ok_or_else(|| wanted.to_owned())
}

const MEMORY: &str = "memory";

fn storage(text: &str) -> Result<Storage, String> {
    match text {
        MEMORY => Ok(Storage::Memory),
        _ => path(text, "give a directory, or memory").map(Storage::Directory),
    }
}

/// A path, which need not be UTF-8 on the command line; with what to give.
pub(super) struct AnyPath(&'static str);

impl Kind for AnyPath {
    type Value = PathBuf;

    fn read(&self, value: &DeValue<'_>, here: &Path) -> Result<PathBuf, String> {
        let path = here.join(path(value.as_str().unwrap_or_default(), self.0)?);
        std::path::absolute(path).map_err(|error| error.to_string())
    }

    fn show(&self, path: &PathBuf) -> Option<Value> {
        Some(show_path(path))
    }

    fn describe(&self, flag: Arg) -> Arg {
        flag.value_name("FILE").value_parser(ValueParser::path_buf())
    }
}

/// One of the values of an enum.
pub(super) struct Choice<T>(PhantomData<fn() -> T>);

impl<T: ValueEnum> Choice<T> {
    pub(super) const NEW: Self = Self(PhantomData);

    fn names() -> Vec<String> {
        let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        values.map(|value| value.get_name().to_owned()).collect()
    }
}

impl<T: ValueEnum + Send + Sync + 'static> Kind for Choice<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>, _: &Path) -> Result<T, String> {
        T::from_str(value.as_str().unwrap_or_default(), false).map_err(|_| {
            let names: Vec<_> = Self::names().iter().map(|name| format!("{name:?}")).collect();
            let (last, others) = names.split_last().expect("an enum has values");
            format!("give {} or {last}", others.join(", "))
        })
    }

    fn show(&self, value: &T) -> Option<Value> {
        value.to_possible_value().map(|value| value.get_name().into())
    }

    fn describe(&self, flag: Arg) -> Arg {
        let parser = EnumValueParser::<T>::new();
        flag.value_name(Self::names().join("|")).value_parser(parser).hide_possible_values(true)
    }
}

/// Several texts: a list in a file, and a flag that may be given several times.
pub(super) struct List<T: 'static> {
    pub(super) name: &'static str,
    /// How many there are at least.
    pub(super) least: usize,
    pub(super) wanted: &'static str,
    pub(super) parse: fn(&str) -> Result<T, String>,
    pub(super) show: fn(&T) -> String,
}

impl<T: Clone + Send + Sync> Kind for List<T> {
    type Value = Vec<T>;

    fn read(&self, value: &DeValue<'_>, _: &Path) -> Result<Vec<T>, String> {
        let texts = value.as_array().filter(|texts| texts.len() >= self.least);
        let texts: Option<Vec<_>> =
            texts.and_then(|texts| texts.iter().map(|text| text.get_ref().as_str()).collect());
        texts.ok_or(self.wanted)?.into_iter().map(self.parse).collect()
    }

    fn show(&self, values: &Vec<T>) -> Option<Value> {
        Some(values.iter().map(|value| (self.show)(value)).collect::<Vec<_>>().into())
    }

    fn describe(&self, flag: Arg) -> Arg {
        let parser = ValueParser::new(self.parse);
        flag.value_name(self.name).value_parser(parser).action(ArgAction::Append)
    }

    fn given(&self, matches: &ArgMatches, flag: &str) -> Option<Vec<T>> {
        matches.get_many(flag).map(|values| values.cloned().collect())
    }
}
