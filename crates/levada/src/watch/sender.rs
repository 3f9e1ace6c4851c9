#![forbid(unsafe_code)]

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::error::SendError;
use super::future::Closed;
use super::protocol::Shared;
use super::{Receiver, Ref};
use crate::observe::Name;
use crate::prim::Arc;
use crate::refs::Tx;
use crate::storage::latest::Version;

/// Replaces or changes the value, and tells the receivers.
///
/// Made by [`channel`](super::channel). When the last clone drops, the channel is closed.
///
/// # Examples
/// ```
/// use levada::watch;
///
/// let (tx, rx) = watch::channel("hello");
/// tx.send("goodbye").unwrap();
/// assert_eq!(*rx.borrow(), "goodbye");
/// ```
pub struct Sender<T> {
    shared: Tx<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn from_shared(shared: &Arc<Shared<T>>) -> Self {
        Self { shared: Tx::new(shared) }
    }

    /// A channel without a receiver yet.
    ///
    /// Until a receiver [subscribes](Self::subscribe), [`send`](Self::send) fails.
    ///
    /// # Examples
    /// ```
    /// use levada::watch::Sender;
    ///
    /// let tx = Sender::new(0);
    /// assert!(tx.send(1).is_err());
    ///
    /// let rx = tx.subscribe();
    /// assert!(tx.send(2).is_ok());
    /// assert_eq!(*rx.borrow(), 2);
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn new(init: T) -> Self {
        Self::from_shared(&Shared::new(init, Version::INITIAL, 0, Name::none()))
    }

