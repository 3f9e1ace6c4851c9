#![forbid(unsafe_code)]

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::Ref;
use super::error::RecvError;
use super::future::{Changed, Recv, WaitFor};
use super::map::MappedReceiver;
use super::protocol::Shared;
use crate::observe::PositionRecord;
use crate::refs::Rx;
use crate::storage::latest::Version;

/// Looks at the latest value, and waits for new ones.
///
/// Made by [`channel`](super::channel) and [`Sender::subscribe`](super::Sender::subscribe). Each
/// receiver remembers the version it has seen last; a clone begins with the same one.
///
/// # Examples
/// ```
/// use levada::watch;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = watch::channel("starting");
/// tx.send("ready").unwrap();
/// rx.changed().await.unwrap();
/// assert_eq!(*rx.borrow_and_update(), "ready");
/// # }
/// ```
pub struct Receiver<T> {
    shared: Rx<Shared<T>>,
    seen: Version,
    position: PositionRecord,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Rx<Shared<T>>, seen: Version) -> Self {
        Self { shared, seen, position: PositionRecord::new() }
    }

    #[inline(always)]
    fn touch(&self) {
        self.shared.touch_at(&self.position, self.seen.count());
    }

    /// A look at the latest value, which is not marked as seen.
    ///
    /// The [`Ref`] is a snapshot and holds up no sender and no other receiver. In a loop over
    /// [`changed`](Self::changed) use [`borrow_and_update`](Self::borrow_and_update) instead: with
    /// `borrow`, a value sent in between is found twice. See [the
    /// module](super#borrow-or-borrow_and_update).
    ///
    /// Waits, by blocking the thread, only while the closure of a `send_modify` or
    /// `send_if_modified` runs on the value (so inside such a closure it waits for ever), and for
    /// such a writer that has waited for long enough; see [the
    /// module](super#waiting-for-a-look-and-for-a-modification). A thread that holds a `Ref` of
    /// the current value may always take another.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (_tx, rx) = watch::channel("hello");
    /// assert_eq!(*rx.borrow(), "hello");
    /// ```
    #[inline]
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref::new(&self.shared, self.seen).0
    }

    /// A look at the latest value, which is marked as seen: [`changed`](Self::changed) then waits
    /// for a later one.
    ///
    /// Apart from that it does what [`borrow`](Self::borrow) does.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, mut rx) = watch::channel(0);
    /// tx.send(1).unwrap();
    /// assert_eq!(*rx.borrow_and_update(), 1);
    /// assert!(!rx.has_changed().unwrap());
    /// ```
    #[inline]
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        self.touch();
        let (value, version) = Ref::new(&self.shared, self.seen);
        self.seen = version;
        self.position.note(version.count(), 0);
        value
    }

    /// Whether the latest value has not been seen by this receiver. It is not marked as seen.
    ///
    /// Values are not compared: one that equals the last is a new one.
    ///
    /// # Errors
    /// If and only if all senders are gone, whether or not there is a value to be seen.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, mut rx) = watch::channel("hello");
    /// tx.send("goodbye").unwrap();
    /// assert!(rx.has_changed().unwrap());
    /// rx.mark_unchanged();
    /// assert!(!rx.has_changed().unwrap());
    ///
    /// drop(tx);
    /// assert!(rx.has_changed().is_err());
    /// ```
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        self.shared.has_changed(self.seen)
    }

    /// Whether all senders are gone.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel(());
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Makes the latest value count as not seen, so that [`changed`](Self::changed) completes at
    /// once: for instance to treat the first value like the others.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (_tx, mut rx) = watch::channel("initial");
    /// assert!(!rx.has_changed().unwrap());
    /// rx.mark_changed();
    /// assert!(rx.has_changed().unwrap());
    /// ```
    pub fn mark_changed(&mut self) {
        self.seen = self.seen.previous();
        self.position.note(self.seen.count(), 0);
    }

    /// Makes the latest value count as seen, without a look at it.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, mut rx) = watch::channel(0);
    /// tx.send(1).unwrap();
    /// rx.mark_unchanged();
    /// assert!(!rx.has_changed().unwrap());
    /// ```
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.version();
        self.position.note(self.seen.count(), 0);
    }

    /// Waits for a value that this receiver has not seen, and marks it as seen.
    ///
    /// Completes at once if the latest value has not been seen yet, even on a closed channel.
    ///
    /// # Errors
    /// If the latest value has been seen **and** all senders are gone.
    ///
    /// # Cancel safety
    /// Cancel safe: dropped before it completes, it has marked nothing as seen.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = watch::channel("hello");
    /// tokio::spawn(async move {
    ///     tx.send("goodbye").unwrap();
    /// });
    ///
    /// rx.changed().await.unwrap();
    /// assert_eq!(*rx.borrow_and_update(), "goodbye");
    /// assert!(rx.changed().await.is_err(), "the sender is gone");
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn changed(&mut self) -> Changed<'_, T> {
        self.touch();
        Changed::new(&self.shared, &mut self.seen, self.position.as_ref())
    }

    /// Waits for a value that this receiver has not seen, marks it as seen, and gives a look at it.
    ///
    /// As [`changed`](Self::changed) and [`borrow_and_update`](Self::borrow_and_update) in one
    /// step: the value that is given is the one that is marked. Several values that are sent in a
    /// row may be given as one, the last. The [`Ref`] is a snapshot, so nothing is cloned; a task
    /// that keeps the value across an `.await` clones it.
    ///
    /// Waits by blocking the thread, for the look, where [`borrow`](Self::borrow) does.
    ///
    /// # Errors
    /// If the latest value has been seen **and** all senders are gone: the last value is given
    /// before the error.
    ///
    /// # Cancel safety
    /// Cancel safe: dropped before it completes, it has marked nothing as seen.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = watch::channel(0);
    /// tokio::spawn(async move {
    ///     tx.send(1).unwrap();
    ///     tx.send(2).unwrap();
    /// });
    ///
    /// let mut last = 0;
    /// while let Ok(value) = rx.recv().await {
    ///     last = *value;
    /// }
    /// assert_eq!(last, 2);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv(&mut self) -> Recv<'_, T> {
        self.touch();
        Recv::new(&self.shared, &mut self.seen, self.position.as_ref())
    }

    /// Turns it into a receiver of a part of the value, or of what is computed of it, which waits
    /// until that changes.
    ///
    /// What the closure gives for the current value counts as seen. See [`MappedReceiver`].
    ///
    /// # Panics
    /// If the closure does.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel((1, "one"));
    /// let number = rx.clone().map(|pair| pair.0);
    /// let name = rx.map(|pair| pair.1);
    /// tx.send((1, "uno")).unwrap();
    /// assert!(!number.has_changed().unwrap());
    /// assert!(name.has_changed().unwrap());
    /// assert_eq!(name.get(), "uno");
    /// ```
    pub fn map<U, F>(self, project: F) -> MappedReceiver<T, U, F>
    where
        F: Fn(&T) -> U,
    {
        MappedReceiver::new(self.shared, project)
    }

    /// Waits for a value that meets a condition, and gives a look at it.
    ///
    /// The condition is first applied to the current value, seen or not, and then to new values. If
    /// several values are sent in a row, it may be applied to the last of them only. Each value to
    /// which it was applied is marked as seen.
    ///
    /// The condition runs on a snapshot and holds up no sender.
    ///
    /// # Errors
    /// If all senders are gone and the last value does not meet the condition.
    ///
    /// # Cancel safety
    /// Cancel safe: dropped before it completes, the value seen last did not meet the condition.
    ///
    /// # Panics
    /// If the condition does. The channel and its handles stay usable.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = watch::channel(0);
    /// tokio::spawn(async move {
    ///     for progress in 1..=100 {
    ///         tx.send(progress).unwrap();
    ///     }
    /// });
    ///
    /// let done = rx.wait_for(|progress| *progress >= 50).await.unwrap();
    /// assert!(*done >= 50);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn wait_for<F>(&mut self, f: F) -> WaitFor<'_, T, F>
    where
        F: FnMut(&T) -> bool,
    {
        self.touch();
        WaitFor::new(&self.shared, &mut self.seen, self.position.as_ref(), f)
    }

    /// Whether both are receivers of one channel.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (_tx, rx) = watch::channel(true);
    /// assert!(rx.same_channel(&rx.clone()));
    ///
    /// let (_tx, other) = watch::channel(true);
    /// assert!(!rx.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.shared.same_channel(&other.shared)
    }

    /// Turns it into a `Stream` of values: the current one first, seen or not, then the latest
    /// whenever there is a new one.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    /// use levada::watch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = watch::channel(1);
    /// let mut values = rx.into_stream();
    /// assert_eq!(values.next().await, Some(1));
    /// tx.send(2).unwrap();
    /// drop(tx);
    /// assert_eq!(values.next().await, Some(2));
    /// assert_eq!(values.next().await, None);
    /// # }
    /// ```
    #[cfg(feature = "stream")]
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn into_stream(mut self) -> super::stream::WatchStream<T> {
        self.mark_changed();
        self.into_changes_stream()
    }

    /// Turns it into a `Stream` of changes only: the values that this receiver has not seen, the
    /// latest whenever there is a new one.
    ///
    /// As [`changed`](Self::changed) in a loop. For a program that has looked at the current value
    /// already, by [`borrow_and_update`](Self::borrow_and_update), and now waits for others: no
    /// change is missed in between. tokio-stream has it as `WatchStream::from_changes`.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    /// use levada::watch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = watch::channel("starting");
    /// assert_eq!(*rx.borrow_and_update(), "starting");
    /// let mut changes = rx.into_changes_stream();
    /// tx.send("ready").unwrap();
    /// drop(tx);
    /// assert_eq!(changes.next().await, Some("ready"));
    /// assert_eq!(changes.next().await, None);
    /// # }
    /// ```
    #[cfg(feature = "stream")]
    #[doc(alias = "from_changes")]
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn into_changes_stream(self) -> super::stream::WatchStream<T> {
        super::stream::WatchStream::new(self.shared, self.seen)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self::new(self.shared.clone(), self.seen)
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("shared", &*self.shared)
            .field("version", &self.seen)
            .finish()
    }
}

// No code of `T`'s runs while the channel is halfway through a change.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}
