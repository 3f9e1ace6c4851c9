//! What a topic is opened with.

use super::handle::Topic;
use super::lossy::Lossy;
use super::source::Source;
use crate::codec::{Codec, Json};
use crate::payload::Objects;
use crate::stream::{self, OpenError};
use crate::{Connection, Durability, Name};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// For how long the server remembers ids, if messages live that long.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// The shortest `max_age` that the server takes.
const SHORTEST_AGE: Duration = Duration::from_millis(100);

/// The longest `max_age`: the server counts nanoseconds in 63 bits.
const LONGEST_AGE: Duration = Duration::from_nanos(i64::MAX as u64);

/// How much longer than a message its object is kept.
const OBJECT_MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

/// The most messages that a subscriber fetches ahead. The client's buffer of one subscription has
/// twice as many places.
const LONGEST_READ_AHEAD: usize = 32_768;

/// What a topic is opened with. All programs that open a topic give the same options, except for
/// [`read_ahead`](Self::read_ahead); the server keeps them, and [`open`](Self::open) says what
/// differs.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::OpenError;
/// use std::time::Duration;
///
/// let name: levada_nats::Name = "prices".parse()?;
/// let options = connection.topic(name.clone()).keep(10_000).max_age(Duration::from_secs(3600));
/// options.open::<f64>().await?;
///
/// let other = connection.topic(name).keep(20_000).open::<f64>().await;
/// assert!(matches!(other.unwrap_err(), OpenError::Differs { .. }));
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a topic is made by `open`"]
pub struct Options {
    connection: Connection,
    name: Name,
    keep: u64,
    max_age: Option<Duration>,
    max_bytes: Option<u64>,
    durability: Durability,
    read_ahead: usize,
}

impl Connection {
    /// A topic of this name, with the default options: it keeps 1,024 messages for as long as the
    /// server has them, and its durability is [`Durability::Lazy`].
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let topic = connection.topic("greetings".parse()?).open::<String>().await?;
    /// topic.send("hello".to_owned()).await?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn topic(&self, name: Name) -> Options {
        Options {
            connection: self.clone(),
            name,
            keep: 1024,
            max_age: None,
            max_bytes: None,
            durability: Durability::Lazy,
            read_ahead: 256,
        }
    }
}

impl Options {
    /// How many messages the topic keeps: 1,024 unless this says otherwise. The next one overwrites
    /// the oldest.
    pub fn keep(mut self, messages: u64) -> Self {
        self.keep = messages;
        self
    }

    /// How long the topic keeps a message, at least 100 milliseconds; without a limit unless this
    /// sets one.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// How many bytes the topic keeps, with what the server adds to each message (up to 64 bytes
    /// and the topic's subject); without a limit unless this sets one. The bytes of messages that
    /// are larger than the server's `max_payload` do not count.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// When a message counts as stored.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How many messages each subscriber of this handle fetches before it needs them: 256 unless
    /// this says otherwise, at most 32,768. A subscriber needs memory for them, and a subscriber
    /// that stops receiving gets this many before its first [`Lagged`](super::RecvError::Lagged).
    pub fn read_ahead(mut self, messages: usize) -> Self {
        self.read_ahead = messages;
        self
    }

