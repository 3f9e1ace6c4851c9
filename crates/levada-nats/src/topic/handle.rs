//! A topic.

use super::error::SubscribeError;
use super::position::Position;
use super::send::Send;
use super::source::Source;
use super::subscriber::Subscriber;
use super::{consumer, reader};
use crate::OpenError;
use crate::codec::Codec;
use std::fmt;
use std::sync::Arc;

/// A broadcast across machines: every subscriber gets every message. Clones share it.
///
/// Any number of programs open the topic of one name, send, and subscribe. Made by
/// [`Options::open`](super::Options::open).
///
/// # Guarantees
/// 1. **Stored is stored.** When [`send`](Self::send) gives [`Sent`](super::Sent), the server has
///    the message as the topic's [`Durability`](crate::Durability) says. It stays while it is among
///    the newest [`keep`](super::Options::keep) messages, younger than
///    [`max_age`](super::Options::max_age), and within [`max_bytes`](super::Options::max_bytes).
/// 2. **One order.** The server numbers messages as it stores them; every subscriber gets them in
///    this order. Messages that one task sends one after the other have it as well.
/// 3. **Senders do not wait for subscribers.** A slow subscriber misses messages and learns how
///    many; neither a sender nor another subscriber notices.
/// 4. **Every outcome is distinct.** An error says whether the message was not stored, or may have
///    been ([`Unknown`](super::SendError::Unknown)), and gives it back.
/// 5. **An id is stored once** within two minutes, or within `max_age` if that is shorter.
///
/// What a subscriber may count on is said at [`Subscriber`].
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let topic = connection.topic("news".parse()?).open::<String>().await?;
/// let mut first = topic.subscribe().await?;
/// let mut second = topic.subscribe().await?;
/// topic.send("hello".to_owned()).await?;
/// assert_eq!(*first.recv().await?, "hello");
/// assert_eq!(*second.recv().await?, "hello");
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct Topic<T> {
    source: Arc<Source>,
    codec: Arc<dyn Codec<T>>,
}

impl<T: 'static> Topic<T> {
    pub(super) fn new(source: Source, codec: Arc<dyn Codec<T>>) -> Self {
        Self { source: Arc::new(source), codec }
    }

    /// Sends a message. Await what it returns; an [`id`](Send::id) may be set before.
    ///
    /// It waits until the server has stored the message, up to the
    /// [`request_timeout`](crate::ConnectOptions::request_timeout) of the connection; without a
    /// connection it waits for one.
    ///
    /// # Errors
    /// [`SendError`](super::SendError), with the message.
    ///
    /// # Cancel safety
    /// If the future is dropped after it was polled, the message may or may not be stored.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::topic::SendError;
    ///
    /// let topic = connection.topic("payments".parse()?).open::<u32>().await?;
    /// let mut payment = 7;
    /// let sent = loop {
    ///     match topic.send(payment).id("payment-7").await {
    ///         Ok(sent) => break sent,
    ///         // The same id again: it is stored once.
    ///         Err(SendError::Unknown(again)) => payment = again,
    ///         Err(error) => return Err(error.into()),
    ///     }
    /// };
    /// assert!(sent.seq > 0);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn send(&self, message: T) -> Send<'_, T> {
        Send::new(&self.source, &*self.codec, message)
    }

    /// A subscriber that gets every message that is sent after this returns.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    ///
    /// # Panics
    /// If it is polled outside of a tokio runtime.
    ///
    /// # Cancel safety
    /// A cancelled call leaves nothing behind: what it made on the server is deleted.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let topic = connection.topic("live".parse()?).open::<u32>().await?;
    /// topic.send(1).await?;
    /// let mut subscriber = topic.subscribe().await?;
    /// topic.send(2).await?;
    /// assert_eq!(*subscriber.recv().await?, 2);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn subscribe(&self) -> Result<Subscriber<T>, SubscribeError> {
        self.subscribe_from(Position::Next).await
    }

    /// A subscriber that begins at a position: a number that [`Subscriber::position`] gave, or a
    /// [`Position`].
    ///
    /// # Errors
    /// See [`SubscribeError`].
    ///
    /// # Panics
    /// If it is polled outside of a tokio runtime.
    ///
    /// # Cancel safety
    /// A cancelled call leaves nothing behind: what it made on the server is deleted.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::topic::Position;
    ///
    /// let topic = connection.topic("levels".parse()?).open::<u32>().await?;
    /// topic.send(1).await?;
    /// let sent = topic.send(2).await?;
    /// let mut newest = topic.subscribe_from(Position::Last).await?;
    /// assert_eq!(*newest.recv().await?, 2);
    /// let mut before = topic.subscribe_from(sent.seq - 1).await?;
    /// assert_eq!(*before.recv().await?, 1);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn subscribe_from(
        &self,
        position: impl Into<Position>,
    ) -> Result<Subscriber<T>, SubscribeError> {
        let (next, items) = reader::start(self.source.clone(), position.into()).await?;
        Ok(Subscriber::new(next, items, self.codec.clone(), self.source.clone()))
    }

    /// Deletes the topic with all its messages. Its subscribers get
    /// [`NoStream`](super::RecvError::NoStream) after what they fetched already.
    ///
    /// # Errors
    /// If the server refuses or does not answer. A topic that is deleted already is no error.
    ///
    /// # Cancel safety
    /// A cancelled call may have deleted the topic.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::topic::SendError;
    ///
    /// let topic = connection.topic("short-lived".parse()?).open::<u32>().await?;
    /// topic.delete().await?;
    /// assert!(matches!(topic.send(7).await, Err(SendError::NoStream { .. })));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn delete(&self) -> Result<(), OpenError> {
        let Source { connection, stream, objects_stream, .. } = &*self.source;
        // In this order, so that no message is without its bytes.
        consumer::delete_stream(connection.jetstream(), stream).await?;
        consumer::delete_stream(connection.jetstream(), objects_stream).await
    }
}

impl<T> Clone for Topic<T> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), codec: self.codec.clone() }
    }
}

impl<T> fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("stream", &self.source.stream).finish_non_exhaustive()
    }
}
