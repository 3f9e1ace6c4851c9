//! The sending handles.
#![forbid(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::error::{SendError, TrySendError};
use super::future::{Closed, ReserveWeight, Send};
use super::permit::Permit;
use super::protocol::{Ends, Queue, Scale, count};
use crate::prim::Arc;
use crate::queue::error::Refused;
use crate::refs::{Hub, Tx, WeakTx};
use crate::util::block_on::block_on;

/// The sending side of a [`weighted`](crate::mpsc::weighted()) channel. Clone it for every task
/// that sends; the channel ends when the last one is dropped.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = levada::mpsc::weighted(1 << 20, |body: &Vec<u8>| body.len());
/// for n in 1..=3 {
///     let tx = tx.clone();
///     tokio::spawn(async move { tx.send(vec![0; n * 300_000]).await });
/// }
/// drop(tx);
///
/// let mut sum = 0;
/// while let Some(body) = rx.recv().await {
///     sum += body.len();
/// }
/// assert_eq!(sum, 1_800_000);
/// # }
/// ```
pub struct Sender<T> {
    queue: Tx<Queue<T>>,
    scale: Arc<Scale<T>>,
}

/// A sender that does not keep the channel open; [`upgrade`](Self::upgrade) it to send.
///
/// # Examples
/// ```
/// let (tx, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
/// let weak = tx.downgrade();
/// assert!(weak.upgrade().is_some_and(|tx| tx.try_send("hello").is_ok()));
/// drop(tx);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    queue: WeakTx<Queue<T>>,
    scale: Arc<Scale<T>>,
}

// A panic of the function that weighs comes before any change (protocol, Unwinding).
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}
impl<T> UnwindSafe for WeakSender<T> {}
impl<T> RefUnwindSafe for WeakSender<T> {}

impl<T> Sender<T> {
    pub(super) fn new(queue: Tx<Queue<T>>, scale: Arc<Scale<T>>) -> Self {
        Self { queue, scale }
    }

