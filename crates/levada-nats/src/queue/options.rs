//! What a queue is opened with.

use super::Queue;
use super::subjects::Subjects;
use crate::codec::{Codec, Json};
use crate::stream::OpenError;
use crate::{Connection, Durability, Name};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// The shortest lease: it is renewed at a third of it, and a server that elects a leader answers
/// no renewal for some seconds.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// How much a queue holds. The server enforces one of the two: with both, a message may be lost
/// without an error (nats-server #4771).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capacity {
    /// So many messages.
    Messages(u64),
    /// So many bytes, with headers and what the server adds to each message.
    Bytes(u64),
}

/// What a queue is opened with. All programs that open a queue give the same options; the server
/// keeps them, and [`open`](Self::open) says what differs.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::OpenError;
/// use levada_nats::queue::Capacity;
///
/// let name: levada_nats::Name = "mails".parse()?;
/// let options = connection.queue(name.clone()).capacity(Capacity::Messages(100));
/// options.open::<String>().await?;
///
/// let other = connection.queue(name).capacity(Capacity::Messages(200));
/// let error = other.open::<String>().await.unwrap_err();
/// assert!(matches!(error, OpenError::Differs { .. }));
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a queue is made by `open`"]
pub struct Options {
    pub(super) connection: Connection,
    pub(super) name: Name,
    pub(super) capacity: Capacity,
    pub(super) durability: Durability,
    pub(super) lease: Duration,
    pub(super) max_attempts: u64,
    pub(super) duplicate_window: Duration,
}

impl Options {
    pub(super) fn new(connection: Connection, name: Name) -> Self {
        Self {
            connection,
            name,
            capacity: Capacity::Messages(1024),
            durability: Durability::Lazy,
            lease: Duration::from_secs(30),
            max_attempts: 5,
            duplicate_window: Duration::from_secs(120),
        }
    }

    /// How much the queue holds: 1,024 messages unless this says otherwise.
    pub fn capacity(mut self, capacity: Capacity) -> Self {
        self.capacity = capacity;
        self
    }

    /// When a message counts as accepted.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long a message is a receiver's without a renewal: 30 seconds unless this says otherwise,
    /// at least 1. Receivers renew by themselves; this is how long a message waits for another
    /// receiver after its own was killed.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How often a message is delivered before it becomes a dead letter: 5 times unless this says
    /// otherwise.
    pub fn max_attempts(mut self, attempts: u64) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// For how long the server remembers the id of a message: 2 minutes unless this says otherwise.
    /// A `send` that had no answer tries again within three quarters of it, and then ends as
    /// [`Unknown`](super::SendError::Unknown).
    pub fn duplicate_window(mut self, window: Duration) -> Self {
        self.duplicate_window = window;
        self
    }

    /// Opens the queue with messages as JSON.
    ///
    /// # Errors
    /// See [`OpenError`].
    ///
    /// # Cancel safety
    /// A cancelled call may have made the queue, which is what the next call wants.
    pub async fn open<T: Serialize + DeserializeOwned>(self) -> Result<Queue<T>, OpenError> {
        Queue::open(self, Arc::new(Json)).await
    }

    /// Opens the queue with messages as this codec makes them.
    ///
    /// # Errors
    /// See [`OpenError`].
    ///
    /// # Cancel safety
    /// A cancelled call may have made the queue, which is what the next call wants.
    pub async fn open_with<T>(self, codec: impl Codec<T>) -> Result<Queue<T>, OpenError> {
        Queue::open(self, Arc::new(codec)).await
    }

    pub(super) fn check(&self) -> Result<(), OpenError> {
        let (Capacity::Messages(limit) | Capacity::Bytes(limit)) = self.capacity;
        let wrong = if limit == 0 {
            "a queue with a capacity of 0 accepts nothing: use at least 1"
        } else if i64::try_from(limit).is_err() {
            "a capacity is at most 2^63 - 1"
        } else if self.lease < SHORTEST_LEASE {
            "a lease lasts at least 1 second"
        } else if self.max_attempts == 0 {
            "a message is delivered at least once: use at least 1 attempt"
        } else if self.duplicate_window < Duration::from_millis(100) {
            "the server remembers ids for at least 100 milliseconds"
        } else {
            return Ok(());
        };
        Err(OpenError::Settings(format!("queue \"{}\": {wrong}", self.name)))
    }

    pub(super) fn stream(&self, subjects: &Subjects) -> Config {
        let (max_messages, max_bytes) = match self.capacity {
            Capacity::Messages(limit) => (limit, 0),
            Capacity::Bytes(limit) => (0, limit),
        };
        Config {
            name: subjects.stream.clone(),
            subjects: vec![subjects.messages.to_string()],
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            storage: StorageType::File,
            max_messages: max_messages.cast_signed(),
            max_bytes: max_bytes.cast_signed(),
            num_replicas: self.durability.replicas(),
            duplicate_window: self.duplicate_window,
            allow_atomic_publish: true,
            ..Config::default()
        }
    }
}
