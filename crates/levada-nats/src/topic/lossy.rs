//! A topic without storage, on core NATS.

use super::error::{SendError, SubscribeError};
use super::gather::{LossySubscriber, NUMBER};
use crate::Connection;
use crate::codec::Codec;
use crate::connection::NoEcho;
use async_nats::{Client, HeaderMap, PublishErrorKind};
use bytes::Bytes;
use futures_util::FutureExt;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A broadcast across machines without storage: what a subscriber does not get at once is gone.
/// Clones share it.
///
/// Made by [`Options::open_lossy`](super::Options::open_lossy). It is for messages that the next
/// one replaces, such as progress, positions and levels, and costs a fraction of a stored
/// [`Topic`](super::Topic).
///
/// # Guarantees
/// 1. **At most once.** A message comes once or not at all. `send` says that the connection took
///    it, not that a subscriber got it, nor that there is one.
/// 2. **Order of each sender.** Messages of one handle (and its clones) come in the order of their
///    `send`s. Those of different handles have no common order.
/// 3. **Bounded memory.** A subscriber that does not receive has the newest
///    [`read_ahead`](super::Options::read_ahead) messages; older ones are overwritten, as in a
///    local broadcast.
/// 4. **Known losses are reported.** Handles number their messages. Before a message of a sender of
///    which this subscriber got one before, `recv` gives [`Lagged(n)`](super::RecvError::Lagged)
///    with the messages that are missing between them, wherever they were lost. What was missed
///    after a sender's last message is not known, nor what was before its first.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let levels = connection.topic("levels".parse()?).open_lossy::<u32>()?;
/// let mut subscriber = levels.subscribe().await?;
/// levels.send(7).await?;
/// assert_eq!(subscriber.recv().await?, 7);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct Lossy<T> {
    shared: Arc<Shared>,
    codec: Arc<dyn Codec<T>>,
}

struct Shared {
    connection: Connection,
    subject: String,
    read_ahead: usize,
    /// The name under which this handle numbers its messages.
    sender: String,
    /// The number of the last message.
    sent: Mutex<u64>,
}

impl<T: 'static> Lossy<T> {
    pub(super) fn new(
        connection: Connection,
        subject: String,
        read_ahead: usize,
        codec: Arc<dyn Codec<T>>,
    ) -> Self {
        let inbox = connection.client().new_inbox();
        let sender = inbox.rsplit('.').next().unwrap_or_default().to_owned();
        let sent = Mutex::new(0);
        let shared = Shared { connection, subject, read_ahead, sender, sent };
        Self { shared: Arc::new(shared), codec }
    }

    /// Hands a message to the connection. It waits only if the connection has too much to send.
    ///
    /// # Errors
    /// [`SendError::Encode`], [`TooLarge`](SendError::TooLarge) and
    /// [`Disconnected`](SendError::Disconnected), with the message. That there is no subscriber is
    /// no error.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message is not sent.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let levels = connection.topic("levels".parse()?).open_lossy::<u32>()?;
    /// // There need not be a subscriber.
    /// levels.send(7).await?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn send(&self, message: T) -> Result<(), SendError<T>> {
        let payload = match self.codec.encode(&message) {
            Ok(payload) => payload,
            Err(source) => return Err(SendError::Encode { message, source }),
        };
        let client = self.shared.connection.client();
        let mut state = self.shared.connection.state();
        loop {
            // Without a connection the client would keep it, and send it late.
            if !state.borrow_and_update().is_connected() {
                return Err(SendError::Disconnected(message));
            }
            match self.shared.try_publish(client, &payload) {
                Some(Ok(())) => return Ok(()),
                Some(Err(PublishErrorKind::MaxPayloadExceeded)) => {
                    let (size, limit) = (payload.len(), client.max_payload());
                    return Err(SendError::TooLarge { message, size, limit });
                }
                Some(Err(_)) => return Err(SendError::Disconnected(message)),
                // The client's queue is full: it writes it, or loses its connection.
                None => tokio::select! {
                    _ = client.flush() => {}
                    _ = state.changed() => {}
                },
            }
        }
    }

    /// A subscriber that gets what is sent after this returns through the server of this
    /// connection; other servers of a cluster learn of it a moment later.
    ///
    /// # Errors
    /// [`SubscribeError::NoAnswer`] and [`SubscribeError::Closed`].
    ///
    /// # Panics
    /// If it is polled outside of a tokio runtime.
    ///
    /// # Cancel safety
    /// A cancelled call leaves nothing behind.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::topic::TryRecvError;
    ///
    /// let levels = connection.topic("levels".parse()?).open_lossy::<u32>()?;
    /// levels.send(1).await?;
    /// let mut subscriber = levels.subscribe().await?;
    /// assert!(matches!(subscriber.try_recv(), Err(TryRecvError::Empty)));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn subscribe(&self) -> Result<LossySubscriber<T>, SubscribeError> {
        let client = self.shared.connection.client();
        let subscribing = client.subscribe(self.shared.subject.clone()).await;
        let messages = subscribing.map_err(|_| SubscribeError::Closed)?;
        match self.shared.connection.echo().await {
            Ok(()) => {}
            Err(NoEcho::Closed) => return Err(SubscribeError::Closed),
            Err(NoEcho::Silence) => {
                let patience = self.shared.connection.request_timeout();
                let reason = format!("nothing came back within {patience:?}");
                return Err(SubscribeError::NoAnswer { reason });
            }
        }
        Ok(LossySubscriber::new(messages, self.shared.read_ahead, self.codec.clone()))
    }
}

impl Shared {
    /// Publishes at once, or not at all. The lock makes the order of numbers that of messages.
    fn try_publish(
        &self,
        client: &Client,
        payload: &Bytes,
    ) -> Option<Result<(), PublishErrorKind>> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut headers = HeaderMap::new();
        headers.insert(NUMBER, format!("{} {}", self.sender, *sent + 1));
        let publishing =
            client.publish_with_headers(self.subject.clone(), headers, payload.clone());
        let published = publishing.now_or_never()?;
        if published.is_ok() {
            *sent += 1;
        }
        Some(published.map_err(|error| error.kind()))
    }
}

impl<T> Clone for Lossy<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), codec: self.codec.clone() }
    }
}

impl<T> fmt::Debug for Lossy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lossy").field("subject", &self.shared.subject).finish_non_exhaustive()
    }
}