    /// Opens the topic with messages as JSON.
    ///
    /// # Errors
    /// See [`OpenError`].
    ///
    /// # Cancel safety
    /// A cancelled call may have made the topic, which is what the next call wants.
    pub async fn open<T: Serialize + DeserializeOwned + 'static>(
        self,
    ) -> Result<Topic<T>, OpenError> {
        self.open_with(Json).await
    }

    /// Opens the topic with messages as this codec makes them.
    ///
    /// # Errors
    /// See [`OpenError`].
    ///
    /// # Cancel safety
    /// A cancelled call may have made the topic, which is what the next call wants.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::codec::Raw;
    ///
    /// let topic = connection.topic("texts".parse()?).open_with::<String>(Raw).await?;
    /// topic.send("not quoted".to_owned()).await?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn open_with<T: 'static>(self, codec: impl Codec<T>) -> Result<Topic<T>, OpenError> {
        self.check()?;
        let opened = stream::open(self.connection.jetstream(), self.stream()).await?;
        let info = opened.cached_info();
        let objects = Objects::new(&self.connection, "topic", &self.name, self.durability);
        // As long as a message may live, and what an object may be older than its message.
        let objects = match self.max_age {
            Some(age) => objects.max_age(age.saturating_add(OBJECT_MARGIN).min(LONGEST_AGE)),
            None => objects,
        };
        let source = Source {
            stream: info.config.name.clone(),
            created: info.created,
            subject: self.connection.subject("topic", &self.name).into(),
            max_bytes: self.max_bytes,
            objects,
            objects_stream: self.connection.stream_name("topic-objects", &self.name),
            swept: Mutex::default(),
            read_ahead: self.read_ahead,
            connection: self.connection,
        };
        Ok(Topic::new(source, Arc::new(codec)))
    }

    /// A topic without storage, with messages as JSON: see [`Lossy`]. Of the options it uses
    /// [`read_ahead`](Self::read_ahead) alone. It makes nothing on the server, and has nothing to
    /// do with a topic of the same name that is stored.
    ///
    /// # Errors
    /// [`OpenError::Settings`].
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let progress = connection.topic("progress".parse()?).open_lossy::<u8>()?;
    /// progress.send(50).await?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn open_lossy<T: Serialize + DeserializeOwned + 'static>(
        self,
    ) -> Result<Lossy<T>, OpenError> {
        self.open_lossy_with(Json)
    }

    /// A topic without storage, with messages as this codec makes them: see
    /// [`open_lossy`](Self::open_lossy).
    ///
    /// # Errors
    /// [`OpenError::Settings`].
    pub fn open_lossy_with<T: 'static>(self, codec: impl Codec<T>) -> Result<Lossy<T>, OpenError> {
        self.check()?;
        let subject = self.connection.subject("lossy", &self.name);
        Ok(Lossy::new(self.connection, subject, self.read_ahead, Arc::new(codec)))
    }

    fn check(&self) -> Result<(), OpenError> {
        let too_many = |limit: u64| i64::try_from(limit).is_err();
        let wrong = if self.keep == 0 {
            "a topic that keeps 0 messages has none for its subscribers: use at least 1"
        } else if self.max_bytes == Some(0) {
            "a topic that keeps 0 bytes has no message: use at least 1"
        } else if too_many(self.keep) || self.max_bytes.is_some_and(too_many) {
            "a limit is at most 2^63 - 1"
        } else if self.max_age.is_some_and(|age| age < SHORTEST_AGE) {
            "the server keeps messages for at least 100 milliseconds"
        } else if self.max_age.is_some_and(|age| age > LONGEST_AGE) {
            "the server keeps messages for at most 292 years"
        } else if self.read_ahead == 0 || self.read_ahead > LONGEST_READ_AHEAD {
            "a subscriber fetches between 1 and 32,768 messages ahead"
        } else {
            return Ok(());
        };
        Err(OpenError::Settings(format!("topic \"{}\": {wrong}", self.name)))
    }

    fn stream(&self) -> Config {
        let limit = |limit: u64| i64::try_from(limit).unwrap_or(i64::MAX);
        Config {
            name: self.connection.stream_name("topic", &self.name),
            subjects: vec![self.connection.subject("topic", &self.name)],
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::Old,
            max_messages: limit(self.keep),
            max_bytes: self.max_bytes.map_or(-1, limit),
            max_age: self.max_age.unwrap_or_default(),
            // The server refuses to remember an id for longer than a message.
            duplicate_window: DUPLICATE_WINDOW.min(self.max_age.unwrap_or(DUPLICATE_WINDOW)),
            storage: StorageType::File,
            num_replicas: self.durability.replicas(),
            ..Config::default()
        }
    }
}
