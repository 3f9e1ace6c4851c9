//! Receiving.

use super::error::{RecvError, TryRecvError};
use super::pauses::Pauses;
use super::reader::Item;
use super::source::Source;
use super::wire::Stored;
use crate::codec::Codec;
use crate::payload::PayloadError;
use bytes::Bytes;
use futures_util::Stream;
use levada::{mpsc, oneshot};
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::SystemTime;
use tokio::runtime::Handle;
use tokio::time::sleep;

/// A received message. It dereferences to what was sent.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let topic = connection.topic("message".parse()?).open::<String>().await?;
/// let mut subscriber = topic.subscribe().await?;
/// let sent = topic.send("hello".to_owned()).await?;
///
/// let message = subscriber.recv().await?;
/// assert_eq!(message.len(), 5);
/// assert_eq!(message.seq(), sent.seq);
/// assert_eq!(message.into_inner(), "hello");
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Message<T> {
    value: T,
    seq: u64,
    sent_at: SystemTime,
}

impl<T> Message<T> {
    /// The message's sequence number, as [`Sent::seq`](super::Sent::seq) of its sender.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// When the server stored it, by the server's clock.
    pub fn sent_at(&self) -> SystemTime {
        self.sent_at
    }

    /// What was sent.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Message<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// One subscriber of a [`Topic`](super::Topic): it gets every message from its position on.
///
/// A task of its own fetches messages ahead, as many as [`read_ahead`](super::Options::read_ahead)
/// allows; the others stay at the server, where the oldest are overwritten while the subscriber is
/// slow.
///
/// # Guarantees
/// 1. **Order.** Messages come in the order in which the server stored them, each at most once,
///    over any number of lost connections and restarted servers.
/// 2. **Exact lag.** The messages that `recv` gives, those that it cannot decode and the `n` of
///    each [`Lagged(n)`](RecvError::Lagged) together are all messages from the subscriber's
///    position on. `Lagged(n)` comes in the place of the messages that are gone, whether they were
///    overwritten, expired, or purged; if none follows, within seconds.
/// 3. **Nothing else is lag.** A message that was refused, or deduplicated, has no sequence number;
///    a message that is lost between the server and the subscriber is fetched again.
/// 4. **Resumption.** A subscriber that begins at the [`position`](Self::position) of another one
///    gets what that one would have got next.
/// 5. **Closed edges.** What was fetched before the topic was deleted or the connection closed is
///    received first (of messages larger than the server's `max_payload`: whose bytes are here);
///    then every call gives the same final error.
/// 6. **Nothing is left.** The server has at most one consumer of a subscriber, however often the
///    connection broke. It is deleted when the subscriber is dropped; if the process was killed or
///    the connection closed before, the server removes it after 30 seconds.
///
/// Guarantees 1 to 4 end where the server forgets: if it comes back without its newest messages,
/// the subscriber gives [`Rewound`](RecvError::Rewound), unless as many were sent again before it
/// could see that.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::topic::RecvError;
///
/// let topic = connection.topic("ticks".parse()?).open::<u32>().await?;
/// let mut subscriber = topic.subscribe().await?;
/// topic.send(1).await?;
/// topic.send(2).await?;
///
/// let mut sum = 0;
/// while sum < 3 {
///     match subscriber.recv().await {
///         Ok(tick) => sum += *tick,
///         Err(RecvError::Lagged(missed)) => println!("too slow for {missed} ticks"),
///         Err(error) if error.is_final() => return Err(error.into()),
///         Err(error) => println!("{error}"),
///     }
/// }
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct Subscriber<T> {
    items: mpsc::Receiver<Item>,
    codec: Arc<dyn Codec<T>>,
    /// The sequence number from which everything is still to come.
    next: u64,
    /// A message that is not handed over yet.
    held: Option<Held>,
    end: Option<End>,
    source: Arc<Source>,
    /// That of the call that made this, for tasks that read objects.
    runtime: Handle,
}

/// A message after a gap that was reported, or whose bytes are on the way.
struct Held {
    stored: Stored,
    /// Its bytes, if they stand apart: they come from a task, so that a `recv` that is cancelled
    /// loses nothing.
    object: Option<oneshot::Receiver<Result<Bytes, PayloadError>>>,
}

#[derive(Clone, Copy)]
enum End {
    NoStream,
    Closed,
}

impl<T: 'static> Subscriber<T> {
    pub(super) fn new(
        next: u64,
        items: mpsc::Receiver<Item>,
        codec: Arc<dyn Codec<T>>,
        source: Arc<Source>,
    ) -> Self {
        let runtime = Handle::current();
        Self { items, codec, next, held: None, end: None, source, runtime }
    }

