//! The sending handles.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::pin;
use core::time::Duration;
use std::time::Instant;

use super::future::{Closed, Send, SendUntil};
use super::protocol::Shared;
use crate::mpsc::error::{SendError, SendTimeoutError};
use crate::refs::{Hub, Tx, WeakTx};
use crate::util::block_on::{block_on, block_on_for};

/// The sending side of a [`rendezvous`](crate::mpsc::rendezvous()) channel. Clone it for every task
/// that sends; the channel ends when the last one is dropped.
///
/// There is no `try_send`: a message is handed over by the receiver's poll, and whether the
/// receiver will be polled is not known before it is. One that waits now may be dropped next.
///
/// # Examples
/// ```
/// let (tx, mut rx) = levada::mpsc::rendezvous();
/// let sender = std::thread::spawn(move || tx.blocking_send("hello"));
/// assert_eq!(rx.blocking_recv(), Some("hello"));
/// assert!(sender.join().unwrap().is_ok(), "it was taken");
/// ```
pub struct Sender<T> {
    shared: Tx<Shared<T>>,
}

/// A sender that does not keep the channel open; [`upgrade`](Self::upgrade) it to send.
///
/// # Examples
/// ```
/// let (tx, _rx) = levada::mpsc::rendezvous::<u8>();
/// let weak = tx.downgrade();
/// drop(tx);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    shared: WeakTx<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn new(shared: Tx<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Hands a message to the receiver: completes when the receiver has taken it. Senders are
    /// served in the order in which they were first polled.
    ///
    /// # Errors
    /// [`SendError`] with the message if the receiver is gone or has closed the channel, before or
    /// while this waits.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message is dropped with it, and was not
    /// received; unless the receiver has taken it just before, which the future would have said
    /// next. To know which, give up by [`send_until`](Self::send_until) or by
    /// [`cancel`](Send::cancel).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = levada::mpsc::rendezvous();
    /// tokio::spawn(async move {
    ///     tx.send("first").await.unwrap();
    ///     // Here the receiver has it.
    ///     tx.send("second").await.unwrap();
    /// });
    /// assert_eq!(rx.recv().await, Some("first"));
    /// assert_eq!(rx.recv().await, Some("second"));
    /// assert_eq!(rx.recv().await, None);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn send(&self, message: T) -> Send<'_, T> {
        self.shared.touch();
        Send::new(&self.shared, message)
    }

    /// As [`send`](Self::send), blocking the thread.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::rendezvous();
    /// std::thread::spawn(move || tx.blocking_send("hello"));
    /// assert_eq!(rx.blocking_recv(), Some("hello"));
    /// ```
    #[track_caller]
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        block_on(self.send(message))
    }

    /// Hands a message to the receiver, waiting until `stop` is ready: any future, of any runtime,
    /// such as a timer or a shutdown.
    ///
    /// # Errors
    /// With the message, which was not received: [`Timeout`](SendTimeoutError::Timeout) if `stop`
    /// was ready first, [`Closed`](SendTimeoutError::Closed) if the receiver is gone or has closed
    /// the channel.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, error::SendTimeoutError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = mpsc::rendezvous();
    /// let stopped = tx.send_until("a job", std::future::ready(())).await;
    /// assert_eq!(stopped, Err(SendTimeoutError::Timeout("a job")));
    /// assert!(rx.try_recv().is_err());
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn send_until<F: Future>(&self, message: T, stop: F) -> SendUntil<'_, T, F> {
        SendUntil::new(self.send(message), stop)
    }

    /// Hands a message to the receiver, blocking the thread until it has taken it, up to `timeout`.
    ///
    /// # Errors
    /// As [`send_until`](Self::send_until), with [`Timeout`](SendTimeoutError::Timeout) if the time
    /// passed.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let (tx, _rx) = levada::mpsc::rendezvous();
    /// let error = tx.blocking_send_timeout("a job", Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.into_inner(), "a job");
    /// ```
    #[track_caller]
    pub fn blocking_send_timeout(
        &self,
        message: T,
        timeout: Duration,
    ) -> Result<(), SendTimeoutError<T>> {
        let mut send = pin!(self.send(message));
        match block_on_for(send.as_mut(), timeout) {
            Some(sent) => sent.map_err(SendTimeoutError::from),
            None => SendTimeoutError::unless_sent(send.cancel()),
        }
    }

    /// Hands a message to the receiver, blocking the thread until it has taken it, or until
    /// `deadline`.
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
    /// let (tx, _rx) = levada::mpsc::rendezvous();
    /// assert!(tx.blocking_send_deadline("a job", Instant::now()).is_err());
    /// ```
    #[track_caller]
    pub fn blocking_send_deadline(
        &self,
        message: T,
        deadline: Instant,
    ) -> Result<(), SendTimeoutError<T>> {
        self.blocking_send_timeout(message, deadline.saturating_duration_since(Instant::now()))
    }

    /// Completes when the receiver is gone or has closed the channel.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = levada::mpsc::rendezvous::<u8>();
    /// let producer = tokio::spawn(async move { tx.closed().await });
    /// drop(rx);
    /// assert!(producer.await.is_ok());
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn closed(&self) -> Closed<'_, T> {
        self.shared.touch();
        Closed::new(&self.shared)
    }

    /// Whether the receiver is gone or has closed the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpsc::rendezvous::<u8>();
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Whether both senders send to the same channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::rendezvous::<u8>();
    /// let (other, _rx) = levada::mpsc::rendezvous::<u8>();
    /// assert!(tx.same_channel(&tx.clone()) && !tx.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.shared.same_channel(&other.shared)
    }

    /// A sender that does not keep the channel open.
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::rendezvous::<u8>();
    /// let weak = tx.downgrade();
    /// drop(tx);
    /// assert!(weak.upgrade().is_none() && rx.blocking_recv().is_none());
    /// ```
    #[must_use = "a weak sender does not keep the channel open"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { shared: self.shared.downgrade() }
    }

    /// How many `Sender`s there are.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::rendezvous::<u8>();
    /// let _other = tx.clone();
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
        f.debug_struct("Sender").field("chan", &self.shared).finish()
    }
}

impl<T> WeakSender<T> {
    /// A sender, unless all are gone already.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::rendezvous::<u8>();
    /// let weak = tx.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// ```
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
        f.debug_struct("WeakSender").finish()
    }
}
