//! The sending end of a queue.

use super::Shared;
use super::batch;
use super::ids::Ids;
use super::line::Line;
use super::many::SendMany;
use super::permits::Permits;
use super::pipeline::Pipelines;
use super::send::{Send, TrySend};
use async_nats::Client;
use std::fmt;
use std::sync::Arc;

/// What the senders of a queue in this process share.
pub(super) struct Senders {
    pub(super) ids: Ids,
    pub(super) line: Line,
    pub(super) batches: Permits,
    pub(super) pipelines: Pipelines,
}

impl Senders {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            ids: Ids::new(client),
            line: Line::default(),
            batches: Permits::new(batch::AT_ONCE),
            pipelines: Pipelines::default(),
        }
    }
}

/// The sending end of a queue. Clones, and all senders of one [`Queue`](super::Queue) and its
/// clones, stand in one line when the queue is full.
///
/// # Guarantees
/// 1. **Acknowledged.** `Ok` means that the server has stored the message, as durably as
///    [`Durability`](crate::Durability) says.
/// 2. **Never silent.** Every other end returns the message, and says whether it may be in the
///    queue: only [`Unknown`](super::SendError::Unknown) leaves that open.
/// 3. **Once within the duplicate window.** A publish without an answer is sent again with the same
///    id, which the server stores once. The ids of messages that a receiver has acknowledged are
///    forgotten when the server restarts: then such a message may be stored again.
/// 4. **Room is noticed** at most 250 ms and a round trip after it came, by the sender that has
///    waited longest in each process. If a receiver of this crate makes it, which says so, it is
///    noticed after a round trip.
/// 5. **In line.** In a process, the sender that has waited longest tries first, and a new one
///    stands behind those that wait. While there is room, several try at once; then two of them
///    may change places. A sender that is cancelled, or not polled for two seconds, stops no
///    other one. Processes compete, and `try_send` stands in no line.
/// 6. **Of any size.** A message that is larger than the server takes is stored as an object beside
///    the queue, before the message that refers to it. If that is not accepted, the object is
///    deleted.
/// 7. **In order.** What a task sends one after the other is stored in this order.
///
/// # Cancel safety
/// A `send` that is dropped before it completes may have put its message into the queue. With an id
/// of your own you can send it again: the queue has it once.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let tx = connection.queue("orders".parse()?).open::<u64>().await?.sender();
/// let first = tx.send(1).await?;
/// let second = tx.send(2).await?;
/// assert!(first.seq < second.seq);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Sends a message if there is room now.
    ///
    /// It is one publish. It waits for the server's answer up to
    /// [`request_timeout`](crate::ConnectOptions::request_timeout), and not for room, for a
    /// connection or for a leader.
    ///
    /// # Errors
    /// [`Full`](super::SendError::Full) at once if the queue is full; see
    /// [`SendError`](super::SendError).
    ///
    /// # Cancel safety
    /// As [`Sender`] says. Nothing is sent before the future is polled.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::queue::Capacity;
    ///
    /// let options = connection.queue("one".parse()?).capacity(Capacity::Messages(1));
    /// let tx = options.open::<String>().await?.sender();
    /// tx.try_send("first".to_owned()).await?;
    /// let error = tx.try_send("second".to_owned()).await.unwrap_err();
    /// assert!(error.is_full());
    /// assert_eq!(error.into_inner(), "second");
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn try_send(&self, message: T) -> TrySend<T> {
        TrySend::new(self.shared.clone(), message)
    }

    /// Sends a message, and waits for room, for a connection and for a leader: for 30 seconds
    /// unless [`within`](Send::within) says otherwise.
    ///
    /// # Errors
    /// [`Full`](super::SendError::Full) if there is no room until then; see
    /// [`SendError`](super::SendError).
    ///
    /// # Cancel safety
    /// As [`Sender`] says. Nothing is sent before the future is polled. A sender that waited in
    /// line loses its place.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use std::time::Duration;
    ///
    /// let tx = connection.queue("paid".parse()?).open::<u64>().await?.sender();
    /// let accepted = tx.send(12).id("invoice 12").within(Duration::from_secs(5)).await?;
    /// println!("message {} of the queue", accepted.seq);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn send(&self, message: T) -> Send<T> {
        Send::new(self.shared.clone(), message)
    }

    /// Sends messages in as few batches as possible, in order, and waits for room as
    /// [`send`](Self::send) does.
    ///
    /// How a batch is sent is chosen by what is faster. If the queue is
    /// [`Lazy`](crate::Durability::Lazy) and the messages have no [`ids`](SendMany::ids) of their
    /// own, they are published one by one, all under way at once; else in an atomic batch, which
    /// the server syncs or replicates once, and which a lazy stream would store twice.
    ///
    /// # Guarantees
    /// 1. Those that are accepted are the first ones; the others are given back.
    /// 2. A batch has at most 1,000 messages and 8 MiB, and fewer if the queue has room for fewer.
    /// 3. An atomic batch is stored as a whole or not at all, and nothing that others send comes
    ///    between its messages. Of messages that are published one by one, those that are stored
    ///    are always the first ones. If a message of another sender comes between them, the rest
    ///    is sent in atomic batches.
    /// 4. A message that the queue has already is accepted as a duplicate; its batch is sent as
    ///    single messages then.
    /// 5. After each batch that is accepted, it stands behind the other senders that wait in line.
    ///
    /// # Errors
    /// [`SendManyError`](super::SendManyError), with what was accepted and what was not. A message
    /// that cannot be encoded or is too large stops at itself: those before it are sent.
    ///
    /// # Cancel safety
    /// If the future is dropped before it completes, a first part of the messages is in the queue,
    /// which ends where a batch ends if the batches are atomic. How long it is can only be learned
    /// with [`ids`](SendMany::ids) of your own: sent again, those that are in the queue are
    /// duplicates.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let tx = connection.queue("numbers".parse()?).open::<u32>().await?.sender();
    /// let accepted = tx.send_many(0..100).await?;
    /// assert_eq!(accepted.len(), 100);
    /// assert!(accepted.is_sorted_by_key(|accepted| accepted.seq));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn send_many(&self, messages: impl IntoIterator<Item = T>) -> SendMany<T> {
        SendMany::new(self.shared.clone(), messages.into_iter().collect())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("queue", &self.shared.name.as_str()).finish_non_exhaustive()
    }
}
