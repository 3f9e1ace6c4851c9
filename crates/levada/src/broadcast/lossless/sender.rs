//! The sending handle.
#![forbid(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::time::Duration;

use super::Receiver;
use super::error::{SendError, TrySendError};
use super::future::{Closed, Send};
use super::protocol::Shared;
use super::subscriber::{Subscriber, SubscriberId};
use crate::observe::Name;
use crate::prim::Arc;
use crate::refs::{Hub, Tx, WeakTx};
use crate::util::block_on::block_on;

/// Sends messages, each to all receivers there are at that moment, and waits for the members among
/// them.
///
/// Made by [`lossless`](crate::broadcast::lossless()); a clone sends into the same channel, and so
/// does a reference to it from any thread. When the last one is dropped the channel is closed: the
/// receivers still get what was sent, and then [`RecvError::Closed`](super::error::RecvError).
///
/// # Examples
/// ```
/// use levada::broadcast;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut member) = broadcast::lossless(16);
/// let mut observer = tx.subscribe_lossy();
///
/// assert_eq!(tx.send("to both").await.unwrap(), 2);
/// assert_eq!(member.recv().await, Ok("to both"));
/// assert_eq!(observer.recv().await, Ok("to both"));
/// # }
/// ```
pub struct Sender<T> {
    shared: Tx<Shared<T>>,
}

/// A sender that does not keep the channel open; [`upgrade`](Self::upgrade) it to send.
///
/// # Examples
/// ```
/// use levada::broadcast;
///
/// let (tx, mut rx) = broadcast::lossless(16);
/// let weak = tx.downgrade();
/// assert!(weak.upgrade().is_some_and(|tx| tx.try_send("hello").is_ok()));
/// drop(tx);
/// assert!(weak.upgrade().is_none());
/// assert_eq!(rx.try_recv(), Ok("hello"));
/// ```
pub struct WeakSender<T> {
    shared: WeakTx<Shared<T>>,
}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}
impl<T> UnwindSafe for WeakSender<T> {}
impl<T> RefUnwindSafe for WeakSender<T> {}

impl<T> Sender<T> {
    #[track_caller]
    pub(super) fn open(capacity: usize, name: Name) -> Self {
        assert!(capacity > 0, "broadcast channel capacity cannot be zero");
        assert!(capacity <= usize::MAX / 2, "broadcast channel capacity exceeded `usize::MAX / 2`");
        Self { shared: Tx::new(&Arc::new(Shared::new(capacity, name))) }
    }

    pub(super) fn shared(&self) -> &Shared<T> {
        &self.shared
    }

