//! The receiving handle.
#![forbid(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::error::TryRecvError;
use super::future::{Recv, RecvMany};
use super::receiving::Receiving;
use crate::prim::park_on;
use crate::refs::Hub;
use crate::util::block_on::stay_awake_until;

/// The receiving side of a [`weighted`](crate::mpsc::weighted()) channel.
///
/// Dropping it closes the channel and drops the messages that are left.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
/// tokio::spawn(async move { tx.send("hello").await });
/// while let Some(text) = rx.recv().await {
///     assert_eq!(text, "hello");
/// }
/// # }
/// ```
pub struct Receiver<T> {
    receiving: Receiving<T>,
}

// A panic of the function that weighs comes before any change (protocol, Unwinding).
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    pub(super) fn new(receiving: Receiving<T>) -> Self {
        Self { receiving }
    }

    /// Receives the next message; `None` when the channel has ended: all senders are gone, or it
    /// was [closed](Self::close), and everything that was sent has been received.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// tokio::spawn(async move { tx.send("hello").await });
    /// assert_eq!(rx.recv().await, Some("hello"));
    /// assert_eq!(rx.recv().await, None);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv(&mut self) -> Recv<'_, T> {
        self.receiving.touch();
        Recv::new(&mut self.receiving)
    }

    /// Receives the messages that are there, at least one and at most `limit`, and appends them to
    /// `buffer`; waits if there are none. Gives their number: 0 if the channel has ended, or if
    /// `limit` is 0. The weight of all of them is given back at once.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = levada::mpsc::weighted(100, |n: &u8| usize::from(*n));
    /// (1..=5).for_each(|n| tx.try_send(n).unwrap());
    /// let mut batch = Vec::new();
    /// assert_eq!(rx.recv_many(&mut batch, 3).await, 3);
    /// assert_eq!(rx.recv_many(&mut batch, 3).await, 2);
    /// assert_eq!(batch, [1, 2, 3, 4, 5]);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv_many<'a, 'b>(
        &'a mut self,
        buffer: &'b mut Vec<T>,
        limit: usize,
    ) -> RecvMany<'a, 'b, T> {
        self.receiving.touch();
        RecvMany::new(&mut self.receiving, buffer, limit)
    }

    /// Receives a message if there is one now.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none yet, [`TryRecvError::Disconnected`] if the channel
    /// has ended.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::weighted::error::TryRecvError;
    ///
    /// let (tx, mut rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// tx.try_send("hello").unwrap();
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Ok("hello"));
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.receiving.touch();
        self.receiving.try_recv().map_err(TryRecvError::from)
    }

    /// Receives the next message, blocking the thread until there is one; `None` when the channel
    /// has ended.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// std::thread::spawn(move || tx.blocking_send("hello"));
    /// assert_eq!(rx.blocking_recv(), Some("hello"));
    /// assert_eq!(rx.blocking_recv(), None);
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        let is_there = stay_awake_until(|| !self.receiving.queue.looks_empty());
        if is_there && let Ok(message) = self.try_recv() {
            return Some(message);
        }
        park_on(self.recv())
    }

    /// Closes the channel to new messages: senders that wait get theirs back. What was sent, and
    /// what is sent with permits that are out already, is still received, and then comes the end.
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// tx.try_send("hello").unwrap();
    /// rx.close();
    /// assert!(tx.try_send("late").is_err());
    /// assert_eq!(rx.blocking_recv(), Some("hello"));
    /// assert_eq!(rx.blocking_recv(), None);
    /// ```
    pub fn close(&mut self) {
        self.receiving.close();
    }

    /// Whether the channel is closed: by [`close`](Self::close), or because all senders are gone.
    /// There may still be messages in it.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.receiving.queue.is_closed() || self.receiving.queue.counts().senders() == 0
    }

    /// How many messages are there.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// tx.try_send("hello").unwrap();
    /// assert_eq!(rx.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.receiving.queue.len()
    }

    /// Whether no message is there.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// assert!(rx.is_empty());
    /// tx.try_send("hello").unwrap();
    /// assert!(!rx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much the messages in the channel weigh, with the permits that are out. A message that
    /// comes back, as the channel is closed, may be counted while it is being refused.
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// tx.try_send("hello").unwrap();
    /// assert_eq!(rx.weight(), 5);
    /// rx.try_recv().unwrap();
    /// assert_eq!(rx.weight(), 0);
    /// ```
    pub fn weight(&self) -> usize {
        self.receiving.ends().weight()
    }

    /// How much the messages in the channel may weigh together.
    ///
    /// # Examples
    /// ```
    /// let (_tx, rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// assert_eq!(rx.max_weight(), 10);
    /// ```
    pub fn max_weight(&self) -> usize {
        self.receiving.scale.max()
    }

    #[cfg(feature = "stream")]
    pub(super) fn receiving(&mut self) -> &mut Receiving<T> {
        &mut self.receiving
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("chan", &self.receiving.queue).finish_non_exhaustive()
    }
}
