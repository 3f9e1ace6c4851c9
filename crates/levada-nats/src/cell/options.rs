//! How a cell is opened.

use super::follow::{Content, Follower, Newest};
use super::{Cell, KEY, Shared, State};
use crate::bucket::{Bucket, Entry, Feed, Purpose, ReadError, Write, WriteError};
use crate::codec::Json;
use crate::stream::{Durability, OpenError};
use crate::{Codec, Connection, Name};
use bytes::Bytes;
use levada::{mpsc, watch};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// How many writes may wait for the task of a cell.
const WAITING: usize = 64;

/// How often `open` tries again if the cell changes meanwhile.
const ATTEMPTS: usize = 16;

impl Connection {
    /// The cell of this name: see [`cell`](crate::cell). [`Options::open`] opens it.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let cell = connection.cell("threshold".parse()?).open(0.5).await?;
    /// assert!(*cell.borrow() < 1.0);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn cell(&self, name: Name) -> Options {
        Options {
            connection: self.clone(),
            name,
            durability: Durability::default(),
            send_timeout: Duration::from_secs(10),
        }
    }
}

/// What a [`Cell`] is opened with.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use levada_nats::Durability;
/// use std::time::Duration;
///
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let options = connection.cell("quota".parse()?).durability(Durability::Fsync);
/// let cell = options.send_timeout(Duration::from_secs(3)).open(1000).await?;
/// cell.send(2000).await?;
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a cell is opened by `open`"]
pub struct Options {
    connection: Connection,
    name: Name,
    durability: Durability,
    send_timeout: Duration,
}

