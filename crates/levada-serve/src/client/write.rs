//! Writing: what was asked for to standard output, what is said about it to standard error.

use std::io::{self, IsTerminal, Write};

use super::failure::{Done, Failure};

/// One line on standard output.
pub(super) fn line(text: &str) -> Done {
    let mut out = io::stdout().lock();
    let mut write = || {
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()
    };
    write().map_err(|error| Failure::output(&error))
}

/// One or more lines on standard error. A closed standard error is no failure.
pub(super) fn note(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Whether a person looks at what is written to standard output.
pub(super) fn to_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether a person looks at what is said.
pub(super) fn notes_to_terminal() -> bool {
    io::stderr().is_terminal()
}