    /// Replaces the value and tells all receivers.
    ///
    /// Never waits: a [`Ref`] keeps the value it looks at, and the channel has the new one. The old
    /// value is dropped here, or with its last `Ref`.
    ///
    /// # Errors
    /// If there is no receiver. The value is given back and **not** stored: a receiver that
    /// subscribes later will not find it. Where the value is to be stored in any case use
    /// [`publish`](Self::publish).
    ///
    /// If the last receiver is dropped while this runs, the value may be stored all the same.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel("hello");
    /// let held = rx.borrow();
    /// tx.send("goodbye").unwrap();
    /// assert_eq!((*held, *rx.borrow()), ("hello", "goodbye"));
    ///
    /// drop(held);
    /// drop(rx);
    /// assert_eq!(tx.send("anybody?").unwrap_err().0, "anybody?");
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.shared.touch();
        self.shared.send(value)
    }

    /// Replaces the value and tells all receivers, if there are any.
    ///
    /// As [`send`](Self::send), but the value is stored without a receiver, too: one that
    /// subscribes later finds it. So it cannot fail, and a value that is sent before the first
    /// receiver subscribes is not lost.
    ///
    /// Never waits: a [`Ref`] keeps the value it looks at, and the channel has the new one. The old
    /// value is dropped here, or with its last `Ref`.
    ///
    /// # Examples
    /// ```
    /// use levada::watch::Sender;
    ///
    /// let tx = Sender::new("starting");
    /// tx.publish("ready");
    ///
    /// let late = tx.subscribe();
    /// assert_eq!(*late.borrow(), "ready");
    /// ```
    pub fn publish(&self, value: T) {
        self.shared.touch();
        self.shared.publish(value);
    }

    /// Replaces the value and tells all receivers, if there are any, unless the value that is there
    /// equals the new one. Returns whether it did.
    ///
    /// Comparison and replacement are one step: the value that is replaced is the one that was
    /// compared, also if several senders do this at once. If the value is not replaced, the new one
    /// is dropped. As [`publish`](Self::publish), it needs no receiver.
    ///
    /// The comparison runs on a snapshot: it holds up no other sender. Waits, by blocking the
    /// thread, only where [`borrow`](Self::borrow) does, so not inside the closure of a
    /// [`send_modify`](Self::send_modify).
    ///
    /// # Panics
    /// If the comparison does. Then nothing has changed.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel("ready");
    /// assert!(!tx.send_if_different("ready"));
    /// assert!(!rx.has_changed().unwrap());
    ///
    /// assert!(tx.send_if_different("draining"));
    /// assert!(rx.has_changed().unwrap());
    /// ```
    pub fn send_if_different(&self, value: T) -> bool
    where
        T: PartialEq,
    {
        self.shared.touch();
        self.shared.send_if_different(value)
    }

    /// Changes the value in place and tells all receivers, if there are any.
    ///
    /// Waits, by blocking the thread, until no [`Ref`] of the current value is left. Readers that
    /// come meanwhile pass it a bounded number of times and then wait for it; see [the
    /// module](super#waiting-for-a-look-and-for-a-modification). A `borrow` that comes while the
    /// closure runs waits for its end.
    ///
    /// # Deadlocks
    /// A thread that calls this while it holds a `Ref` of the current value itself waits for
    /// ever, and so does one that calls it, or [`borrow`](Self::borrow), inside the closure. That
    /// includes a `Ref` that another task on this thread keeps across an `.await`.
    /// `tokio::sync::watch` waits for ever there, too. A `Ref` that was forgotten holds this up
    /// until the next [`send`](Self::send).
    ///
    /// # Panics
    /// If the closure does. Then no receiver is notified, and the value stays as the closure left
    /// it.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel(vec![1]);
    /// tx.send_modify(|values| values.push(2));
    /// assert_eq!(*rx.borrow(), [1, 2]);
    /// ```
    pub fn send_modify<F>(&self, modify: F)
    where
        F: FnOnce(&mut T),
    {
        self.shared.touch();
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place, and tells all receivers if the closure returns `true`.
    ///
    /// Gives what the closure returned. If it returns `false` after a change, the change is
    /// visible, but no receiver is notified.
    ///
    /// Waits, and may wait for ever, as [`send_modify`](Self::send_modify) does.
    ///
    /// # Panics
    /// If the closure does. Then no receiver is notified, and the value stays as the closure left
    /// it.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel(3);
    /// let raise_to_five = |value: &mut i32| {
    ///     let low = *value < 5;
    ///     *value = (*value).max(5);
    ///     low
    /// };
    /// assert!(tx.send_if_modified(raise_to_five));
    /// assert!(rx.has_changed().unwrap());
    /// assert!(!tx.send_if_modified(raise_to_five));
    /// ```
    pub fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        self.shared.touch();
        self.shared.send_if_modified(modify)
    }

    /// Replaces the value, tells all receivers if there are any, and returns the old value.
    ///
    /// All receivers find the new value at once. Returning the old one waits, by blocking the
    /// thread, until no [`Ref`] of it is left. No reader can take a further one, so this waits
    /// only for those that there are.
    ///
    /// # Deadlocks
    /// A thread that calls this while it holds a `Ref` of the old value itself waits for ever; so
    /// does one that calls it where a `Ref` of the old value was forgotten.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, _rx) = watch::channel(1);
    /// assert_eq!(tx.send_replace(2), 1);
    /// assert_eq!(tx.send_replace(3), 2);
    /// ```
    pub fn send_replace(&self, value: T) -> T {
        self.shared.touch();
        self.shared.send_replace(value)
    }

    /// A look at the latest value; see [`Receiver::borrow`].
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, _rx) = watch::channel("hello");
    /// assert_eq!(*tx.borrow(), "hello");
    /// ```
    #[inline]
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref::unchanged(&self.shared)
    }

    /// Whether there is no receiver. [`subscribe`](Self::subscribe) makes one again.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel(());
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until there is no receiver, for instance to stop producing values.
    ///
    /// If a receiver subscribes right after the last receiver was dropped, this may go on waiting.
    ///
    /// # Cancel safety
    /// Cancel safe.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = watch::channel("hello");
    /// tokio::spawn(async move {
    ///     println!("{}", *rx.borrow());
    /// });
    /// tx.closed().await;
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn closed(&self) -> Closed<'_, T> {
        Closed::new(&self.shared)
    }

    /// A further receiver, which has seen the current value. If there was none, the channel is open
    /// again.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, _rx) = watch::channel(0);
    /// tx.send(5).unwrap();
    ///
    /// let late = tx.subscribe();
    /// assert_eq!(*late.borrow(), 5);
    /// assert!(!late.has_changed().unwrap());
    /// ```
    pub fn subscribe(&self) -> Receiver<T> {
        // In this order: a value sent in between is a new one.
        let seen = self.shared.version();
        Receiver::new(self.shared.add_receiver(), seen)
    }

    /// How many receivers there are.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel("hello");
    /// let _second = rx.clone();
    /// assert_eq!(tx.receiver_count(), 2);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers()
    }

    /// How many senders there are.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, _rx) = watch::channel("hello");
    /// let second = tx.clone();
    /// assert_eq!(second.sender_count(), 2);
    /// ```
    pub fn sender_count(&self) -> usize {
        self.shared.senders()
    }

    /// Whether both are senders of one channel.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, _rx) = watch::channel(true);
    /// assert!(tx.same_channel(&tx.clone()));
    ///
    /// let (other, _rx) = watch::channel(true);
    /// assert!(!tx.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.shared.same_channel(&other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("shared", &*self.shared).finish()
    }
}

// No code of `T`'s runs while the channel is halfway through a change.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}
