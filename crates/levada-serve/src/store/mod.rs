//! Where accepted jobs are kept: what "accepted" means.
//!
//! [`Store`] is the shape of a place to keep them, `disk` the one that lasts and `memory` its twin. Calls block;
//! changes come from one writer only (`writer.rs`), which commits many at once.

use std::fmt;
use std::io;

use bytes::Bytes;

use crate::jobs::record::{JobId, Moment, Record, State};

/// One change of what is kept.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A new job.
    Accept { record: Record, input: Bytes },
    /// Something happened to a job. Without an output.
    Update { record: Record },
    /// A job succeeded.
    Finish { record: Record, output: Bytes },
    /// Input and output of a job are given up; `record.emptied` is true.
    Empty { record: Record },
    /// A job is forgotten.
    Forget { id: JobId },
}

/// Whether a commit has to reach the disk before it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It survives the death of the process, and a loss of power, when `commit` returns.
    Now,
    /// It survives with the next commit that is durable `Now`.
    Later,
}

/// Which jobs a list shows. The newest come first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) queue: Option<String>,
    pub(crate) state: Option<State>,
    /// Only older ones.
    pub(crate) before: Option<JobId>,
    pub(crate) limit: usize,
}

/// A place where jobs are kept.
pub(crate) trait Store: fmt::Debug + Send + Sync + 'static {
    /// Makes these changes, in this order: all of them or none.
    fn commit(&self, changes: &[Change], durability: Durability) -> Result<(), StoreError>;

    fn record(&self, id: JobId) -> Result<Option<Record>, StoreError>;

    /// `None` if there is no such job or its input was given up.
    fn input(&self, id: JobId) -> Result<Option<Bytes>, StoreError>;

    /// `None` if there is no such job, or it did not succeed, or its output was given up.
    fn output(&self, id: JobId) -> Result<Option<Bytes>, StoreError>;

    /// The job whose [`key`](crate::jobs::record::IdempotencyKey) has this name.
    fn by_key(&self, name: &[u8; 32]) -> Result<Option<Record>, StoreError>;

    /// All jobs that have not ended, in the order in which they were accepted.
    fn unfinished(&self) -> Result<Vec<Record>, StoreError>;

    fn list(&self, filter: &Filter) -> Result<Vec<Record>, StoreError>;

    /// At most `limit` jobs that ended and whose `expires_at` is not after `now`, those first that expire first.
    fn expired(&self, now: Moment, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// At most `limit` jobs that ended and still have input or output, those first that ended first, and how many bytes
    /// the inputs and outputs of all that ended take.
    fn heaviest(&self, limit: usize) -> Result<(Vec<Record>, u64), StoreError>;
}

/// Why the store did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct StoreError {
    pub(crate) kind: StoreErrorKind,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreErrorKind {
    /// The disk, or the quota on it, is full.
    Full,
    /// The system failed to read or write.
    Io,
    /// What is there is not what was written.
    Corrupt,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreErrorKind::Full,
            _ => StoreErrorKind::Io,
        };
        Self { kind, message: error.to_string() }
    }
}
