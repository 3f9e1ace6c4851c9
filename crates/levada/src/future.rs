//! A limit to every wait: until a time, a deadline, or another future.
//!
//! [`WaitExt`] adds three methods to each future, and so to each call of levada that waits: `send`,
//! `reserve`, `recv`, `recv_many`, `changed`, `wait_for`, `closed` and the others of all channels.
//!
//! | the call waits | until | the result |
//! |---|---|---|
//! | in a task | [`until(stop)`](WaitExt::until): another future is ready | `Result<_, Stopped>` |
//! | on a thread | [`blocking_timeout(limit)`](WaitExt::blocking_timeout): a time has passed | `Result<_, Stopped>` |
//! | on a thread | [`blocking_deadline(at)`](WaitExt::blocking_deadline): a moment has come | `Result<_, Stopped>` |
//!
//! # Guarantees
//! 1. **The call comes first.** It is polled before `stop` is, and before the clock is read. A call
//!    that need not wait succeeds, also if `stop` is ready and the deadline has passed.
//! 2. **A call that is stopped is a call that is dropped**: what its *Cancel safety* section says
//!    holds. A receive has taken no message, and what a waiter was granted passes to the next one.
//!    (The `send` of a [rendezvous](mod@crate::mpsc::rendezvous) has methods of its own, which say
//!    whether its message was taken just before.)
//! 3. **Any runtime, and none.** `stop` may be any future. The blocking methods use no timer, and
//!    start no thread.
//! 4. **Nothing is allocated.** [`Until`] holds the two futures.
//! 5. **A call that uses up the cooperative budget** of its task does not keep `stop` from being
//!    ready.
//!
//! # A send that keeps its message
//! A `send` owns its message, so that the message is dropped when the send is stopped. To keep it:
//!
//! - `send_until`, `blocking_send_timeout` and `blocking_send_deadline` of
//!   [`mpsc`](crate::mpsc::Sender::send_until), [`mpmc`](crate::mpmc::Sender::send_until) and
//!   [`rendezvous`](crate::mpsc::rendezvous::Sender::send_until) give it back in the error;
//! - [`send_ref`](crate::mpsc::Sender::send_ref) and [`send_many`](crate::mpsc::Sender::send_many)
//!   leave it with the caller;
//! - [`reserve`](crate::mpsc::Sender::reserve) waits without a message; so does
//!   [`reserve_weight`](crate::mpsc::weighted::Sender::reserve_weight);
//! - every pinned future can be waited for more than once, and keeps its message and its place
//!   among the waiting senders meanwhile:
//!
//! ```
//! use levada::broadcast;
//! use levada::future::{Stopped, WaitExt};
//! use std::future::ready;
//! use std::pin::pin;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let (tx, mut rx) = broadcast::lossless(1);
//! assert!(tx.send("first").await.is_ok());
//! let mut send = pin!(tx.send("second"));
//! // `ready(())` stands for a timer.
//! assert!(matches!(send.as_mut().until(ready(())).await, Err(Stopped)));
//! assert_eq!(rx.recv().await, Ok("first"));
//! assert!(send.as_mut().until(ready(())).await.is_ok_and(|sent| sent.is_ok()));
//! assert_eq!(rx.recv().await, Ok("second"));
//! # }
//! ```
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::error::Error;
use std::time::Instant;

use pin_project_lite::pin_project;

use crate::util::block_on::{block_on_for, block_on_until};
use crate::util::budget;

