//! What makes channels one row.

use core::panic::Location;

use levada::observe::{Kind, Origin};

/// What all channels of a row have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) location: &'static Location<'static>,
    pub(crate) message: &'static str,
    pub(crate) name: Option<String>,
}

impl Key {
    pub(crate) fn of(origin: &Origin) -> Self {
        Self {
            kind: origin.kind(),
            location: origin.location(),
            message: origin.message(),
            name: origin.name().map(str::to_owned),
        }
    }

    /// The row of the same line without a name.
    pub(crate) fn without_name(&self) -> Self {
        Self { name: None, ..self.clone() }
    }

    /// [`Channel::id`](crate::report::Channel::id).
    pub(crate) fn id(&self) -> String {
        let Self { kind, location, message, .. } = self;
        match &self.name {
            Some(name) => format!("{kind} {name} {location} {message}"),
            None => format!("{kind} {location} {message}"),
        }
    }

    /// What the row may be called, the shortest first; the last one is unique.
    pub(crate) fn labels(&self) -> [String; 4] {
        let Self { location, message, .. } = self;
        let line = format!("{}:{}", location.file(), location.line());
        match &self.name {
            Some(name) => [
                name.clone(),
                format!("{name} ({line})"),
                format!("{name} ({location})"),
                format!("{name} ({location}, {message})"),
            ],
            None => [
                line.clone(),
                location.to_string(),
                format!("{line} ({message})"),
                format!("{location} ({message})"),
            ],
        }
    }
}
