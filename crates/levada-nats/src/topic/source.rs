//! The stream under a topic.

use crate::Connection;
use crate::payload::Objects;
use async_nats::Subject;
use async_nats::datetime::DateTime;
use std::sync::Mutex;
use std::time::Instant;

/// The stream under a topic.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) connection: Connection,
    /// Its name.
    pub(super) stream: String,
    /// When it was made: a stream of the same name with another time is another one.
    pub(super) created: DateTime,
    /// Its subject.
    pub(super) subject: Subject,
    /// The most bytes that it keeps, if there is such a limit.
    pub(super) max_bytes: Option<u64>,
    /// Where the bytes of large messages are.
    pub(super) objects: Objects,
    /// The stream of that.
    pub(super) objects_stream: String,
    /// When the objects that belong to no message were deleted the last time.
    pub(super) swept: Mutex<Option<Instant>>,
    /// How many messages a subscriber fetches ahead.
    pub(super) read_ahead: usize,
}
