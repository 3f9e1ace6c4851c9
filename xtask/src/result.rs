//! How a command ends.

use std::error::Error;

/// The result of a command; the error is a sentence for the person who ran it.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;