    fn ends(&self) -> Ends<'_, T> {
        Ends { queue: &self.queue, scale: &self.scale }
    }

    /// The calling task uses the sender.
    #[inline(always)]
    fn touch(&self) {
        #[cfg(feature = "observe")]
        self.queue.touch_as(&self.scale);
    }

    /// Sends a message, as soon as there is room for its weight. Senders that wait are served in
    /// order, whatever their messages weigh.
    ///
    /// The message is weighed at once, by the call itself.
    ///
    /// # Errors
    /// The message is given back:
    /// - [`SendError::Closed`] if the receiver is gone or has closed the channel.
    /// - [`SendError::TooHeavy`] if it is heavier than the maximum and the channel
    ///   [rejects](super::Oversize::Reject) that.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, nothing was sent, and the message is dropped
    /// with it. To keep the message, [reserve](Self::reserve_weight) first.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// tokio::spawn(async move {
    ///     tx.send("six of").await.unwrap();
    ///     tx.send("twelve").await.unwrap(); // Waits until the first is received.
    /// });
    /// assert_eq!(rx.recv().await, Some("six of"));
    /// assert_eq!(rx.recv().await, Some("twelve"));
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn send(&self, message: T) -> Send<'_, T> {
        self.touch();
        Send::new(self.ends(), message)
    }

    /// Sends a message if there is room for its weight and no sender waits.
    ///
    /// # Errors
    /// - [`TrySendError::Full`] if it would have to wait.
    /// - [`TrySendError::Closed`] and [`TrySendError::TooHeavy`] as [`send`](Self::send).
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// assert!(tx.try_send("six of").is_ok());
    /// assert!(tx.try_send("twelve").is_err());
    /// assert!(tx.try_send("four").is_ok());
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.touch();
        self.ends().try_send(message)
    }

    /// As [`send`](Self::send), blocking the thread.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// std::thread::spawn(move || tx.blocking_send("hello"));
    /// assert_eq!(rx.blocking_recv(), Some("hello"));
    /// ```
    #[track_caller]
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        block_on(self.send(message))
    }

    /// Waits for room for a message of at most this weight, in line with the other senders, and
    /// reserves it. 0 counts as 1, as a message does.
    ///
    /// For a message whose weight is known before it is there, such as an upload with its
    /// `Content-Length`: the room is taken before the memory is.
    ///
    /// # Errors
    /// As [`send`](Self::send), without a message.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, nothing was reserved.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = levada::mpsc::weighted(100, |body: &Vec<u8>| body.len());
    /// let permit = tx.reserve_weight(80).await.unwrap();
    /// let body = vec![7; 75]; // It is read only now.
    /// permit.send(body).unwrap();
    /// assert_eq!(rx.recv().await.unwrap().len(), 75);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn reserve_weight(&self, weight: usize) -> ReserveWeight<'_, T> {
        self.touch();
        ReserveWeight::new(self.ends(), weight)
    }

    /// Reserves room for a message of at most this weight, if there is some and no sender waits.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send), without a message.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(100, |body: &Vec<u8>| body.len());
    /// let permit = tx.try_reserve_weight(80).unwrap();
    /// assert!(tx.try_reserve_weight(21).is_err());
    /// drop(permit);
    /// assert!(tx.try_reserve_weight(21).is_ok());
    /// ```
    pub fn try_reserve_weight(&self, weight: usize) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.touch();
        let (ends, weight) = (self.ends(), count(weight));
        self.scale.check(weight).map_err(TrySendError::TooHeavy)?;
        match ends.try_reserve(weight) {
            Ok(()) => Ok(Permit::new(ends, weight)),
            Err(Refused::Full) => Err(TrySendError::Full(())),
            Err(Refused::Closed) => Err(TrySendError::Closed(())),
        }
    }

    /// Changes the maximum. If it grows, senders that wait and now have room go on, in order. If it
    /// shrinks, what is in the channel stays, and senders wait until enough of it was received.
    ///
    /// A send that is under way in another thread may still be admitted by the old maximum. More
    /// than `usize::MAX / 8` counts as that.
    ///
    /// # Panics
    /// If `max_weight` is zero.
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// assert!(tx.try_send("six of").is_ok());
    /// assert!(tx.try_send("twelve").is_err());
    /// tx.set_max_weight(12);
    /// assert!(tx.try_send("twelve").is_ok());
    ///
    /// tx.set_max_weight(6);
    /// assert_eq!(rx.try_recv(), Ok("six of"));
    /// assert!(tx.try_send("more").is_err(), "the other one is all there may be");
    /// ```
    #[track_caller]
    pub fn set_max_weight(&self, max_weight: usize) {
        assert!(max_weight > 0, "the maximum weight of a channel cannot be zero");
        self.ends().set_max(max_weight);
    }

    /// How much the messages in the channel may weigh together.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// assert_eq!(tx.max_weight(), 10);
    /// ```
    pub fn max_weight(&self) -> usize {
        self.scale.max()
    }

    /// How much the messages in the channel weigh, with the permits that are out; 0 once the
    /// receiver is gone. A message that comes back, as the channel is closed, may be counted while
    /// it is being refused.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// tx.try_send("hello").unwrap();
    /// assert_eq!(tx.weight(), 5);
    /// ```
    pub fn weight(&self) -> usize {
        self.ends().weight()
    }

    /// How many messages are there.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// tx.try_send("hello").unwrap();
    /// assert_eq!(tx.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no message is there.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// assert!(tx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Completes when the receiver is gone or has closed the channel.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// let producer = tokio::spawn(async move { tx.closed().await });
    /// drop(rx);
    /// assert!(producer.await.is_ok());
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn closed(&self) -> Closed<'_, T> {
        self.touch();
        Closed::new(self.ends())
    }

    /// Whether the receiver is gone or has closed the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Whether both senders send to the same channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// let (other, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// assert!(tx.same_channel(&tx.clone()) && !tx.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.queue.same_channel(&other.queue)
    }

    /// A sender that does not keep the channel open.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// let weak = tx.downgrade();
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use = "a weak sender does not keep the channel open"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { queue: self.queue.downgrade(), scale: Arc::clone(&self.scale) }
    }

    /// How many `Sender`s there are.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// let _other = tx.clone();
    /// assert_eq!(tx.strong_count(), 2);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.queue.counts().senders()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), scale: Arc::clone(&self.scale) }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("chan", &self.queue).finish_non_exhaustive()
    }
}

impl<T> WeakSender<T> {
    /// A sender, unless all are gone already.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// let weak = tx.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// ```
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let queue = self.queue.upgrade()?;
        Some(Sender { queue, scale: Arc::clone(&self.scale) })
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), scale: Arc::clone(&self.scale) }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}