    /// Receives the next message.
    ///
    /// # Errors
    /// [`RecvError`]: after some of them the next call gives the next message.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let topic = connection.topic("received".parse()?).open::<u32>().await?;
    /// let mut subscriber = topic.subscribe().await?;
    /// topic.send(7).await?;
    /// assert_eq!(*subscriber.recv().await?, 7);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv { subscriber: self }
    }

    /// Receives a message that was fetched already.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none at the moment, or what `recv` gives instead.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use levada_nats::topic::TryRecvError;
    ///
    /// let topic = connection.topic("quiet".parse()?).open::<u32>().await?;
    /// let mut subscriber = topic.subscribe().await?;
    /// assert!(matches!(subscriber.try_recv(), Err(TryRecvError::Empty)));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn try_recv(&mut self) -> Result<Message<T>, TryRecvError> {
        match self.poll_recv(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(received) => received.map_err(TryRecvError::Recv),
            Poll::Pending => Err(TryRecvError::Empty),
        }
    }

    /// Polls for the next message: [`recv`](Self::recv) for hand-written futures and streams.
    ///
    /// Only the waker of the latest call is woken.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use std::future::poll_fn;
    ///
    /// let topic = connection.topic("polled".parse()?).open::<u32>().await?;
    /// let mut subscriber = topic.subscribe().await?;
    /// topic.send(7).await?;
    /// let message = poll_fn(|cx| subscriber.poll_recv(cx)).await?;
    /// assert_eq!(*message, 7);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message<T>, RecvError>> {
        loop {
            match self.end {
                Some(End::NoStream) => return Poll::Ready(Err(RecvError::NoStream)),
                Some(End::Closed) => return Poll::Ready(Err(RecvError::Closed)),
                None => {}
            }
            if let Some(held) = &mut self.held {
                let bytes = match &mut held.object {
                    None => Ok(held.stored.payload.clone()),
                    Some(object) => match ready!(Pin::new(object).poll(cx)) {
                        Ok(bytes) => bytes,
                        // The task ended without bytes: the connection is closed.
                        Err(_) => {
                            self.end = Some(End::Closed);
                            continue;
                        }
                    },
                };
                if let Some(Held { stored, .. }) = self.held.take() {
                    return Poll::Ready(self.open(&stored, bytes));
                }
            }
            match ready!(self.items.poll_recv(cx)) {
                Some(Item::Stored(stored)) if stored.seq >= self.next => {
                    let lag = self.advance(stored.seq);
                    let object = stored.headers.is_some().then(|| self.load(&stored));
                    self.held = Some(Held { stored, object });
                    if let Some(lag) = lag {
                        return Poll::Ready(Err(lag));
                    }
                }
                // It was counted as gone.
                Some(Item::Stored(_)) => {}
                Some(Item::Gone { next }) => {
                    if let Some(lag) = self.advance(next) {
                        return Poll::Ready(Err(lag));
                    }
                }
                Some(Item::Rewound { next }) => {
                    let expected = std::mem::replace(&mut self.next, next);
                    return Poll::Ready(Err(RecvError::Rewound { expected, next }));
                }
                Some(Item::NoStream) => self.end = Some(End::NoStream),
                Some(Item::Closed) | None => self.end = Some(End::Closed),
            }
        }
    }

    /// Where a subscriber begins that gets what this one would get next: the sequence number after
    /// the last message that was received or counted as missed. Store it, and give it to
    /// [`Topic::subscribe_from`](super::Topic::subscribe_from).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let topic = connection.topic("resumed".parse()?).open::<u32>().await?;
    /// let mut subscriber = topic.subscribe().await?;
    /// for number in [1, 2] {
    ///     topic.send(number).await?;
    /// }
    /// assert_eq!(*subscriber.recv().await?, 1);
    /// let position = subscriber.position();
    /// drop(subscriber);
    ///
    /// let mut resumed = topic.subscribe_from(position).await?;
    /// assert_eq!(*resumed.recv().await?, 2);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn position(&self) -> u64 {
        self.next
    }

    /// The messages as a [`Stream`], which ends after a final error.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// use futures_util::StreamExt;
    ///
    /// let topic = connection.topic("streamed".parse()?).open::<u32>().await?;
    /// let mut messages = topic.subscribe().await?.into_stream();
    /// topic.send(7).await?;
    /// assert_eq!(*messages.next().await.expect("a message")?, 7);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn into_stream(self) -> Messages<T> {
        Messages { subscriber: self, is_done: false }
    }

    /// Everything before `next` has come or is gone.
    fn advance(&mut self, next: u64) -> Option<RecvError> {
        let missed = next.saturating_sub(self.next);
        self.next = self.next.max(next);
        (missed > 0).then_some(RecvError::Lagged(missed))
    }

    fn open(
        &mut self,
        stored: &Stored,
        bytes: Result<Bytes, PayloadError>,
    ) -> Result<Message<T>, RecvError> {
        let Stored { seq, sent_at, .. } = *stored;
        // Before the codec runs: if it panics, this message is not its next one as well.
        self.next = seq.saturating_add(1);
        let bytes = bytes.map_err(|source| RecvError::Object { seq, source: Box::new(source) })?;
        match self.codec.decode(&bytes) {
            Ok(value) => Ok(Message { value, seq, sent_at }),
            Err(source) => Err(RecvError::Decode { seq, source }),
        }
    }

    /// Reads the object of a message, again and again while the server does not answer.
    fn load(&self, stored: &Stored) -> oneshot::Receiver<Result<Bytes, PayloadError>> {
        let (mut loaded, receiver) = oneshot::channel();
        let (source, stored) = (self.source.clone(), stored.clone());
        self.runtime.spawn(async move {
            let mut state = source.connection.state();
            let mut pauses = Pauses::default();
            let loading = async {
                loop {
                    let Stored { headers, payload, .. } = &stored;
                    match source.objects.unpack(headers.as_ref(), payload).await {
                        Err(error) if !error.is_final() => {
                            tracing::debug!(%error, "a large message is read again");
                            sleep(pauses.next()).await;
                        }
                        bytes => break bytes,
                    }
                }
            };
            tokio::select! {
                bytes = loading => {
                    // An error means that the subscriber is gone.
                    let _ = loaded.send(bytes);
                }
                () = loaded.closed() => {}
                _ = state.wait_for(|state| state.is_closed()) => {}
            }
        });
        receiver
    }
}