impl Options {
    /// When a value counts as stored. It is that of the bucket, and so the same in all processes.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long a `send` waits for a connection and an answer: 10 seconds unless it is set.
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.send_timeout = timeout;
        self
    }

    /// Opens the cell, with values in JSON. If it does not exist yet, or was deleted, `initial` is
    /// its first value.
    ///
    /// # Errors
    /// See [`OpenError`]. [`OpenError::Settings`] also says that the cell holds bytes that are no
    /// value of this type, or that `initial` cannot be stored.
    ///
    /// # Cancel safety
    /// The cell may exist afterwards, with the first value; nothing else is left behind.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Limits {
    ///     requests: u32,
    ///     bytes: u64,
    /// }
    ///
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let limits = Limits { requests: 100, bytes: 1 << 20 };
    /// let limits = connection.cell("limits".parse()?).open(limits).await?;
    /// assert_eq!(limits.borrow().requests, 100);
    /// assert_eq!(limits.borrow().bytes, 1 << 20);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn open<T>(self, initial: T) -> Result<Cell<T>, OpenError>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        self.open_with(initial, Json).await
    }

    /// Opens the cell as [`open`](Self::open) does, with another codec.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    ///
    /// # Cancel safety
    /// As for [`open`](Self::open).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use levada_nats::codec::Raw;
    ///
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let motto = connection.cell("motto".parse()?).open_with(String::from("on"), Raw).await?;
    /// assert_eq!(*motto.borrow(), "on");
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn open_with<T, C>(self, initial: T, codec: C) -> Result<Cell<T>, OpenError>
    where
        T: Send + Sync + 'static,
        C: Codec<T>,
    {
        let purpose = Purpose {
            kind: "cell",
            name: &self.name,
            keys: KEY,
            durability: self.durability,
            expiring: false,
        };
        let bucket = Bucket::open(&self.connection, &purpose).await?;
        let position = bucket.position().await.map_err(|error| unread(&bucket, error))?;
        let first = self.first(&bucket, &initial, &codec).await?;
        let value = match &first {
            First::Created(..) => initial,
            First::Existing(revision, bytes) => codec.decode(bytes).map_err(|error| {
                let stream = bucket.stream_name();
                OpenError::Settings(format!(
                    "the bucket {stream:?} holds bytes that are no value of this type (revision \
                     {revision}): {error}; open it with its type, or delete the bucket"
                ))
            })?,
        };
        let (First::Created(revision, bytes) | First::Existing(revision, bytes)) = first;
        let newest = Newest { accepted: revision, shown: revision, bytes, content: Content::Value };
        let (value_sender, value) = watch::channel(value);
        let (newest_sender, newest) = watch::channel(newest);
        let (state_sender, state) = watch::channel(State::Current);
        let (told, told_receiver) = mpsc::channel(WAITING);
        let codec: Arc<dyn Codec<T>> = Arc::new(codec);
        let follower = Follower {
            feed: Feed::new(bucket.clone()),
            bucket: bucket.clone(),
            codec: codec.clone(),
            value: value_sender,
            newest: newest_sender,
            state: state_sender,
            told: told_receiver,
            created: position.created,
        };
        let task = tokio::spawn(follower.run()).abort_handle();
        let send_timeout = self.send_timeout;
        let shared = Shared { bucket, codec, send_timeout, value, newest, state, told, task };
        Ok(Cell { shared: Arc::new(shared) })
    }

    /// The value that exists, or the one that is made of `initial`.
    async fn first<T>(
        &self,
        bucket: &Bucket,
        initial: &T,
        codec: &impl Codec<T>,
    ) -> Result<First, OpenError> {
        let mut encoded = None;
        for _ in 0..ATTEMPTS {
            let expected = match bucket.last(KEY).await.map_err(|error| unread(bucket, error))? {
                Some(Entry { revision, value: Some(bytes) }) => {
                    return Ok(First::Existing(revision, bytes));
                }
                Some(Entry { revision, value: None }) => revision,
                None => 0,
            };
            let bytes: Bytes = match &encoded {
                Some(bytes) => Bytes::clone(bytes),
                None => encoded.insert(encode(initial, codec)?).clone(),
            };
            let value = Some(bytes.clone());
            let write = Write { key: KEY, value, expected: Some(expected), ttl: None };
            match bucket.write(&write, self.send_timeout).await {
                Ok(revision) => return Ok(First::Created(revision, bytes)),
                Err(WriteError::Changed) => {}
                Err(error) => return Err(unwritten(bucket, error, bytes.len())),
            }
        }
        let reason = format!("it changed {ATTEMPTS} times while it was opened");
        Err(OpenError::Refused { stream: bucket.stream_name().to_owned(), reason })
    }
}

/// The revision and the bytes of the first value of a cell that is opened.
enum First {
    Created(u64, Bytes),
    Existing(u64, Bytes),
}

fn encode<T>(initial: &T, codec: &impl Codec<T>) -> Result<Bytes, OpenError> {
    codec.encode(initial).map_err(|error| {
        OpenError::Settings(format!("the first value of the cell cannot be encoded: {error}"))
    })
}

fn unread(bucket: &Bucket, error: ReadError) -> OpenError {
    let stream = bucket.stream_name().to_owned();
    match error {
        ReadError::NoBucket => {
            let reason = "it was deleted while it was opened".to_owned();
            OpenError::Refused { stream, reason }
        }
        ReadError::NoAnswer(source) => OpenError::NoAnswer { stream, source },
    }
}

fn unwritten(bucket: &Bucket, error: WriteError, len: usize) -> OpenError {
    let stream = bucket.stream_name().to_owned();
    match error {
        WriteError::TooLarge { max } => OpenError::Settings(format!(
            "the first value of the cell has {len} bytes, and the NATS server takes {max} with the \
             headers: store it elsewhere and send where it is, or increase `max_payload`"
        )),
        WriteError::NoBucket | WriteError::Changed => unread(bucket, ReadError::NoBucket),
        WriteError::Refused(reason) => OpenError::Refused { stream, reason },
        WriteError::Disconnected | WriteError::Unknown => {
            let source = "the first value was not acknowledged in time".into();
            OpenError::NoAnswer { stream, source }
        }
    }
}
