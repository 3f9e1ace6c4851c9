//! The receiving handle.
#![forbid(unsafe_code)]

use core::fmt;

use super::future::Recv;
use super::protocol::Shared;
use crate::mpsc::error::TryRecvError;
use crate::refs::{Hub, Rx};
use crate::util::block_on::block_on;

/// The receiving side of a [`rendezvous`](crate::mpsc::rendezvous()) channel.
///
/// Dropping it closes the channel: senders that wait get their messages back.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = levada::mpsc::rendezvous();
/// tokio::spawn(async move { tx.send(42).await });
/// while let Some(message) = rx.recv().await {
///     assert_eq!(message, 42);
/// }
/// # }
/// ```
pub struct Receiver<T> {
    shared: Rx<Shared<T>>,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Rx<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Takes the message of the sender that has waited longest, or waits for one; `None` when all
    /// senders are gone, or the channel was [closed](Self::close).
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken: each is with its sender.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = levada::mpsc::rendezvous();
    /// tokio::spawn(async move { tx.send("hello").await });
    /// assert_eq!(rx.recv().await, Some("hello"));
    /// assert_eq!(rx.recv().await, None);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv(&mut self) -> Recv<'_, T> {
        self.shared.touch();
        Recv::new(&self.shared)
    }

    /// Takes the message of the sender that has waited longest, if one waits.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if no sender waits, [`TryRecvError::Disconnected`] if none will.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, error::TryRecvError};
    ///
    /// let (tx, mut rx) = mpsc::rendezvous::<u8>();
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.shared.touch();
        self.shared.try_recv().map_err(TryRecvError::from)
    }

    /// As [`recv`](Self::recv), blocking the thread.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::rendezvous();
    /// std::thread::spawn(move || tx.blocking_send("hello"));
    /// assert_eq!(rx.blocking_recv(), Some("hello"));
    /// assert_eq!(rx.blocking_recv(), None);
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        block_on(self.recv())
    }

    /// Closes the channel: senders that wait get their messages back, which were not sent yet, and
    /// the end comes at once.
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::rendezvous();
    /// rx.close();
    /// assert_eq!(tx.blocking_send("late").unwrap_err().0, "late");
    /// assert_eq!(rx.blocking_recv(), None);
    /// ```
    pub fn close(&mut self) {
        self.shared.close();
    }

    /// Whether the channel is closed: by [`close`](Self::close), or because all senders are gone.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpsc::rendezvous::<u8>();
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed() || self.shared.counts().senders() == 0
    }

    /// How many senders wait to hand over a message.
    ///
    /// # Examples
    /// ```
    /// let (_tx, rx) = levada::mpsc::rendezvous::<u8>();
    /// assert_eq!(rx.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether no sender waits.
    ///
    /// # Examples
    /// ```
    /// let (_tx, rx) = levada::mpsc::rendezvous::<u8>();
    /// assert!(rx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[cfg(feature = "stream")]
    pub(super) fn shared(&self) -> &Rx<Shared<T>> {
        &self.shared
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("chan", &self.shared).finish()
    }
}
