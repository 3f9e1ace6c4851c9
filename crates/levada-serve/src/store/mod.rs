//! Where accepted jobs are kept: what "accepted" means.
//!
//! [`Store`] is the shape of a place to keep them, [`disk`] the one that lasts and [`memory`] its
//! twin. Calls block; changes come from one writer only ([`writer`]), which commits many at once.
//! What is kept under which key ([`layout`]), what a change does ([`change`]) and how things are
//! found ([`query`]) is the same for both: a store is a set of ordered tables, and nothing else.
//! [`retention`] decides what is given up.

mod backlog;
pub(crate) mod body;
mod change;
pub(crate) mod clock;
pub(crate) mod condition;
pub(crate) mod disk;
pub(crate) mod handle;
mod layout;
pub(crate) mod memory;
mod query;
pub(crate) mod retention;
pub(crate) mod spool;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod writer;

use std::fmt;
use std::io;
use std::sync::Arc;

use self::body::{Body, BodyFile};
use crate::job::{IdempotencyKey, JobId, JobState, Moment, Record};
use crate::transient::is_transient;

/// One change of what is kept. Changes of a job that is not there, but for `Accept`, do nothing.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A new job. `record.input_bytes` is the length of the input.
    Accept { record: Arc<Record>, input: Body },
    /// Something happened to a job that has not ended. Without an output.
    Update { record: Arc<Record> },
    /// A job that ended is to run again. Does nothing if it has not ended, its input is no longer
    /// kept, or `record.revision` is not greater than that of what is kept: it was given up
    /// meanwhile.
    Again { record: Arc<Record> },
    /// A job succeeded. `record.output_bytes` is the length of the output.
    Finish { record: Arc<Record>, output: Body },
    /// Input and output of a job are given up; `record.emptied` is true, and it has no standard
    /// error. Does nothing if the job has not ended, or `record.revision` is not greater than that
    /// of what is kept: it was run again meanwhile.
    Empty { record: Arc<Record> },
    /// A job that ended is kept until another time. Does nothing if it has not ended, or
    /// `record.revision` is not greater than that of what is kept.
    Keep { record: Arc<Record> },
    /// A job is forgotten. Does nothing if it has not ended: it was run again meanwhile.
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
    pub(crate) state: Option<JobState>,
    /// Only older ones.
    pub(crate) before: Option<JobId>,
    pub(crate) limit: usize,
}

/// A job, and the number of the lease under which it is changed, if several processes share it.
pub(crate) type Lease = (JobId, Option<u64>);

/// A job that an index names.
pub(crate) type Found = Result<Record, Unreadable>;

/// A job whose record is damaged, or is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) id: JobId,
    pub(crate) error: StoreError,
}

