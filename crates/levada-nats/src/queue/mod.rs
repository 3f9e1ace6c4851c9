//! A bounded queue: a work-queue stream, of which each message goes to one receiver.

mod accepted;
mod attempts;
mod batch;
mod encode;
mod error;
mod headers;
mod line;
mod listen;
mod many;
mod options;
mod publish;

mod send;
mod sender;
mod subjects;

pub use self::accepted::Accepted;
pub use self::error::{SendError, SendManyError};
pub use self::many::{SendMany, SendingMany};
pub use self::options::{Capacity, Options};
pub use self::send::{Send, Sending, TrySend};
pub use self::sender::Sender;

use crate::codec::Codec;
use crate::stream::OpenError;
use crate::{Connection, Name};
use async_nats::jetstream::stream::Stream;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use subjects::Subjects;

impl Connection {
    /// The options of a queue with this name, which is made by [`Options::open`] if it does not
    /// exist.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::queue::Capacity;
    ///
    /// let queue = connection
    ///     .queue("thumbnails".parse()?)
    ///     .capacity(Capacity::Messages(1_000))
    ///     .open::<String>()
    ///     .await?;
    /// assert_eq!(queue.name().as_str(), "thumbnails");
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn queue(&self, name: Name) -> Options {
        Options::new(self.clone(), name)
    }
}

/// A bounded queue on NATS, of which each message goes to one receiver. Clones are the same queue.
///
/// # Guarantees
/// 1. **At least once.** A message that `send` accepted stays until a receiver acknowledges it or
///    moves it to the dead letters. It may be delivered more than once.
/// 2. **Bounded.** The queue never holds more than its capacity. Messages that a receiver works on
///    count: a place becomes free when a message is acknowledged, not when it is received.
/// 3. **In order** are the first deliveries. A message that is delivered again comes later.
/// 4. **As durable as [`Durability`](crate::Durability) says**, from the moment it was accepted.
pub struct Queue<T> {
    shared: Arc<Shared<T>>,
}

/// What the ends of a queue in this process share.
struct Shared<T> {
    connection: Connection,
    name: Name,
    subjects: Subjects,
    stream: Stream,
    codec: Arc<dyn Codec<T>>,
    capacity: Capacity,
    lease: Duration,
    max_attempts: u64,
    duplicate_window: Duration,
    senders: sender::Senders,
}

impl<T> Queue<T> {
    async fn open(options: Options, codec: Arc<dyn Codec<T>>) -> Result<Self, OpenError> {
        options.check()?;
        let subjects = Subjects::new(&options.connection, &options.name);
        let stream = options.connection.open_stream(options.stream(&subjects)).await?;
        let shared = Shared {
            subjects,
            stream,
            codec,
            capacity: options.capacity,
            lease: options.lease,
            max_attempts: options.max_attempts,
            duplicate_window: options.duplicate_window,
            connection: options.connection,
            name: options.name,
            senders: sender::Senders::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A sending end. Those of all clones of this queue stand in one line when it is full.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let tx = connection.queue("letters".parse()?).open::<String>().await?.sender();
    /// tx.send("dear reader".to_owned()).await?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn sender(&self) -> Sender<T> {
        Sender::new(self.shared.clone())
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.shared.name
    }

    /// How much it holds.
    pub fn capacity(&self) -> Capacity {
        self.shared.capacity
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("name", &self.shared.name.as_str())
            .field("capacity", &self.shared.capacity)
            .finish_non_exhaustive()
    }
}
