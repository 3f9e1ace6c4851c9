//! A receiver of a projection of the value.
#![forbid(unsafe_code)]

use std::fmt;

use super::error::RecvError;
use super::future::MapChanged;
use super::protocol::Shared;
use crate::observe::PositionRecord;
use crate::refs::Rx;
use crate::storage::latest::Version;

/// Looks at a part of the value, or at what is computed of it, and waits until that changes.
///
/// Made by [`Receiver::map`](super::Receiver::map). Where a task depends on one field of a larger
/// value, it waits for that field.
///
/// # Guarantees
/// 1. [`changed`](Self::changed) completes only if the projection of the latest value differs, by
///    `PartialEq`, from the one that this receiver has seen last.
/// 2. No change is missed: if the last value that is sent has another projection than the one seen
///    last, `changed` completes, also if all senders are gone by then.
/// 3. A projection that changes and changes back before the receiver looks is no change.
/// 4. The closure runs in this receiver's calls and polls, on a snapshot: it holds up no sender.
///
/// # Cost
/// The task is polled whenever a value is sent, runs the closure, and waits on if the projection is
/// the same. A channel whose values change much more often than one field, and that has very many
/// receivers of that field, is better divided into two.
///
/// # Examples
/// ```
/// use levada::watch;
///
/// struct Settings {
///     limit: u32,
///     motd: &'static str,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = watch::channel(Settings { limit: 10, motd: "hello" });
/// let mut limit = rx.map(|settings| settings.limit);
/// assert_eq!(limit.get(), 10);
///
/// tx.send_modify(|settings| settings.motd = "good evening");
/// assert!(!limit.has_changed().unwrap());
///
/// tx.send_modify(|settings| settings.limit = 20);
/// limit.changed().await.unwrap();
/// assert_eq!(*limit.borrow_and_update(), 20);
/// assert_eq!(tx.borrow().motd, "good evening");
/// # }
/// ```
pub struct MappedReceiver<T, U, F> {
    shared: Rx<Shared<T>>,
    /// The version that was projected last.
    version: Version,
    /// The projection that this receiver has seen last: of `version`, or equal to that.
    seen: U,
    project: F,
    position: PositionRecord,
}

impl<T, U, F: Fn(&T) -> U> MappedReceiver<T, U, F> {
    pub(super) fn new(shared: Rx<Shared<T>>, project: F) -> Self {
        let (snapshot, version) = shared.snapshot();
        let seen = project(&snapshot);
        drop(snapshot);
        let position = PositionRecord::new();
        position.note(version.count(), 0);
        Self { shared, version, seen, project, position }
    }

    /// The projection of the latest value, which is not marked as seen.
    ///
    /// Waits, by blocking the thread, where [`Receiver::borrow`](super::Receiver::borrow) does:
    /// while a `send_modify` changes the value.
    ///
    /// # Panics
    /// If the closure does. The receiver stays usable.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel(vec![1, 2]);
    /// let len = rx.map(Vec::len);
    /// tx.send(vec![]).unwrap();
    /// assert_eq!(len.get(), 0);
    /// ```
    pub fn get(&self) -> U {
        let (snapshot, _) = self.shared.snapshot();
        (self.project)(&snapshot)
    }
}

impl<T, U: PartialEq, F: Fn(&T) -> U> MappedReceiver<T, U, F> {
    /// The projection of the latest value, which is marked as seen: [`changed`](Self::changed) then
    /// waits for another one.
    ///
    /// The reference is to a copy in the receiver, and holds up no sender. Waits where
    /// [`get`](Self::get) does.
    ///
    /// # Panics
    /// If the closure does. Then the value counts as not seen.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel((1, "one"));
    /// let mut number = rx.map(|pair| pair.0);
    /// tx.send((2, "two")).unwrap();
    /// assert_eq!(*number.borrow_and_update(), 2);
    /// assert!(!number.has_changed().unwrap());
    /// ```
    pub fn borrow_and_update(&mut self) -> &U {
        self.shared.touch_at(&self.position, self.version.count());
        if self.shared.version() != self.version {
            let (snapshot, version) = self.shared.snapshot();
            let latest = (self.project)(&snapshot);
            drop(snapshot);
            self.version = version;
            self.position.note(version.count(), 0);
            self.seen = latest;
        }
        &self.seen
    }

    /// Whether the projection of the latest value differs from the one that was seen last. It is
    /// not marked as seen.
    ///
    /// # Errors
    /// If and only if all senders are gone, whether or not there is a change to be seen.
    ///
    /// # Panics
    /// If the closure does, or the comparison.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel((1, "one"));
    /// let number = rx.map(|pair| pair.0);
    /// tx.send((1, "uno")).unwrap();
    /// assert!(!number.has_changed().unwrap());
    /// tx.send((2, "due")).unwrap();
    /// assert!(number.has_changed().unwrap());
    /// drop(tx);
    /// assert!(number.has_changed().is_err());
    /// ```
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        Ok(self.shared.has_changed(self.version)? && self.get() != self.seen)
    }

    /// Waits until the projection differs from the one that this receiver has seen last, and marks
    /// it as seen.
    ///
    /// Completes at once if it differs already, even on a closed channel.
    ///
    /// # Errors
    /// If the projection of the latest value has been seen **and** all senders are gone.
    ///
    /// # Cancel safety
    /// Cancel safe: dropped before it completes, it has marked no change as seen.
    ///
    /// # Panics
    /// If the closure does, or the comparison. Then the value counts as not seen.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = watch::channel((1, "one"));
    /// let mut number = rx.map(|pair| pair.0);
    /// tokio::spawn(async move {
    ///     tx.send((1, "uno")).unwrap();
    ///     tx.send((2, "due")).unwrap();
    /// });
    /// number.changed().await.unwrap();
    /// assert_eq!(*number.borrow_and_update(), 2);
    /// assert!(number.changed().await.is_err(), "the sender is gone");
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn changed(&mut self) -> MapChanged<'_, T, U, F> {
        self.shared.touch_at(&self.position, self.version.count());
        let Self { shared, version, seen, project, position } = self;
        MapChanged::new(shared, version, position.as_ref(), seen, project)
    }
}

impl<T, U, F> MappedReceiver<T, U, F> {
    /// Whether all senders are gone.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, rx) = watch::channel((1, "one"));
    /// let number = rx.map(|pair| pair.0);
    /// assert!(!number.is_closed());
    /// drop(tx);
    /// assert!(number.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }
}

/// The clone has seen the same projection.
impl<T, U: Clone, F: Clone> Clone for MappedReceiver<T, U, F> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            version: self.version,
            seen: self.seen.clone(),
            project: self.project.clone(),
            position: PositionRecord::new(),
        }
    }
}

impl<T, U: fmt::Debug, F> fmt::Debug for MappedReceiver<T, U, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedReceiver")
            .field("version", &self.version)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
