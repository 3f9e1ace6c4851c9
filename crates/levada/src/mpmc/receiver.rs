#![forbid(unsafe_code)]

use core::fmt;
use core::time::Duration;
use std::time::Instant;

use super::Queue;
use super::error::{RecvTimeoutError, TryRecvError};
use super::future::{Recv, RecvMany, RecvUntil};
use crate::prim::park_on;
use crate::refs::Hub;
use crate::refs::Rx;
use crate::util::block_on::{block_on_for, block_on_until, stay_awake_until};

/// The receiving side of a bounded [`channel`](super::channel).
///
/// Clone it for every worker: each message goes to one of them, in the order in which they began to
/// wait (see [Receivers](super#receivers)). Dropping the last one closes the channel and drops the
/// messages that are left.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (tx, rx) = levada::mpmc::channel(16);
/// tokio::spawn(async move { tx.send(42).await });
/// while let Some(message) = rx.recv().await {
///     assert_eq!(message, 42);
/// }
/// # }
/// ```
pub struct Receiver<T> {
    pub(super) queue: Rx<Queue<T>>,
}

impl<T> Receiver<T> {
    pub(super) fn new(queue: Rx<Queue<T>>) -> Self {
        Self { queue }
    }

    /// Receives the next message; `None` when the channel has ended: all senders are gone, or it
    /// was [closed](Self::close), and everything that was sent has been received.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// tokio::spawn(async move { tx.send("hello").await });
    /// assert_eq!(rx.recv().await, Some("hello"));
    /// assert_eq!(rx.recv().await, None);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv(&self) -> Recv<'_, T> {
        self.queue.touch();
        Recv::new(&self.queue)
    }

    /// Receives the messages that are there, at least one and at most `limit`, and appends them to
    /// `buffer`; waits if there are none. Gives their number: 0 if the channel has ended, or if
    /// `limit` is 0.
    ///
    /// One call synchronises with the senders once, however many messages it receives.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// for i in 0..5 {
    ///     assert!(tx.try_send(i).is_ok());
    /// }
    /// let mut batch = Vec::new();
    /// assert_eq!(rx.recv_many(&mut batch, 3).await, 3);
    /// assert_eq!(rx.recv_many(&mut batch, 3).await, 2);
    /// assert_eq!(batch, [0, 1, 2, 3, 4]);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv_many<'a, 'b>(
        &'a self,
        buffer: &'b mut Vec<T>,
        limit: usize,
    ) -> RecvMany<'a, 'b, T> {
        self.queue.touch();
        RecvMany::new(&self.queue, buffer, limit)
    }

    /// Receives a message if there is one now that is not promised to a receiver that
    /// [waits](super#receivers).
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none yet, or all are promised;
    /// [`TryRecvError::Disconnected`] if the channel has ended.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, error::TryRecvError};
    ///
    /// let (tx, rx) = mpmc::channel(8);
    /// assert!(tx.try_send(1).is_ok());
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.queue.touch();
        self.queue.try_recv().map_err(TryRecvError::from)
    }

    /// Takes all messages that are there now, in one step, and iterates over them. What the
    /// iterator has not given when it is dropped is dropped with it, as by [`Vec::drain`].
    ///
    /// Their room is free at once. Nothing is allocated if no message is there; to keep the buffer,
    /// use [`recv_many`](Self::recv_many).
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// for i in 0..3 {
    ///     assert!(tx.try_send(i).is_ok());
    /// }
    /// assert_eq!(rx.drain().collect::<Vec<_>>(), [0, 1, 2]);
    /// assert_eq!(rx.drain().count(), 0);
    /// ```
    pub fn drain(&self) -> std::vec::IntoIter<T> {
        self.queue.touch();
        self.queue.drain().into_iter()
    }

    /// Receives the next message, blocking the thread until there is one; `None` when the channel
    /// has ended.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// std::thread::spawn(move || tx.blocking_send("hello"));
    /// assert_eq!(rx.blocking_recv(), Some("hello"));
    /// ```
    #[track_caller]
    #[doc(alias = "recv_blocking")]
    pub fn blocking_recv(&self) -> Option<T> {
        let is_there = stay_awake_until(|| !self.queue.looks_empty());
        if is_there && let Ok(message) = self.try_recv() {
            return Some(message);
        }
        park_on(self.recv())
    }

    /// Receives the next message, waiting until `stop` is ready: any future, of any runtime, such
    /// as a timer or a shutdown.
    ///
    /// # Errors
    /// [`Timeout`](RecvTimeoutError::Timeout) if `stop` was ready first,
    /// [`Disconnected`](RecvTimeoutError::Disconnected) if the channel has ended.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, error::RecvTimeoutError};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = mpmc::channel(8);
    /// assert!(tx.try_send(1).is_ok());
    /// assert_eq!(rx.recv_until(std::future::ready(())).await, Ok(1));
    /// let stopped = rx.recv_until(std::future::ready(())).await;
    /// assert_eq!(stopped, Err(RecvTimeoutError::Timeout));
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv_until<F: Future>(&self, stop: F) -> RecvUntil<'_, T, F> {
        RecvUntil::new(self.recv(), stop)
    }

    /// Receives the next message, blocking the thread until there is one, up to `timeout`.
    ///
    /// # Errors
    /// [`Timeout`](RecvTimeoutError::Timeout) if the time passed,
    /// [`Disconnected`](RecvTimeoutError::Disconnected) if the channel has ended.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// assert!(tx.try_send(1).is_ok());
    /// assert_eq!(rx.blocking_recv_timeout(Duration::from_secs(60)), Ok(1));
    /// assert!(rx.blocking_recv_timeout(Duration::from_millis(1)).is_err());
    /// ```
    #[track_caller]
    pub fn blocking_recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        RecvTimeoutError::check(block_on_for(self.recv(), timeout))
    }

    /// Receives the next message, blocking the thread until there is one, or until `deadline`.
    ///
    /// # Errors
    /// As [`blocking_recv_timeout`](Self::blocking_recv_timeout).
    ///
    /// # Panics
    /// As [`blocking_recv_timeout`](Self::blocking_recv_timeout).
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    ///
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// let deadline = Instant::now();
    /// assert!(tx.try_send(1).is_ok());
    /// assert_eq!(rx.blocking_recv_deadline(deadline), Ok(1));
    /// assert!(rx.blocking_recv_deadline(deadline).is_err());
    /// ```
    #[track_caller]
    pub fn blocking_recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        RecvTimeoutError::check(block_on_until(self.recv(), deadline))
    }

    /// As [`recv_many`](Self::recv_many), blocking the thread.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// assert!(tx.try_send("hello").is_ok());
    /// let mut batch = Vec::new();
    /// assert_eq!(rx.blocking_recv_many(&mut batch, 10), 1);
    /// ```
    #[track_caller]
    #[doc(alias = "recv_many_blocking")]
    pub fn blocking_recv_many(&self, buffer: &mut Vec<T>, limit: usize) -> usize {
        stay_awake_until(|| limit == 0 || !self.queue.looks_empty());
        park_on(self.recv_many(buffer, limit))
    }

    /// Closes the channel to new messages. What was sent, and what is sent with permits that are
    /// out already, is still received, and then comes the end.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// assert!(tx.try_send(1).is_ok());
    /// rx.close();
    /// assert!(tx.try_send(2).is_err());
    /// assert_eq!(rx.recv().await, Some(1));
    /// assert_eq!(rx.recv().await, None);
    /// # }
    /// ```
    pub fn close(&self) {
        self.queue.close();
    }

    /// Whether the channel is closed: by [`close`](Self::close), or because all senders are gone.
    /// There may still be messages in it.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel::<()>(8);
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed() || self.queue.counts().senders() == 0
    }

    /// Whether no message is there.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// assert!(rx.is_empty());
    /// assert!(tx.try_send(1).is_ok());
    /// assert!(!rx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages are there.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// assert!(tx.try_send(1).is_ok());
    /// assert_eq!(rx.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// How many messages could be sent now without waiting. Room that is reserved, or promised to
    /// senders that wait, does not count.
    /// A send that is under way may have taken its room a moment before its message is there.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(5);
    /// assert!(tx.try_send(1).is_ok());
    /// assert_eq!(rx.capacity(), 4);
    /// ```
    pub fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// The capacity with which the channel was created.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel(5);
    /// assert!(tx.try_send(1).is_ok());
    /// assert_eq!(rx.max_capacity(), 5);
    /// ```
    pub fn max_capacity(&self) -> usize {
        self.queue.max_capacity()
    }

    /// This receiver as a [`Stream`](futures_core::Stream). It is `Unpin`, and allocates only if it
    /// has to wait.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = levada::mpmc::channel(8);
    /// assert!(tx.try_send("hello").is_ok());
    /// let mut stream = rx.into_stream();
    /// assert_eq!(stream.next().await, Some("hello"));
    /// # }
    /// ```
    #[cfg(feature = "stream")]
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn into_stream(self) -> super::stream::RecvStream<T> {
        super::stream::RecvStream::new(self.queue)
    }

    /// Whether both receive from the same channel.
    ///
    /// # Examples
    /// ```
    /// let (_tx, rx) = levada::mpmc::channel::<()>(8);
    /// assert!(rx.same_channel(&rx.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.queue.same_channel(&other.queue)
    }

    /// How many receivers there are.
    ///
    /// # Examples
    /// ```
    /// let (_tx, rx) = levada::mpmc::channel::<()>(8);
    /// let _other = rx.clone();
    /// assert_eq!(rx.receiver_count(), 2);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.queue.counts().receivers()
    }

    /// How many strong senders there are.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel::<()>(8);
    /// let _other = tx.clone();
    /// assert_eq!(rx.sender_strong_count(), 2);
    /// ```
    pub fn sender_strong_count(&self) -> usize {
        self.queue.counts().senders()
    }

    /// How many weak senders there are.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpmc::channel::<()>(8);
    /// let _weak = tx.downgrade();
    /// assert_eq!(rx.sender_weak_count(), 1);
    /// ```
    pub fn sender_weak_count(&self) -> usize {
        self.queue.counts().weak_senders()
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("chan", &self.queue).finish()
    }
}
