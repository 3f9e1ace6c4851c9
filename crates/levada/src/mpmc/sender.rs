#![forbid(unsafe_code)]

use core::fmt;
use core::time::Duration;
use std::collections::VecDeque;
use std::time::Instant;

use super::error::{SendError, SendTimeoutError, TrySendError};
use super::future::{
    Closed, Reserve, ReserveMany, ReserveOwned, Send, SendMany, SendRef, SendUntil,
};
use super::permit::{OwnedPermit, Permit, PermitIterator};
use super::receiver::Receiver;
use super::{Offered, Queue};
use crate::observe::Name;
use crate::queue::chan::MAX_CAPACITY;
use crate::queue::future::BoundedSender;
use crate::queue::many;
use crate::refs::{Hub, Tx, WeakTx};
use crate::util::block_on::{block_on, block_on_for, block_on_until};

/// Makes a channel that holds at most `buffer` messages.
///
/// Messages that were reserved room for with [`Sender::reserve`] count as held.
///
/// # Panics
/// If `buffer` is 0 or more than `usize::MAX >> 3`.
///
/// # Examples
/// ```
/// use levada::mpmc;
///
/// let (tx, rx) = mpmc::channel(2);
/// tx.try_send("a")?;
/// tx.try_send("b")?;
/// assert!(tx.try_send("c").is_err(), "it is full");
/// assert_eq!(rx.try_recv(), Ok("a"));
/// # Ok::<(), mpmc::error::TrySendError<&str>>(())
/// ```
#[track_caller]
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    open(buffer, Name::none())
}

#[track_caller]
pub(super) fn open<T>(buffer: usize, name: Name) -> (Sender<T>, Receiver<T>) {
    assert!(buffer > 0, "mpmc bounded channel requires buffer > 0");
    assert!(
        buffer <= MAX_CAPACITY,
        "a semaphore may not have more than MAX_PERMITS permits ({MAX_CAPACITY})"
    );
    let (tx, rx) = many::channel(buffer, name);
    (Sender { queue: tx }, Receiver::new(rx))
}

/// The sending side of a bounded [`channel`]. Clone it for every task that sends.
///
/// The channel ends when the last `Sender` is dropped.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (tx, rx) = levada::mpmc::channel(1);
/// let other = tx.clone();
/// tokio::spawn(async move { other.send("from a task").await });
/// assert_eq!(rx.recv().await, Some("from a task"));
/// # }
/// ```
pub struct Sender<T> {
    queue: Tx<Queue<T>>,
}

/// A sender that does not keep the channel open; [`upgrade`](Self::upgrade) it to send.
///
/// # Examples
/// ```
/// let (tx, rx) = levada::mpmc::channel(1);
/// let weak = tx.downgrade();
/// assert!(weak.upgrade().is_some_and(|tx| tx.try_send(1).is_ok()));
/// drop(tx);
/// assert!(weak.upgrade().is_none());
/// assert_eq!(rx.try_recv(), Ok(1));
/// ```
pub struct WeakSender<T> {
    queue: WeakTx<Queue<T>>,
}

impl<T> BoundedSender for Sender<T> {
    type Message = T;
    type RecvWaiters = super::Waiters;

    #[cfg(feature = "stream")]
    #[inline(always)]
    fn touch(&self) {
        self.queue.touch();
    }

    fn queue(&self) -> &Queue<T> {
        self.queue()
    }
}

