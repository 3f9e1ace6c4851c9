//! The receiving end of a queue.

use super::delivery::Delivery;
use super::fetch::{Arrived, Fetch};
use super::held::{Held, Message};
use super::lease::Leases;
use super::link::{End, Flag, Link};
use super::seats::Seats;
use super::subjects::Subjects;
use super::wanted::Wanted;
use super::{Shared, announce, consumer, delay, renew, sweep};
use crate::codec::Codec;
use crate::stream::OpenError;
use levada::mpmc;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// How long [`Receiver::close`] waits.
const CLOSE: Duration = Duration::from_secs(5);

/// The receiving end of a queue. Clones are the same receiver: they share its seats, and each
/// message goes to one of them.
///
/// # Guarantees
/// 1. **At least once.** Each message is delivered until a receiver acknowledges it or it is a dead
///    letter, also when receivers and servers are killed.
/// 2. **Once, when nothing fails**: no process, server or connection, and no lease.
/// 3. **Seats.** At most so many messages are leased to this receiver as it has seats, in its
///    buffer and in the hands of the program together. It asks for a message only if a seat is
///    free, so a message that no task works on waits in the queue, for any receiver.
/// 4. **In order** are the first deliveries, to all receivers of the queue together; a message that
///    is larger than the server takes may be overtaken.
/// 5. **A killed receiver** holds a message for the rest of one lease. Then the message goes to
///    another receiver, with the next attempt.
/// 6. **Poison ends.** A message whose receivers die, drop it or retry it at each of its attempts
///    becomes a dead letter, and its place is free.
/// 7. **It recovers by itself** from lost connections, restarted servers, new leaders and a deleted
///    consumer.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let queue = connection.queue("receiver-docs".parse()?).open::<u32>().await?;
/// let receiver = queue.receiver(8).await?;
/// // Eight tasks work on eight messages at a time.
/// let mut workers = Vec::new();
/// for _ in 0..receiver.seats() {
///     let receiver = receiver.clone();
///     workers.push(tokio::spawn(async move {
///         while let Ok(delivery) = receiver.recv().await {
///             println!("{}", *delivery);
///             delivery.ack().await.unwrap();
///         }
///     }));
/// }
/// queue.sender().send(7).await?;
/// receiver.close().await;
/// for worker in workers {
///     worker.await?;
/// }
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct Receiver<T> {
    core: Arc<Core<T>>,
}

/// Ends the receiver when its last clone is dropped.
struct Core<T> {
    link: Arc<Link>,
    buffer: mpmc::UnboundedReceiver<Arrived>,
    codec: Arc<dyn Codec<T>>,
}

