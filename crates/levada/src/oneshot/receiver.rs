//! The receiving half.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use super::error::{RecvError, TryRecvError};
use super::protocol::Rx;
use super::state::{Phase, State};
use crate::observe::WaitRecord;
use crate::prim::park_on;
use crate::util::block_on::stay_awake_until;
use crate::util::budget;

/// Receives the value from the [`Sender`](super::Sender): await it.
///
/// Made by [`channel`](super::channel). The result is the value, or a [`RecvError`] if the sender
/// was dropped without sending or the receiver was [closed](Self::close) before.
///
/// # Cancel safety
/// Awaiting `&mut receiver` and giving up loses nothing: the value stays in the channel until the
/// poll that returns it. If the receiver itself is awaited and given up, the value is dropped with
/// it, or goes back to the sender.
///
/// # Panics
/// When polled again after it was ready. [`is_terminated`](Self::is_terminated) tells.
///
/// # Examples
/// ```
/// use levada::oneshot;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = oneshot::channel();
/// tokio::spawn(async move { tx.send("hello") });
/// match rx.await {
///     Ok(value) => println!("got {value}"),
///     Err(_) => println!("the sender was dropped"),
/// }
/// # }
/// ```
///
/// In a loop, wait for `&mut rx`, so that a turn of another branch does not take the receiver away:
/// ```
/// use levada::oneshot;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = oneshot::channel();
/// let mut tx = Some(tx);
/// let mut tick = tokio::time::interval(Duration::from_millis(1));
/// let mut ticks = 0;
/// let result = loop {
///     tokio::select! {
///         _ = tick.tick() => {
///             ticks += 1;
///             if ticks == 3 {
///                 tx.take().unwrap().send("enough").unwrap();
///             }
///         }
///         result = &mut rx => break result,
///     }
/// };
/// assert_eq!(result, Ok("enough"));
/// # }
/// ```
pub struct Receiver<T> {
    /// None once it has given its result.
    inner: Option<Rx<T>>,
    wait: WaitRecord,
}

impl<T> Receiver<T> {
    #[inline]
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(rx: Rx<T>) -> Self {
        Self { inner: Some(rx), wait: WaitRecord::new() }
    }

    /// Makes every later [`send`](super::Sender::send) fail, and wakes a sender that waits in
    /// [`closed`](super::Sender::closed).
    ///
    /// A value that was sent before is kept, and can still be received. After that, or without
    /// one, the result is an error at once. Closing a second time, or after the result, does
    /// nothing.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot::{self, error::TryRecvError};
    ///
    /// let (tx, mut rx) = oneshot::channel();
    /// rx.close();
    /// assert_eq!(tx.send("too late"), Err("too late"));
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    ///
    /// let (tx, mut rx) = oneshot::channel();
    /// assert_eq!(tx.send("in time"), Ok(()));
    /// rx.close();
    /// assert_eq!(rx.try_recv(), Ok("in time"));
    /// ```
    pub fn close(&mut self) {
        if let Some(rx) = &mut self.inner {
            rx.close();
        }
    }

    /// Whether the receiver has given its result, so that it must not be polled again.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = oneshot::channel();
    /// tx.send(1).unwrap();
    /// assert!(!rx.is_terminated());
    /// assert_eq!((&mut rx).await, Ok(1));
    /// assert!(rx.is_terminated());
    /// # }
    /// ```
    pub fn is_terminated(&self) -> bool {
        self.inner.is_none()
    }

    /// Whether there is no value to be received now.
    ///
    /// An empty receiver may still be waiting, may be about to give an error, or may have
    /// [given its result](Self::is_terminated).
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::oneshot::channel();
    /// assert!(rx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!rx.is_empty());
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// assert!(rx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        !matches!(&self.inner, Some(rx) if rx.state().phase() == Phase::Sent)
    }

    /// Receives the value if it is there, without waiting.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none yet; [`TryRecvError::Closed`] if none will come any
    /// more.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot::{self, error::TryRecvError};
    ///
    /// let (tx, mut rx) = oneshot::channel();
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send("hello").unwrap();
    /// assert_eq!(rx.try_recv(), Ok("hello"));
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    /// ```
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let Some(rx) = &self.inner else { return Err(TryRecvError::Closed) };
        let state = rx.state();
        if state.is_open() {
            return Err(TryRecvError::Empty);
        }
        self.receive(state, TryRecvError::Closed)
    }

    /// Waits for the value on this thread. For code outside of async contexts.
    ///
    /// # Errors
    /// [`RecvError`] if the sender is dropped without sending, or the receiver was closed.
    ///
    /// # Panics
    /// On a thread that is driving a tokio runtime; and if the result was given already.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot;
    ///
    /// let (tx, rx) = oneshot::channel();
    /// let thread = std::thread::spawn(move || rx.blocking_recv());
    /// tx.send(10).unwrap();
    /// assert_eq!(thread.join().unwrap(), Ok(10));
    /// ```
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        stay_awake_until(|| !self.is_open());
        park_on(self)
    }

    /// Whether the channel has no result yet.
    fn is_open(&self) -> bool {
        matches!(&self.inner, Some(rx) if rx.state().is_open())
    }

    /// Gives the result of a channel in `state`, with `error` for none; no other is to come after
    /// it.
    #[inline]
    fn receive<E>(&mut self, state: State, error: E) -> Result<T, E> {
        match self.inner.take() {
            Some(rx) => rx.receive(state, error),
            None => Err(error),
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("inner", &self.inner).finish()
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(rx) = &mut this.inner else { panic!("called after complete") };
        let polled = rx.poll_decided(cx.waker());
        this.wait.note_oneshot::<T>(polled.is_pending(), cx);
        let state = ready!(polled);
        // Only a result is paid for. Without budget, this wakes the task and leaves the result.
        ready!(budget::poll_proceed(cx)).made_progress();
        Poll::Ready(this.receive(state, RecvError(())))
    }
}
