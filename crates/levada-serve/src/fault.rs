//! Why the program ends before its time, and its exit code.

use std::fmt;

use crate::config::Mistakes;

/// Why the program could not do what it was asked for, and the exit code that says so.
#[derive(Debug)]
pub(crate) struct Fault {
    /// 2: the command line asks for something impossible; 1: the system refused.
    pub(crate) code: u8,
    message: String,
}

impl Fault {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    pub(crate) fn system(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }
}

impl From<Mistakes> for Fault {
    fn from(mistakes: Mistakes) -> Self {
        match mistakes.0.len() {
            1 => Self::usage(mistakes.to_string()),
            count => Self::usage(format!("there are {count} mistakes\n{mistakes}")),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
