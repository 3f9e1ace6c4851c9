#![forbid(unsafe_code)]

use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::protocol::{Shared, ValueSnapshot};
use crate::storage::latest::Version;

/// A look at a value in the channel.
///
/// It is a snapshot: the value stays as it is for as long as the `Ref` lives, while senders may
/// already have sent others. [`Sender::send`](super::Sender::send) never waits for a `Ref`, and
/// a thread that holds one may take another. A value that was superseded is dropped when its last
/// `Ref` goes.
///
/// The methods that need the value itself do wait: `send_modify` and `send_if_modified` for the
/// `Ref`s of the current value, `send_replace` for those of the value it returns. Do not hold a
/// `Ref` while calling them on the same thread. Where a program uses them, hold each `Ref` for a
/// moment only: readers on other threads may come to wait for the writer, and so for the `Ref`.
///
/// # Examples
/// ```
/// use levada::watch;
///
/// let (tx, rx) = watch::channel("one");
/// let first = rx.borrow();
/// tx.send("two").unwrap();
/// assert_eq!((*first, *rx.borrow()), ("one", "two"));
/// ```
pub struct Ref<'a, T> {
    /// Its user bit says whether the value was new.
    snapshot: ValueSnapshot<'a, T>,
}

impl<'a, T> Ref<'a, T> {
    /// The current value and its version, for a receiver that has seen `seen`.
    #[inline(always)]
    pub(super) fn new(shared: &'a Shared<T>, seen: Version) -> (Self, Version) {
        let (mut snapshot, version) = shared.snapshot();
        snapshot.set_user_bit(version != seen);
        (Self { snapshot }, version)
    }

    /// The current value, for a caller that keeps no seen version.
    #[inline(always)]
    pub(super) fn unchanged(shared: &'a Shared<T>) -> Self {
        let (snapshot, _) = shared.snapshot();
        Self { snapshot }
    }

    /// Whether the value was new to the receiver when it was borrowed.
    ///
    /// Unlike [`Receiver::has_changed`](super::Receiver::has_changed) this does not fail on a
    /// closed channel. For a `Ref` from a [`Sender`](super::Sender) it is always `false`.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    ///
    /// let (tx, mut rx) = watch::channel("one");
    /// assert!(!rx.borrow().has_changed());
    ///
    /// tx.send("two").unwrap();
    /// assert!(!tx.borrow().has_changed());
    /// drop(tx);
    /// assert!(rx.borrow().has_changed());
    /// assert!(rx.borrow_and_update().has_changed());
    /// assert!(!rx.borrow().has_changed());
    /// ```
    pub fn has_changed(&self) -> bool {
        self.snapshot.user_bit()
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.snapshot
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ref")
            .field("inner", &**self)
            .field("has_changed", &self.has_changed())
            .finish()
    }
}

// All it gives is `&T`.
impl<T: RefUnwindSafe> UnwindSafe for Ref<'_, T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Ref<'_, T> {}