/// A place where jobs are kept.
pub(crate) trait Store: fmt::Debug + Send + Sync + 'static {
    /// Its calls wait for nothing, so that they need no thread of their own.
    fn never_blocks(&self) -> bool {
        false
    }

    /// Makes these changes, in this order: all of them or none.
    fn commit(&self, changes: &[Change], durability: Durability) -> Result<(), StoreError>;

    /// After a commit for which there was no [room](StoreErrorKind::Full): takes changes again. All
    /// of what it was to change is as it was before it, or, if the room was missing only at its
    /// very end, as it is after it; and what was committed for later since the last one that was to
    /// survive may be gone. The room that is set aside is given back before that.
    ///
    /// # Errors
    /// There is no room for that either: it can be tried again. Or it has failed.
    fn reopen(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Sets room aside for when there is none, if that is not done already.
    ///
    /// # Errors
    /// There is no room for that, or it has [to be opened again](Self::reopen) before.
    fn set_room_aside(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Says how much room there is, and how much there has to be, if that is what is missing.
    fn explained(&self, error: StoreError) -> StoreError {
        error
    }

    /// Which changes of the last commit were not made, and why: other processes write as well, or
    /// the queue is full. All others were. A second call returns none of them.
    fn not_made(&self) -> Vec<(Lease, StoreError)> {
        Vec::new()
    }

    fn record(&self, id: JobId) -> Result<Option<Record>, StoreError>;

    /// Bodies of any length stay in memory.
    fn keeps_bodies_in_memory(&self) -> bool {
        false
    }

    /// A new file for a body; `None` if there is no descriptor for it at the moment.
    fn new_body(&self) -> Result<Option<BodyFile>, StoreError>;

    /// `None` if there is no such job or its input was given up.
    fn input(&self, id: JobId) -> Result<Option<Body>, StoreError>;

    /// `None` if there is no such job, or it did not succeed, or its output was given up.
    fn output(&self, id: JobId) -> Result<Option<Body>, StoreError>;

    /// The job whose [`key`](crate::job::IdempotencyKey) has this name.
    fn by_key(&self, name: &[u8; 32]) -> Result<Option<Record>, StoreError>;

    /// The id of the job that a request with this key is to become: this one, unless another
    /// process has such a request.
    fn claim(&self, key: &IdempotencyKey, id: JobId) -> Result<JobId, StoreError> {
        let _ = key;
        Ok(id)
    }

    /// All jobs that have not ended, in the order in which they were accepted.
    fn unfinished(&self) -> Result<Vec<Record>, StoreError>;

    fn list(&self, filter: &Filter) -> Result<Vec<Record>, StoreError>;

    /// How many jobs of a queue failed and could be run again: their input is still kept.
    fn kept_failed(&self, queue: &str) -> Result<u64, StoreError>;

    /// At most `limit` jobs that ended and whose `expires_at` is not after `now`, those first that
    /// expire first. Those that cannot be read do not count.
    fn expired(&self, now: Moment, limit: usize) -> Result<Vec<Found>, StoreError>;

    /// At most `limit` jobs that ended and whose `expires_at` is after `time`, those first that
    /// expire first. Those that cannot be read do not count.
    fn expiring_after(&self, time: Moment, limit: usize) -> Result<Vec<Found>, StoreError>;

    /// At most `limit` jobs that ended and still have input, output or standard error, those first
    /// that ended first, and how many bytes these take of all that ended. Those that cannot be read
    /// do not count for the limit.
    fn heaviest(&self, limit: usize) -> Result<(Vec<Found>, u64), StoreError>;
}

/// Does something with the store that takes long, or blocks.
///
/// # Errors
/// Those of `call`; also if it panics or the runtime ends.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    store: &Arc<dyn Store>,
    call: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let store = Arc::clone(store);
    let called = tokio::task::spawn_blocking(move || call(&*store)).await;
    called.unwrap_or_else(|error| {
        Err(StoreError::io(format!("a call of the store broke off: {error}")))
    })
}

/// Does something with the store that takes long only because it blocks.
///
/// # Errors
/// Those of `call`; also if it panics or the runtime ends.
pub(crate) async fn call<T: Send + 'static>(
    store: &Arc<dyn Store>,
    call: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    if store.never_blocks() { call(&**store) } else { on_a_thread(store, call).await }
}

/// Why the store did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreError {
    pub(crate) kind: StoreErrorKind,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreErrorKind {
    /// The disk is full, or the quota on it, or the database is as large as this process may make
    /// a file. There may be room later.
    Full,
    /// A body is larger than this process may make a file.
    TooLarge,
    /// The system lacks something that it may have in a moment, such as a descriptor.
    Passing,
    /// The system failed to read or write.
    Io,
    /// What is there is not what was written.
    Corrupt,
    /// The servers that keep it do not answer. They may later.
    Away,
    /// Another process changed it first: what was to be changed is no longer so.
    Taken,
    /// The queue took no more when the job came.
    #[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only a cluster finds that"))]
    NoPlace,
}

impl StoreErrorKind {
    /// The same change may be made later.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::Full | Self::Away)
    }
}

impl StoreError {
    pub(crate) fn io(message: impl Into<String>) -> Self {
        Self { kind: StoreErrorKind::Io, message: message.into() }
    }

    #[cfg(feature = "nats")]
    pub(crate) fn away(message: impl Into<String>) -> Self {
        Self { kind: StoreErrorKind::Away, message: message.into() }
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self { kind: StoreErrorKind::Corrupt, message: message.into() }
    }

    /// Says in front of the message what could not be done.
    pub(crate) fn context(self, what: impl fmt::Display) -> Self {
        Self { kind: self.kind, message: format!("{what}: {}", self.message) }
    }
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
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => StoreErrorKind::Full,
            _ if is_transient(&error) => StoreErrorKind::Passing,
            _ => StoreErrorKind::Io,
        };
        Self { kind, message: error.to_string() }
    }
}