impl<T: 'static> Receiver<T> {
    pub(super) async fn open(shared: &Shared<T>, seats: usize) -> Result<Self, OpenError> {
        let name = shared.name.clone();
        if seats == 0 {
            let text = format!("queue \"{name}\": a receiver without a seat gets nothing: use 1");
            return Err(OpenError::Settings(text));
        }
        let subjects = Subjects::new(&shared.connection, &name);
        let config = consumer::config(subjects.consumer, shared.lease);
        let consumer = consumer::open(&shared.connection, &subjects.stream, config).await?;
        let link = Arc::new(Link {
            connection: shared.connection.clone(),
            name,
            subjects,
            stores: shared.stores.clone(),
            stream: shared.stream.clone(),
            max_attempts: shared.max_attempts,
            runtime: Handle::current(),
            leases: Leases::new(shared.lease),
            seats: Seats::new(seats),
            wanted: Wanted::default(),
            closed: Flag::default(),
            stopped: Arc::default(),
            finished: Flag::default(),
            consumer: Mutex::new(consumer),
            end: OnceLock::new(),
            delayed: Notify::new(),
            recoveries: AtomicU64::new(0),
        });
        let (sender, buffer) = mpmc::unbounded_channel();
        let fetch = Fetch { link: link.clone(), buffer: sender, rest: buffer.clone() };
        link.runtime.spawn(fetch.run());
        link.runtime.spawn(renew::renew(link.clone()));
        link.runtime.spawn(delay::forward(link.clone()));
        link.runtime.spawn(sweep::sweep(link.clone()));
        announce::start(&link);
        Ok(Self { core: Arc::new(Core { link, buffer, codec: shared.codec.clone() }) })
    }

    /// Receives the next message. It waits until there is one.
    ///
    /// A message that the codec cannot decode becomes a dead letter, and is not returned.
    ///
    /// # Errors
    /// See [`RecvError`]. Each of them is final.
    ///
    /// # Panics
    /// If the codec does. The message is delivered again then.
    ///
    /// # Cancel safety
    /// A dropped future loses no message.
    pub fn recv(&self) -> Recv<'_, T> {
        Recv { future: Box::pin(self.next()) }
    }

    async fn next(&self) -> Result<Delivery<T>, RecvError> {
        let Core { link, buffer, .. } = &*self.core;
        loop {
            if link.closed.is_set() {
                return Err(self.end());
            }
            let arrived = tokio::select! {
                arrived = buffer.recv() => arrived,
                () = link.closed.wait() => continue,
            };
            let Some(arrived) = arrived else { return Err(self.end()) };
            if let Some(delivery) = self.deliver(arrived) {
                return Ok(delivery);
            }
        }
    }

    /// Receives a message if there is one in the buffer.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none; otherwise as [`recv`](Self::recv).
    ///
    /// # Panics
    /// As [`recv`](Self::recv).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::queue::TryRecvError;
    ///
    /// let queue = connection.queue("try-docs".parse()?).open::<u32>().await?;
    /// let receiver = queue.receiver(1).await?;
    /// assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Empty);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn try_recv(&self) -> Result<Delivery<T>, TryRecvError> {
        let Core { link, buffer, .. } = &*self.core;
        loop {
            if link.closed.is_set() {
                return Err(TryRecvError::Ended(self.end()));
            }
            match buffer.try_recv() {
                Ok(arrived) => {
                    if let Some(delivery) = self.deliver(arrived) {
                        return Ok(delivery);
                    }
                }
                Err(mpmc::error::TryRecvError::Empty) => return Err(TryRecvError::Empty),
                Err(mpmc::error::TryRecvError::Disconnected) => {
                    return Err(TryRecvError::Ended(self.end()));
                }
            }
        }
    }

    /// Ends the receiver for all its clones: it asks for no more messages, and those in its buffer
    /// go back into the queue at once.
    ///
    /// [`recv`](Self::recv) returns [`RecvError::Closed`] from then on. Deliveries in the hands of
    /// the program keep their leases until they end. This waits until the server has the messages
    /// of the buffer back, for up to 5 seconds. A receiver whose last clone is dropped does the
    /// same and does not wait.
    ///
    /// # Cancel safety
    /// The receiver is closed by the first poll.
    pub async fn close(&self) {
        let link = &self.core.link;
        link.closed.set();
        // What was not given back in time comes again when its lease is over.
        let _ = tokio::time::timeout(CLOSE, link.finished.wait()).await;
    }

    /// How many seats it has.
    pub fn seats(&self) -> usize {
        self.core.link.seats.total()
    }

    /// How often it began to fetch anew: after a lost connection, a restarted server, a new leader,
    /// a deleted consumer, or a silence of the server. For metrics.
    pub fn recoveries(&self) -> u64 {
        // ORDERING: relaxed, no pair: it is a count.
        self.core.link.recoveries.load(Ordering::Relaxed)
    }

    /// The delivery, unless the lease is over or the message cannot be decoded.
    fn deliver(&self, Arrived { lease, bytes }: Arrived) -> Option<Delivery<T>> {
        let Core { link, codec, .. } = &*self.core;
        if lease.is_lost() {
            return None;
        }
        let about = Message { link: link.clone(), lease: lease.clone() };
        // First of all, so that a panic of the codec leaves the message in the queue.
        let held = Held::new(link.clone(), lease);
        match codec.decode(&bytes) {
            Ok(message) => Some(Delivery::new(message, held, about)),
            Err(error) => {
                held.dead_letter(format!("it cannot be decoded: {error}"));
                None
            }
        }
    }

    fn end(&self) -> RecvError {
        match self.core.link.end.get() {
            Some(End::NoStream) => RecvError::NoStream,
            Some(End::Disconnected) => RecvError::Disconnected,
            Some(End::Closed) | None => RecvError::Closed,
        }
    }
}

impl<T> Drop for Core<T> {
    fn drop(&mut self) {
        self.link.closed.set();
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("queue", &self.core.link.name.as_str())
            .field("seats", &self.core.link.seats.total())
            .finish_non_exhaustive()
    }
}

/// The future of [`Receiver::recv`].
///
/// # Cancel safety
/// Dropped, it loses no message.
#[must_use = "futures do nothing unless they are polled"]
pub struct Recv<'a, T> {
    future: Pin<Box<dyn Future<Output = Result<Delivery<T>, RecvError>> + Send + 'a>>,
}

impl<T> Future for Recv<'_, T> {
    type Output = Result<Delivery<T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.future.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}

/// Why a receiver gets nothing any more.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::queue::RecvError;
///
/// let queue = connection.queue("recv-error-docs".parse()?).open::<u32>().await?;
/// let receiver = queue.receiver(1).await?;
/// receiver.close().await;
/// assert_eq!(receiver.recv().await.unwrap_err(), RecvError::Closed);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// The receiver was closed.
    Closed,
    /// The stream of the queue was deleted.
    NoStream,
    /// The connection was closed.
    Disconnected,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the receiver is closed",
            Self::NoStream => "the stream of the queue was deleted: open the queue again",
            Self::Disconnected => "the NATS connection is closed",
        })
    }
}

impl Error for RecvError {}

/// Why there is no message now.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::queue::TryRecvError;
///
/// let queue = connection.queue("try-recv-docs".parse()?).open::<u32>().await?;
/// let receiver = queue.receiver(1).await?;
/// assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Empty);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// The buffer of the receiver is empty. The queue may not be.
    Empty,
    /// There will be no more messages.
    Ended(RecvError),
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the receiver has no message in its buffer"),
            Self::Ended(end) => end.fmt(f),
        }
    }
}

impl Error for TryRecvError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Empty => None,
            Self::Ended(end) => Some(end),
        }
    }
}
