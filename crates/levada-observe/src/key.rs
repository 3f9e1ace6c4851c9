//! What makes channels one row.

use core::panic::Location;

use levada::observe::{Kind, Origin};

/// A line of the source: `src/http.rs:88:17`.
pub(crate) fn place(location: &Location<'_>) -> String {
    format!("{}:{}:{}", file(location.file()), location.line(), location.column())
}

/// The path of a source file. That of a dependency begins with its name: what stands before it is
/// where cargo has put it on the machine that compiled it, which is no matter of those who look at
/// the program.
fn file(path: &str) -> &str {
    for folder in ["/registry/src/", "/git/checkouts/"] {
        if let Some((_, rest)) = path.split_once(folder) {
            // Without the name of the registry, or with that of the repository.
            let crates = rest.split_once('/').filter(|_| folder == "/registry/src/");
            return crates.map_or(rest, |(_, path)| path);
        }
    }
    path
}

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
        let Self { kind, message, .. } = self;
        let location = place(self.location);
        match &self.name {
            Some(name) => format!("{kind} {name} {location} {message}"),
            None => format!("{kind} {location} {message}"),
        }
    }

    /// What the row may be called, the shortest first; the last one is unique.
    pub(crate) fn labels(&self) -> [String; 4] {
        let (message, location) = (self.message, place(self.location));
        let line = format!("{}:{}", file(self.location.file()), self.location.line());
        match &self.name {
            Some(name) => [
                name.clone(),
                format!("{name} ({line})"),
                format!("{name} ({location})"),
                format!("{name} ({location}, {message})"),
            ],
            None => [
                line.clone(),
                location.clone(),
                format!("{line} ({message})"),
                format!("{location} ({message})"),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_named_without_the_machine_that_compiled_it() {
        for (path, shown) in [
            ("src/main.rs", "src/main.rs"),
            ("/home/me/src/main.rs", "/home/me/src/main.rs"),
            (
                "/home/me/.cargo/registry/src/some-6f17d2/pipes-0.1.0/src/lib.rs",
                "pipes-0.1.0/src/lib.rs",
            ),
            (
                "/home/me/.cargo/git/checkouts/pipes-1a2b/3c4d/src/lib.rs",
                "pipes-1a2b/3c4d/src/lib.rs",
            ),
            ("/registry/src/", ""),
        ] {
            assert_eq!(file(path), shown);
        }
        let here = Location::caller();
        assert_eq!(place(here), here.to_string());
    }
}
