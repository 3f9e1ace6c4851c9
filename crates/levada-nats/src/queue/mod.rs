//! A bounded queue: a work-queue stream, of which each message goes to one receiver.

mod accepted;
mod announce;
mod attempts;
mod batch;
mod consumer;
mod dead;
mod dead_letters;
mod delay;
mod delivery;
mod encode;
mod error;
mod fetch;
mod headers;
mod held;
mod ids;
mod lease;
mod line;
mod link;
mod listen;
mod many;
mod meta;
mod objects;
mod options;
mod permits;
mod pipeline;
mod publish;
mod receiver;
mod recover;
mod renew;
mod seats;
mod send;
mod sender;
mod settle;
mod store;
mod subjects;
mod sweep;
mod wanted;

pub use self::accepted::Accepted;
pub use self::dead_letters::{DeadLetter, DeadLetterError, DeadLetters};
pub use self::delivery::Delivery;
pub use self::error::{SendError, SendManyError};
pub use self::many::{SendMany, SendingMany};
pub use self::options::{Capacity, Options};
pub use self::receiver::{Receiver, Recv, RecvError, TryRecvError};
pub use self::send::{Send, Sending, TrySend};
pub use self::sender::Sender;
pub use self::settle::SettleError;

use crate::codec::Codec;
use crate::stream::OpenError;
use crate::{Connection, Durability, Name};
use async_nats::jetstream::stream::Stream;
use objects::Stores;
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
/// 4. **As durable as [`Durability`] says**, from the moment it was accepted.
pub struct Queue<T> {
    shared: Arc<Shared<T>>,
}

/// What the ends of a queue in this process share.
struct Shared<T> {
    connection: Connection,
    name: Name,
    subjects: Subjects,
    stream: Stream,
    stores: Stores,
    codec: Arc<dyn Codec<T>>,
    capacity: Capacity,
    durability: Durability,
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
        let replicas = stream.cached_info().config.num_replicas;
        let shared = Shared {
            stores: Stores::new(&options.connection, &options.name, replicas),
            subjects,
            stream,
            codec,
            capacity: options.capacity,
            durability: options.durability,
            lease: options.lease,
            max_attempts: options.max_attempts,
            duplicate_window: options.duplicate_window,
            senders: sender::Senders::new(options.connection.client()),
            connection: options.connection,
            name: options.name,
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

impl<T: 'static> Queue<T> {
    /// A receiver that works on up to `seats` messages at a time. Any number of receivers, in any
    /// number of processes, share the messages of a queue.
    ///
    /// # Errors
    /// See [`OpenError`]: [`Differs`](OpenError::Differs) if the receivers of this queue have
    /// another lease.
    ///
    /// # Panics
    /// Outside a tokio runtime, in which its tasks run.
    ///
    /// # Cancel safety
    /// A cancelled call leaves nothing behind that the next one does not want.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let queue = connection.queue("greetings".parse()?).open::<String>().await?;
    /// let receiver = queue.receiver(1).await?;
    /// queue.sender().send("hello".to_owned()).await?;
    /// let delivery = receiver.recv().await?;
    /// assert_eq!(*delivery, "hello");
    /// delivery.ack().await?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn receiver(&self, seats: usize) -> Result<Receiver<T>, OpenError> {
        Receiver::open(&self.shared, seats).await
    }

    /// The messages that no receiver could handle.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let queue = connection.queue("no-dead-docs".parse()?).open::<String>().await?;
    /// assert!(queue.dead_letters().is_empty().await?);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn dead_letters(&self) -> DeadLetters<T> {
        DeadLetters::new(self.shared.clone())
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