    /// Sends a message to all receivers, as soon as each member is less than a capacity behind, and
    /// gives the number of receivers. Senders that wait are served in order.
    ///
    /// # Errors
    /// If there is no receiver, or the last one goes while this waits, the message is given back. A
    /// later call may succeed, after a [`subscribe`](Self::subscribe).
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, nothing was sent, and the message is dropped
    /// with it. The sender's place in the line is lost.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = broadcast::lossless(1);
    /// let task = tokio::spawn(async move {
    ///     for n in 0..3 {
    ///         tx.send(n).await.unwrap(); // Waits until the one before was received.
    ///     }
    /// });
    /// for n in 0..3 {
    ///     assert_eq!(rx.recv().await, Ok(n));
    /// }
    /// # task.await.unwrap();
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn send(&self, value: T) -> Send<'_, T> {
        self.shared.touch();
        Send::new(self, value)
    }

    /// Sends a message to all receivers, if no member is a capacity behind and no sender waits.
    ///
    /// # Errors
    /// - [`TrySendError::Full`] if it would have to wait.
    /// - [`TrySendError::Closed`] if there is no receiver.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut rx) = broadcast::lossless(1);
    /// tx.try_send(1).unwrap();
    /// assert!(tx.try_send(2).is_err());
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// tx.try_send(3).unwrap();
    /// ```
    pub fn try_send(&self, value: T) -> Result<usize, TrySendError<T>> {
        self.shared.touch();
        self.shared.try_send(value)
    }

    /// As [`send`](Self::send), and blocks the thread while it waits.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Panics
    /// On a thread that runs asynchronous tasks.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    /// use std::thread;
    ///
    /// let (tx, mut rx) = broadcast::lossless(1);
    /// let thread = thread::spawn(move || {
    ///     (0..3).for_each(|n| assert!(tx.blocking_send(n).is_ok()));
    /// });
    /// for n in 0..3 {
    ///     assert_eq!(rx.blocking_recv(), Ok(n));
    /// }
    /// thread.join().unwrap();
    /// ```
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<usize, SendError<T>> {
        block_on(self.send(value))
    }

    /// A new member, which gets what is sent from now on, all of it: while it is a capacity behind,
    /// the senders wait.
    ///
    /// # Panics
    /// If there are 2<sup>32</sup> - 1 receivers already.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _first) = broadcast::lossless(1);
    /// let mut second = tx.subscribe();
    /// tx.try_send(1).unwrap();
    /// assert!(tx.try_send(2).is_err(), "none of them has received");
    /// assert_eq!(second.try_recv(), Ok(1));
    /// assert!(tx.try_send(2).is_err(), "the first has not");
    /// ```
    #[track_caller]
    pub fn subscribe(&self) -> Receiver<T> {
        self.subscribe_as(true)
    }

    /// A new observer, which gets what is sent from now on and never holds a sender back. One that
    /// is further behind than the capacity, rounded up to a power of two, has lagged: in place of
    /// what was overwritten it gets the exact number.
    ///
    /// # Panics
    /// If there are 2<sup>32</sup> - 1 receivers already.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast::{self, lossless::error::TryRecvError};
    ///
    /// let (tx, mut member) = broadcast::lossless(1);
    /// let mut observer = tx.subscribe_lossy();
    /// for n in 1..=3 {
    ///     tx.try_send(n).unwrap();
    ///     assert_eq!(member.try_recv(), Ok(n));
    /// }
    /// assert_eq!(observer.try_recv(), Err(TryRecvError::Lagged(2)));
    /// assert_eq!(observer.try_recv(), Ok(3));
    /// ```
    #[track_caller]
    pub fn subscribe_lossy(&self) -> Receiver<T> {
        self.subscribe_as(false)
    }

    #[track_caller]
    fn subscribe_as(&self, is_member: bool) -> Receiver<T> {
        let (seat, next) = self.shared.join(is_member);
        Receiver::new(self.shared.add_receiver(), seat, next)
    }

    /// Lists the subscribers, members and observers, in the order in which they subscribed, without
    /// those that were evicted.
    ///
    /// # Panics
    /// On a system without a clock (`wasm32-unknown-unknown`).
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::lossless(8);
    /// let _index = rx.named("index");
    /// let _page = tx.subscribe_lossy().named("page");
    /// tx.try_send("an event").unwrap();
    ///
    /// let slow = tx.subscribers().into_iter().find(|it| it.is_member && it.lag > 0).unwrap();
    /// assert_eq!(slow.name.as_deref(), Some("index"));
    /// ```
    pub fn subscribers(&self) -> Vec<Subscriber> {
        self.shared.survey(&|_| false).into_iter().map(|(subscriber, _)| subscriber).collect()
    }

    /// Evicts a subscriber: it holds the senders back no more, and gets
    /// [`RecvError::Evicted`](super::error::RecvError::Evicted) from its next receive on, in place
    /// of what it has not received. Returns whether there is one with this number.
    ///
    /// # Panics
    /// As [`subscribers`](Self::subscribers).
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast::{self, lossless::error::TryRecvError};
    ///
    /// let (tx, mut stuck) = broadcast::lossless(1);
    /// let _other = tx.subscribe_lossy();
    /// tx.try_send(1).unwrap();
    /// assert!(tx.try_send(2).is_err());
    ///
    /// assert!(tx.evict(stuck.id()));
    /// assert!(tx.try_send(2).is_ok());
    /// assert_eq!(stuck.try_recv(), Err(TryRecvError::Evicted));
    /// ```
    pub fn evict(&self, id: SubscriberId) -> bool {
        self.evict_where(&|subscriber| subscriber.id == id).pop().is_some()
    }

    /// Evicts the members that are at least `lag` messages behind and have received nothing for
    /// `grace`, and returns them.
    ///
    /// Call it regularly, from a task that has a timer: the time of a member runs from the first
    /// call, of this method or [`subscribers`](Self::subscribers), that finds it where it still is.
    /// So the first call evicts no member, unless `grace` is zero.
    ///
    /// # Panics
    /// As [`subscribers`](Self::subscribers).
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    /// use std::time::Duration;
    ///
    /// let (tx, rx) = broadcast::lossless(4);
    /// let _stuck = rx.named("stuck");
    /// (0..4).for_each(|n| assert!(tx.try_send(n).is_ok()));
    ///
    /// let grace = Duration::from_millis(10);
    /// assert!(tx.evict_after(4, grace).is_empty(), "the first call begins to measure");
    /// std::thread::sleep(grace);
    /// let evicted = tx.evict_after(4, grace);
    /// assert_eq!(evicted[0].name.as_deref(), Some("stuck"));
    /// ```
    pub fn evict_after(&self, lag: u64, grace: Duration) -> Vec<Subscriber> {
        self.evict_where(&|it| it.is_member && it.lag >= lag && it.idle >= grace)
    }

    fn evict_where(&self, is_out: &dyn Fn(&Subscriber) -> bool) -> Vec<Subscriber> {
        let found = self.shared.survey(is_out).into_iter();
        found.filter_map(|(subscriber, evicted)| evicted.map(|_| subscriber)).collect()
    }

    /// How far a member may be behind.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::lossless::<u8>(3);
    /// assert_eq!(tx.capacity(), 3);
    /// ```
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// How many receivers there are, members, observers, and evicted ones that have not learned of
    /// it yet.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::lossless::<u8>(16);
    /// let observer = tx.subscribe_lossy();
    /// assert_eq!(tx.receiver_count(), 2);
    /// drop((rx, observer));
    /// assert_eq!(tx.receiver_count(), 0);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.base.receivers()
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::lossless::<u8>(16);
    /// let (other, _rx) = broadcast::lossless::<u8>(16);
    /// assert!(tx.same_channel(&tx.clone()));
    /// assert!(!tx.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.shared.same_channel(&other.shared)
    }

    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    /// Dropping the future before it is ready has no effect.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = broadcast::lossless::<u8>(16);
    /// let task = tokio::spawn(async move { drop(rx) });
    /// tx.closed().await;
    /// assert_eq!(tx.receiver_count(), 0);
    /// # task.await.unwrap();
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn closed(&self) -> Closed<'_, T> {
        Closed::new(self)
    }

    /// A sender that does not keep the channel open.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::lossless::<u8>(16);
    /// let weak = tx.downgrade();
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use = "it creates a `WeakSender` and leaves this sender as it is"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { shared: self.shared.downgrade() }
    }

    /// How many senders there are.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::lossless::<u8>(16);
    /// let _second = tx.clone();
    /// assert_eq!(tx.strong_count(), 2);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.shared.counts().senders()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::lossless::Sender")
    }
}

impl<T> WeakSender<T> {
    /// A [`Sender`] of this channel, unless all of them are gone.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::lossless::<u8>(16);
    /// let weak = tx.downgrade();
    /// assert!(weak.upgrade().is_some_and(|same| same.same_channel(&tx)));
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.shared.upgrade().map(|shared| Sender { shared })
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::lossless::WeakSender")
    }
}
