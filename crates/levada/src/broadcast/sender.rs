//! The sending handles.
#![forbid(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::Receiver;
use super::error::SendError;
use super::future::Closed;
use super::protocol::Shared;
use crate::observe::Name;
use crate::prim::Arc;
use crate::refs::{Hub, Rx, Tx, WeakTx};

/// Sends messages, each to all receivers there are at that moment.
///
/// Made by [`channel`](super::channel) or [`Sender::new`]; a clone sends into the same channel, and
/// so does a reference to it from any thread. When the last one is dropped the channel is closed:
/// the receivers still get what was sent, and then [`RecvError::Closed`](super::error::RecvError).
///
/// # Examples
/// ```
/// use levada::broadcast;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut first) = broadcast::channel(16);
/// let mut second = tx.subscribe();
///
/// tx.clone().send("to both").unwrap();
/// assert_eq!(first.recv().await, Ok("to both"));
/// assert_eq!(second.recv().await, Ok("to both"));
/// # }
/// ```
pub struct Sender<T> {
    shared: Tx<Shared<T>>,
}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

/// A sender that does not keep the channel open.
///
/// To send it has to be [upgraded](WeakSender::upgrade), which works for as long as there is a
/// [`Sender`].
///
/// # Examples
/// ```
/// use levada::broadcast;
///
/// let (tx, _rx) = broadcast::channel::<u8>(16);
/// let weak = tx.downgrade();
/// assert!(weak.upgrade().is_some());
///
/// drop(tx);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    shared: WeakTx<Shared<T>>,
}

impl<T> UnwindSafe for WeakSender<T> {}
impl<T> RefUnwindSafe for WeakSender<T> {}

impl<T> Sender<T> {
    /// A channel that has no receiver yet; see [`channel`](super::channel).
    ///
    /// Until there is one, [`send`](Self::send) fails and [`closed`](Self::closed) is ready.
    ///
    /// # Panics
    /// If `capacity` is zero or above `usize::MAX / 2`.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast::Sender;
    ///
    /// let tx = Sender::new(16);
    /// assert!(tx.send(1).is_err());
    ///
    /// let mut rx = tx.subscribe();
    /// tx.send(2).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(2));
    /// ```
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        Self { shared: Tx::new(&Self::open(capacity, 0, Name::none())) }
    }

    #[track_caller]
    pub(super) fn with_receiver(capacity: usize, name: Name) -> (Self, Receiver<T>) {
        let shared = Self::open(capacity, 1, name);
        let sender = Self { shared: Tx::new(&shared) };
        (sender, Receiver::new(Rx::new(shared), 0))
    }

    #[track_caller]
    fn open(capacity: usize, receivers: u32, name: Name) -> Arc<Shared<T>> {
        assert!(capacity > 0, "broadcast channel capacity cannot be zero");
        assert!(capacity <= usize::MAX / 2, "broadcast channel capacity exceeded `usize::MAX / 2`");
        Arc::new(Shared::new(capacity.next_power_of_two(), receivers, name, ()))
    }

    pub(super) fn shared(&self) -> &Shared<T> {
        &self.shared
    }

    /// Sends a message to all receivers and gives their number. It never waits: if the channel is
    /// full, the oldest message is overwritten.
    ///
    /// That it was sent does not mean that it will be received: receivers may
    /// [lag](super#lagging) or be dropped.
    ///
    /// # Errors
    /// If there is no receiver the message is given back. A later call may succeed, after a
    /// [`subscribe`](Self::subscribe).
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut rx) = broadcast::channel(16);
    /// assert_eq!(tx.send("hello").unwrap(), 1);
    /// assert_eq!(rx.try_recv(), Ok("hello"));
    ///
    /// drop(rx);
    /// assert_eq!(tx.send("anybody?").unwrap_err().0, "anybody?");
    /// ```
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        self.shared.touch();
        self.shared.send(value)
    }

    /// A new receiver, which gets what is sent from now on.
    ///
    /// # Panics
    /// If there are 2<sup>32</sup> - 1 receivers already.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::channel(16);
    /// tx.send("before").unwrap();
    /// let mut rx = tx.subscribe();
    /// tx.send("after").unwrap();
    /// assert_eq!(rx.try_recv(), Ok("after"));
    /// ```
    #[track_caller]
    pub fn subscribe(&self) -> Receiver<T> {
        let next = self.shared.join();
        Receiver::new(self.shared.add_receiver(), next)
    }

    /// A [`WeakSender`] of this channel.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::channel::<u8>(16);
    /// let weak = tx.downgrade();
    /// assert!(weak.upgrade().unwrap().same_channel(&tx));
    /// ```
    #[must_use = "downgrading makes a weak sender and leaves this one as it is"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { shared: self.shared.downgrade() }
    }

    /// How many messages are in the channel: sent, not overwritten, and not yet read by all
    /// receivers they were sent to.
    ///
    /// A receiver that is being dropped gives up what it has not read message by message, so that
    /// meanwhile this may count a part of it.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut first) = broadcast::channel(16);
    /// let mut second = tx.subscribe();
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    ///
    /// first.try_recv().unwrap();
    /// assert_eq!(tx.len(), 2, "the second has not read it");
    /// second.try_recv().unwrap();
    /// assert_eq!(tx.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether no messages are in the channel, as [`len`](Self::len) counts them.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut rx) = broadcast::channel(16);
    /// assert!(tx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!tx.is_empty());
    /// rx.try_recv().unwrap();
    /// assert!(tx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// How many receivers there are.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::channel::<u8>(16);
    /// let second = tx.subscribe();
    /// assert_eq!(tx.receiver_count(), 2);
    /// drop((rx, second));
    /// assert_eq!(tx.receiver_count(), 0);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers()
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::channel::<u8>(16);
    /// let (other, _rx) = broadcast::channel::<u8>(16);
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
    /// let (tx, rx) = broadcast::channel::<u8>(16);
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

    /// How many senders there are, weak ones not counted.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::channel::<u8>(16);
    /// let _second = tx.clone();
    /// assert_eq!(tx.strong_count(), 2);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.shared.counts().senders()
    }

    /// How many weak senders there are.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::channel::<u8>(16);
    /// let _weak = tx.downgrade();
    /// assert_eq!(tx.weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.shared.counts().weak_senders()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Sender")
    }
}

impl<T> WeakSender<T> {
    /// A [`Sender`] of this channel, unless all of them are gone.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut rx) = broadcast::channel(16);
    /// let weak = tx.downgrade();
    /// weak.upgrade().unwrap().send("hello").unwrap();
    /// assert_eq!(rx.try_recv(), Ok("hello"));
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.shared.upgrade().map(|shared| Sender { shared })
    }

    /// How many senders there are, weak ones not counted.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::channel::<u8>(16);
    /// assert_eq!(tx.downgrade().strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.shared.counts().senders()
    }

    /// How many weak senders there are.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::channel::<u8>(16);
    /// let weak = tx.downgrade();
    /// assert_eq!(weak.clone().weak_count(), 2);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.shared.counts().weak_senders()
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::WeakSender")
    }
}