impl<T> fmt::Debug for Subscriber<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("position", &self.next).finish_non_exhaustive()
    }
}

/// The future of [`Subscriber::recv`].
///
/// # Cancel safety
/// If it is dropped before it is ready, no message was taken.
#[must_use = "a message is received when this is awaited"]
pub struct Recv<'a, T> {
    subscriber: &'a mut Subscriber<T>,
}

impl<T: 'static> Future for Recv<'_, T> {
    type Output = Result<Message<T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.subscriber.poll_recv(cx)
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}

/// The messages of a [`Subscriber`] as a [`Stream`].
#[must_use = "a stream does nothing until it is polled"]
pub struct Messages<T> {
    subscriber: Subscriber<T>,
    is_done: bool,
}

impl<T> Messages<T> {
    /// The subscriber again.
    pub fn into_inner(self) -> Subscriber<T> {
        self.subscriber
    }
}

// Nothing in it is pinned.
impl<T> Unpin for Messages<T> {}

impl<T: 'static> Stream for Messages<T> {
    type Item = Result<Message<T>, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        let received = self.subscriber.poll_recv(cx);
        if let Poll::Ready(Err(error)) = &received {
            self.is_done = error.is_final();
        }
        received.map(Some)
    }
}

impl<T> fmt::Debug for Messages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("subscriber", &self.subscriber).finish_non_exhaustive()
    }
}
