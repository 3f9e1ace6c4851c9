//! What redb reports, in our words.

use std::io::ErrorKind;
use std::panic::{self, AssertUnwindSafe};

use super::super::{StoreError, StoreErrorKind};

/// A damaged database can make redb panic.
pub(super) fn contained<T>(act: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    panic::catch_unwind(AssertUnwindSafe(act))
        .unwrap_or_else(|_| Err(StoreError::corrupt("the database is damaged")))
}

/// The error of the store that an error of redb stands for.
pub(super) fn error(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) => match error.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                StoreError::corrupt(format!("the database is damaged, or is none: {error}"))
            }
            _ => StoreError::from(error),
        },
        error @ (redb::Error::PreviousIo | redb::Error::Unsupported | redb::Error::Backend(_)) => {
            StoreError::io(error.to_string())
        }
        error => StoreError {
            kind: StoreErrorKind::Corrupt,
            message: format!("the database is damaged: {error}"),
        },
    }
}