/// Limits for calls that wait: methods of all futures.
///
/// The module's page has the [guarantees](self#guarantees), and says [how a send keeps its
/// message](self#a-send-that-keeps-its-message).
///
/// # Examples
/// ```
/// use levada::future::{Stopped, WaitExt};
/// use levada::watch;
/// use std::time::{Duration, Instant};
///
/// let (tx, mut rx) = watch::channel("starting");
/// let limit = Duration::from_millis(1);
/// assert!(matches!(rx.changed().blocking_timeout(limit), Err(Stopped)));
///
/// assert!(tx.send("running").is_ok());
/// let deadline = Instant::now() + limit;
/// let state = rx.wait_for(|state| *state == "running").blocking_deadline(deadline);
/// assert!(state.is_ok_and(|found| found.is_ok()));
/// ```
pub trait WaitExt: Future + Sized {
    /// Waits until `stop` is ready, and no longer: any future, of any runtime, such as a timer or
    /// a shutdown.
    ///
    /// # Errors
    /// [`Stopped`] if `stop` was ready and this future was not.
    ///
    /// # Cancel safety
    /// That of this future, which is dropped with the one that is returned. By reference
    /// (`(&mut future).until(stop)`) or pinned (`future.as_mut().until(stop)`), this future
    /// remains, and can be waited for again.
    ///
    /// # Examples
    /// ```
    /// use levada::future::{Stopped, WaitExt};
    /// use std::future::ready;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, mut rx) = levada::broadcast::channel(8);
    /// assert_eq!(rx.recv().until(ready(())).await, Err(Stopped));
    /// assert!(tx.send(1).is_ok());
    /// assert_eq!(rx.recv().until(ready(())).await, Ok(Ok(1)));
    /// # }
    /// ```
    fn until<S: Future>(self, stop: S) -> Until<Self, S> {
        Until { call: self, stop }
    }

    /// Blocks the thread until this future is ready, up to `timeout`. The future is polled at least
    /// once. `Duration::MAX` is no limit: it runs any future without a runtime.
    ///
    /// # Errors
    /// [`Stopped`] if the time passed.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// use levada::future::{Stopped, WaitExt};
    /// use std::time::Duration;
    ///
    /// let (tx, rx) = levada::mpsc::channel::<u8>(8);
    /// assert_eq!(tx.closed().blocking_timeout(Duration::from_millis(1)), Err(Stopped));
    /// drop(rx);
    /// assert_eq!(tx.closed().blocking_timeout(Duration::from_secs(60)), Ok(()));
    /// ```
    #[track_caller]
    fn blocking_timeout(self, timeout: Duration) -> Result<Self::Output, Stopped> {
        block_on_for(self, timeout).ok_or(Stopped)
    }

    /// Blocks the thread until this future is ready, or until `deadline`. The future is polled at
    /// least once, also if the deadline has passed.
    ///
    /// # Errors
    /// [`Stopped`] if the deadline passed.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// use levada::future::{Stopped, WaitExt};
    /// use std::time::Instant;
    ///
    /// let (tx, mut rx) = levada::oneshot::channel();
    /// let deadline = Instant::now();
    /// assert_eq!((&mut rx).blocking_deadline(deadline), Err(Stopped));
    /// assert!(tx.send(1).is_ok());
    /// assert_eq!(rx.blocking_deadline(deadline), Ok(Ok(1)));
    /// ```
    #[track_caller]
    fn blocking_deadline(self, deadline: Instant) -> Result<Self::Output, Stopped> {
        block_on_until(self, deadline).ok_or(Stopped)
    }
}

impl<F: Future> WaitExt for F {}

pin_project! {
    /// Future of [`WaitExt::until`].
    ///
    /// # Cancel safety
    /// That of the future that it waits for.
    #[must_use = "futures do nothing unless polled"]
    pub struct Until<F, S> {
        #[pin]
        call: F,
        #[pin]
        stop: S,
    }
}

impl<F, S> Until<F, S> {
    /// The future that is waited for.
    pub(crate) fn call(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().call
    }
}

impl<F: Future, S: Future> Future for Until<F, S> {
    type Output = Result<F::Output, Stopped>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        budget::poll_either(this.call, this.stop, cx)
            .map(|ready| ready.map_err(|_stop_is_ready| Stopped))
    }
}

impl<F, S> fmt::Debug for Until<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Until").finish_non_exhaustive()
    }
}

/// Error of the methods of [`WaitExt`]: the wait was stopped before the future was ready.
///
/// # Examples
/// ```
/// use levada::future::WaitExt;
/// use std::time::Duration;
///
/// let (_tx, mut rx) = levada::mpsc::channel::<u8>(8);
/// let error = rx.ready().blocking_timeout(Duration::ZERO).unwrap_err();
/// assert_eq!(error.to_string(), "the wait was stopped before it was over");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("the wait was stopped before it was over")
    }
}

impl Error for Stopped {}
