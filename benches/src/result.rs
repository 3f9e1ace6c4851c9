//! How the program ends.

use std::error::Error;

/// The result of the program; the error is a sentence for the person who ran it.
pub(crate) type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;