impl<T> Sender<T> {
    /// Sends a message, waiting for capacity if the channel is full.
    ///
    /// `Ok` means that the message is in the channel, not that it was received.
    ///
    /// # Errors
    /// [`SendError`] with the message if all receivers are gone or one has closed the channel.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message was not sent, and is dropped with
    /// it. To keep a message, [`reserve`](Self::reserve) first. The place in the queue is lost.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = levada::mpmc::channel(1);
    /// tokio::spawn(async move {
    ///     for i in 0..3 {
    ///         if tx.send(i).await.is_err() {
    ///             return; // all receivers are gone
    ///         }
    ///     }
    /// });
    /// assert_eq!(rx.recv().await, Some(0));
    /// assert_eq!(rx.recv().await, Some(1));
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn send(&self, value: T) -> Send<'_, T> {
        self.queue.touch();
        Send::new(&self.queue, value)
    }

    /// Sends all messages of `batch`, oldest first, waiting for capacity as often as it takes.
    ///
    /// The channel synchronises once for all messages that there is room for, and a sleeping
    /// receiver is woken once for them. The messages of the batch stay in order; messages of other
    /// senders may come between them, since a batch that has to wait again does so behind the
    /// senders that wait already.
    ///
    /// To send what an iterator gives, fill the batch from it in pieces (`batch.extend(..)`): the
    /// channel does not call an iterator, so that no message is lost in between.
    ///
    /// # Errors
    /// [`SendError`] if all receivers are gone or one has closed the channel. The messages that
    /// were not sent are left in `batch`.
    ///
    /// # Cancel safety
    /// If the future is dropped, each message was either sent or is left in `batch`, for a next
    /// call. The place in the queue is lost.
    ///
    /// # Examples
    /// ```
    /// use std::collections::VecDeque;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = levada::mpmc::channel(2);
    /// tokio::spawn(async move {
    ///     let mut batch = VecDeque::from([1, 2, 3, 4, 5]);
    ///     tx.send_many(&mut batch).await
    /// });
    /// let mut received = Vec::new();
    /// while let Some(message) = rx.recv().await {
    ///     received.push(message);
    /// }
    /// assert_eq!(received, [1, 2, 3, 4, 5]);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn send_many<'a, 'b>(&'a self, batch: &'b mut VecDeque<T>) -> SendMany<'a, 'b, T> {
        self.queue.touch();
        SendMany::new(&self.queue, batch)
    }

    /// Sends as many messages of `batch` as there is capacity for now, oldest first, and gives
    /// their number: at least 1, unless the batch is empty. The others are left in `batch`.
    ///
    /// With an [`Overflow`](super::Overflow) policy, a channel that is full takes all of them, each
    /// by the policy; one that has capacity takes as many as above.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if there is no capacity, or if it belongs to senders that waited
    /// before; [`TrySendError::Closed`] if all receivers are gone or one has closed the channel.
    /// All messages are left in `batch` then.
    ///
    /// # Examples
    /// ```
    /// use std::collections::VecDeque;
    ///
    /// let (tx, rx) = levada::mpmc::channel(2);
    /// let mut batch = VecDeque::from(["a", "b", "c"]);
    /// assert_eq!(tx.try_send_many(&mut batch), Ok(2));
    /// assert_eq!(batch, ["c"]);
    /// assert_eq!(rx.try_recv(), Ok("a"));
    /// ```
    pub fn try_send_many(&self, batch: &mut VecDeque<T>) -> Result<usize, TrySendError<()>> {
        self.queue.touch();
        self.queue.try_send_many(batch).map_err(|refused| TrySendError::new(refused, ()))
    }

    /// Sends the message that is in `value`, waiting for capacity if the channel is full, and
    /// leaves `None` there. Sends nothing if there is `None`.
    ///
    /// # Errors
    /// [`SendError`] if all receivers are gone or one has closed the channel. The message is left
    /// in `value`.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message was not sent and is left in
    /// `value`. The place in the queue is lost.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = levada::mpmc::channel(1);
    /// assert!(tx.try_send("first").is_ok());
    /// let mut value = Some("second");
    /// let limit = Duration::from_millis(5);
    /// assert!(tokio::time::timeout(limit, tx.send_ref(&mut value)).await.is_err());
    /// assert_eq!(value, Some("second"), "the message outlives the send");
    ///
    /// assert_eq!(rx.recv().await, Some("first"));
    /// assert!(tx.send_ref(&mut value).await.is_ok());
    /// assert_eq!((value, rx.recv().await), (None, Some("second")));
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn send_ref<'a, 'b>(&'a self, value: &'b mut Option<T>) -> SendRef<'a, 'b, T> {
        self.queue.touch();
        SendRef::new(&self.queue, value)
    }

    /// Completes when all receivers are gone or one has closed the channel: there is no point in
    /// producing messages that will not be received.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = levada::mpmc::channel::<u8>(1);
    /// let producer = tokio::spawn(async move { tx.closed().await });
    /// drop(rx);
    /// assert!(producer.await.is_ok());
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn closed(&self) -> Closed<'_, T> {
        self.queue.touch();
        Closed::new(&self.queue)
    }

    /// Sends a message if there is capacity now.
    ///
    /// # Errors
    /// With the message: [`TrySendError::Full`] if there is no capacity, or if it belongs to
    /// senders that waited before; [`TrySendError::Closed`] if all receivers are gone or one has
    /// closed the channel.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, error::TrySendError};
    ///
    /// let (tx, rx) = mpmc::channel(1);
    /// assert_eq!(tx.try_send(1), Ok(()));
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// drop(rx);
    /// assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
    /// ```
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.queue.touch();
        self.queue.try_send(message)
    }

    /// Sends a message without waiting. If the channel is full, the oldest message goes, and comes
    /// back here.
    ///
    /// If no message can go (all places are reserved, or belong to senders that wait), the message
    /// itself comes back: see [`Overflow`](super::Overflow#guarantees). [`offer`](Self::offer) with
    /// the policy `EvictOldest` tells the two apart. The hook of the channel is not called for what
    /// comes back.
    ///
    /// # Errors
    /// [`SendError`] with the message if all receivers are gone or one has closed the channel.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, Overflow};
    ///
    /// let (tx, rx) = mpmc::builder(2).overflow(Overflow::Wait).build();
    /// assert_eq!(tx.force_send(1), Ok(None));
    /// assert_eq!(tx.force_send(2), Ok(None));
    /// assert_eq!(tx.force_send(3), Ok(Some(1)));
    /// assert_eq!(rx.drain().collect::<Vec<_>>(), [2, 3]);
    /// ```
    pub fn force_send(&self, value: T) -> Result<Option<T>, SendError<T>> {
        self.queue.touch();
        self.queue.force_send(value).map_err(SendError)
    }

    /// Sends a message by the policy of the channel ([`Overflow`](super::Overflow)) without
    /// waiting, and tells what became of it. Under the policy `Wait`, a message for which there is
    /// no room comes back.
    ///
    /// The hook of the channel is not called for what comes back.
    ///
    /// # Errors
    /// [`SendError`] with the message if all receivers are gone or one has closed the channel.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, Offered, Overflow};
    ///
    /// let (tx, rx) = mpmc::builder(2).overflow(Overflow::EvictNewest).build();
    /// assert_eq!(tx.offer("a"), Ok(Offered::Queued { free: 1 }));
    /// assert_eq!(tx.offer("b"), Ok(Offered::Queued { free: 0 }));
    /// assert_eq!(tx.offer("c"), Ok(Offered::Evicted("b")));
    /// assert_eq!(rx.drain().collect::<Vec<_>>(), ["a", "c"]);
    /// ```
    pub fn offer(&self, value: T) -> Result<Offered<T>, SendError<T>> {
        self.queue.touch();
        self.queue.offer(value).map_err(SendError)
    }

    /// How many messages were evicted or discarded, by all senders.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::builder(1).overflow(Default::default()).build();
    /// assert!(tx.force_send("a").is_ok());
    /// assert!(tx.force_send("b").is_ok());
    /// assert_eq!(tx.evicted(), 1);
    /// ```
    pub fn evicted(&self) -> u64 {
        self.queue.evicted().unwrap_or(0)
    }

    /// Sends a message, waiting for capacity up to `timeout`.
    ///
    /// # Errors
    /// With the message: [`Timeout`](super::error::SendTimeoutError::Timeout) if the time passed,
    /// [`Closed`](super::error::SendTimeoutError::Closed) if all receivers are gone or one has
    /// closed the channel.
    ///
    /// # Panics
    /// The future panics when it is first polled outside a tokio runtime with time enabled.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message was not sent, and is dropped with
    /// it.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, error::SendTimeoutError};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, _rx) = mpmc::channel(1);
    /// assert!(tx.send_timeout("a", Duration::from_millis(5)).await.is_ok());
    /// let full = tx.send_timeout("b", Duration::from_millis(5)).await;
    /// assert_eq!(full, Err(SendTimeoutError::Timeout("b")));
    /// # }
    /// ```
    #[cfg(feature = "tokio")]
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> super::future::SendTimeout<'_, T> {
        self.queue.touch();
        super::future::SendTimeout::new(&self.queue, value, timeout)
    }

    /// Sends a message, waiting for capacity until `stop` is ready: any future, of any runtime,
    /// such as a timer or a shutdown.
    ///
    /// # Errors
    /// With the message: [`Timeout`](SendTimeoutError::Timeout) if `stop` was ready first,
    /// [`Closed`](SendTimeoutError::Closed) if all receivers are gone or one has closed the
    /// channel.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message was not sent, and is dropped with
    /// it.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, error::SendTimeoutError};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, _rx) = mpmc::channel(1);
    /// assert_eq!(tx.send_until("a", std::future::ready(())).await, Ok(()));
    /// let full = tx.send_until("b", std::future::ready(())).await;
    /// assert_eq!(full, Err(SendTimeoutError::Timeout("b")));
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn send_until<F: Future>(&self, value: T, stop: F) -> SendUntil<'_, T, F> {
        SendUntil::new(self.send(value), stop)
    }

    /// Sends a message, blocking the thread while the channel is full, up to `timeout`.
    ///
    /// # Errors
    /// With the message: [`Timeout`](SendTimeoutError::Timeout) if the time passed,
    /// [`Closed`](SendTimeoutError::Closed) if all receivers are gone or one has closed the
    /// channel.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let (tx, _rx) = levada::mpmc::channel(1);
    /// assert!(tx.blocking_send_timeout("a", Duration::ZERO).is_ok());
    /// assert!(tx.blocking_send_timeout("b", Duration::from_millis(1)).is_err());
    /// ```
    #[track_caller]
    pub fn blocking_send_timeout(
        &self,
        value: T,
        timeout: Duration,
    ) -> Result<(), SendTimeoutError<T>> {
        let mut value = Some(value);
        let sent = block_on_for(self.send_ref(&mut value), timeout);
        SendTimeoutError::check(sent, value)
    }

    /// Sends a message, blocking the thread while the channel is full, until `deadline`.
    ///
    /// # Errors
    /// As [`blocking_send_timeout`](Self::blocking_send_timeout).
    ///
    /// # Panics
    /// As [`blocking_send_timeout`](Self::blocking_send_timeout).
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    ///
    /// let (tx, _rx) = levada::mpmc::channel(1);
    /// let deadline = Instant::now();
    /// assert!(tx.blocking_send_deadline("a", deadline).is_ok());
    /// assert!(tx.blocking_send_deadline("b", deadline).is_err());
    /// ```
    #[track_caller]
    pub fn blocking_send_deadline(
        &self,
        value: T,
        deadline: Instant,
    ) -> Result<(), SendTimeoutError<T>> {
        let mut value = Some(value);
        let sent = block_on_until(self.send_ref(&mut value), deadline);
        SendTimeoutError::check(sent, value)
    }

    /// Sends a message, blocking the thread while the channel is full.
    ///
    /// # Errors
    /// [`SendError`] with the message if all receivers are gone or one has closed the channel.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(1);
    /// let producer = std::thread::spawn(move || (0..3).try_for_each(|i| tx.blocking_send(i)));
    /// assert_eq!(std::iter::from_fn(|| rx.blocking_recv()).sum::<i32>(), 3);
    /// assert!(producer.join().is_ok_and(|sent| sent.is_ok()));
    /// ```
    #[track_caller]
    #[doc(alias = "send_blocking")]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        block_on(self.send(value))
    }

    /// Whether all receivers are gone or one has closed the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel::<()>(1);
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Waits for room for one message and reserves it.
    ///
    /// Having a permit means that [`Permit::send`] does not wait and does not fail, so nothing is
    /// lost in a `select!`: the message is made after the wait.
    ///
    /// # Errors
    /// [`SendError`] if all receivers are gone or one has closed the channel.
    ///
    /// # Cancel safety
    /// If the future is dropped, only its place in the queue is lost.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), levada::mpmc::error::SendError<()>> {
    /// let (tx, rx) = levada::mpmc::channel(1);
    /// let permit = tx.reserve().await?;
    /// assert!(tx.try_send(1).is_err(), "the room is reserved");
    /// permit.send(2);
    /// assert_eq!(rx.recv().await, Some(2));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn reserve(&self) -> Reserve<'_, T> {
        self.queue.touch();
        Reserve::new(&self.queue)
    }

    /// Waits for room for `n` messages and reserves it, all at once.
    ///
    /// # Errors
    /// [`SendError`] if all receivers are gone or one has closed the channel, or if `n` is more
    /// than [`max_capacity`](Self::max_capacity).
    ///
    /// # Cancel safety
    /// If the future is dropped, only its place in the queue is lost.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), levada::mpmc::error::SendError<()>> {
    /// let (tx, rx) = levada::mpmc::channel(2);
    /// for (permit, message) in tx.reserve_many(2).await?.zip(["a", "b"]) {
    ///     permit.send(message);
    /// }
    /// assert_eq!(rx.recv().await, Some("a"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn reserve_many(&self, n: usize) -> ReserveMany<'_, T> {
        self.queue.touch();
        ReserveMany::new(&self.queue, n)
    }

    /// As [`reserve`](Self::reserve), and the permit owns the sender: it can be moved anywhere.
    ///
    /// # Errors
    /// [`SendError`] if all receivers are gone or one has closed the channel.
    ///
    /// # Cancel safety
    /// If the future is dropped, so is this sender, and its place in the queue is lost. Clone the
    /// sender to keep one.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), levada::mpmc::error::SendError<()>> {
    /// let (tx, rx) = levada::mpmc::channel(1);
    /// let permit = tx.reserve_owned().await?;
    /// let task = tokio::spawn(async move { permit.send("with room for sure") });
    /// assert_eq!(rx.recv().await, Some("with room for sure"));
    /// # assert!(task.await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn reserve_owned(self) -> ReserveOwned<T> {
        self.queue.touch();
        ReserveOwned::new(self)
    }

    /// Reserves room for one message if there is any now.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if there is no capacity, or if it belongs to senders that waited
    /// before; [`TrySendError::Closed`] if all receivers are gone or one has closed the channel.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, error::TrySendError};
    ///
    /// let (tx, rx) = mpmc::channel(1);
    /// let permit = tx.try_reserve()?;
    /// assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    /// permit.send(2);
    /// assert_eq!(rx.try_recv(), Ok(2));
    /// # Ok::<(), TrySendError<()>>(())
    /// ```
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.queue.touch();
        self.queue.try_reserve(1).map_err(|refused| TrySendError::new(refused, ()))?;
        Ok(Permit::new(&self.queue))
    }

    /// Reserves room for `n` messages if there is as much now.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if there is not that much capacity (`n` may be more than
    /// [`max_capacity`](Self::max_capacity)), or if it belongs to senders that waited before;
    /// [`TrySendError::Closed`] if all receivers are gone or one has closed the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(4);
    /// for permit in tx.try_reserve_many(3)? {
    ///     permit.send("x");
    /// }
    /// assert_eq!(rx.len(), 3);
    /// # Ok::<(), levada::mpmc::error::TrySendError<()>>(())
    /// ```
    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        self.queue.touch();
        if n > self.max_capacity() {
            return Err(TrySendError::Full(()));
        }
        self.queue.try_reserve(n).map_err(|refused| TrySendError::new(refused, ()))?;
        Ok(PermitIterator::new(&self.queue, n))
    }

    /// As [`try_reserve`](Self::try_reserve), and the permit owns the sender.
    ///
    /// # Errors
    /// The sender comes back in the error: [`TrySendError::Full`] if there is no capacity, or if it
    /// belongs to senders that waited before; [`TrySendError::Closed`] if all receivers are gone or
    /// one has closed the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(1);
    /// let Ok(permit) = tx.try_reserve_owned() else { panic!("a new channel has room") };
    /// let tx = permit.send(1);
    /// assert!(tx.try_reserve_owned().is_err(), "full now");
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// ```
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        self.queue.touch();
        match self.queue.try_reserve(1) {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(refused) => Err(TrySendError::new(refused, self)),
        }
    }

    /// Whether both senders send to the same channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel::<()>(1);
    /// let (other, _rx) = levada::mpmc::channel::<()>(1);
    /// assert!(tx.same_channel(&tx.clone()));
    /// assert!(!tx.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.queue.same_channel(&other.queue)
    }

    /// How many messages could be sent now without waiting.
    ///
    /// Room that is reserved, or promised to senders that wait, does not count.
    /// A send that is under way may have taken its room a moment before its message is there.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(5);
    /// let permit = tx.try_reserve()?;
    /// assert_eq!(tx.capacity(), 4);
    /// permit.send(());
    /// assert_eq!(tx.capacity(), 4);
    /// assert!(rx.try_recv().is_ok());
    /// assert_eq!(tx.capacity(), 5);
    /// # Ok::<(), levada::mpmc::error::TrySendError<()>>(())
    /// ```
    pub fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// How many messages are there.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel(8);
    /// assert!(tx.try_send(1).is_ok());
    /// assert_eq!(tx.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no message is there.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel(8);
    /// assert!(tx.is_empty());
    /// assert!(tx.try_send(1).is_ok());
    /// assert!(!tx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a message could not be sent now without waiting: all room is taken by messages, is
    /// reserved, or belongs to senders that wait.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel(2);
    /// assert!(tx.try_send(1).is_ok());
    /// assert!(!tx.is_full());
    /// let permit = tx.try_reserve();
    /// assert!(tx.is_full(), "one message and one permit");
    /// # drop(permit);
    /// ```
    pub fn is_full(&self) -> bool {
        self.capacity() == 0
    }

    /// A sender that does not keep the channel open.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel::<()>(1);
    /// let weak = tx.downgrade();
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// assert!(rx.blocking_recv().is_none());
    /// ```
    #[must_use = "Downgrade creates a WeakSender without destroying the original non-weak sender."]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { queue: self.queue.downgrade() }
    }

    /// The capacity with which the channel was created.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel(5);
    /// assert!(tx.try_send(()).is_ok());
    /// assert_eq!((tx.capacity(), tx.max_capacity()), (4, 5));
    /// ```
    pub fn max_capacity(&self) -> usize {
        self.queue.max_capacity()
    }

    /// How many `Sender`s there are.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel::<()>(1);
    /// let _other = tx.clone();
    /// assert_eq!(tx.strong_count(), 2);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.queue.counts().senders()
    }

    /// How many `WeakSender`s there are.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel::<()>(1);
    /// let _weak = tx.downgrade();
    /// assert_eq!(tx.weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.queue.counts().weak_senders()
    }

    /// This sender as a [`Sink`](futures_sink::Sink). It is `Unpin`, and allocates only if it has
    /// to wait.
    ///
    /// # Examples
    /// ```
    /// use futures_util::SinkExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), levada::mpmc::error::SendError<()>> {
    /// let (tx, rx) = levada::mpmc::channel(1);
    /// let mut sink = tx.into_sink();
    /// sink.send("hello").await?;
    /// assert_eq!(rx.recv().await, Some("hello"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "stream")]
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn into_sink(self) -> super::stream::SendSink<T> {
        super::stream::SendSink::new(self)
    }

    pub(super) fn queue(&self) -> &Queue<T> {
        &self.queue
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("chan", &self.queue).finish()
    }
}

impl<T> WeakSender<T> {
    /// A sender, unless all are gone already.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel::<()>(1);
    /// let weak = tx.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// ```
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.queue.upgrade().map(|queue| Sender { queue })
    }

    /// How many `Sender`s there are.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel::<()>(1);
    /// assert_eq!(tx.downgrade().strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.queue.counts().senders()
    }

    /// How many `WeakSender`s there are.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel::<()>(1);
    /// assert_eq!(tx.downgrade().weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.queue.counts().weak_senders()
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish()
    }
}
