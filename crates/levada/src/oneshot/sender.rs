//! The sending half.
#![forbid(unsafe_code)]

use core::fmt;
use core::task::{Context, Poll, ready};

use super::future::Closed;
use super::protocol::Tx;
use crate::observe::CreatedAt;
use crate::util::budget;

/// Sends one value to the [`Receiver`](super::Receiver).
///
/// Made by [`channel`](super::channel). Sending takes the sender, so it happens at most once; a
/// sender that is dropped instead tells the receiver, whose result is then an
/// [error](super::error::RecvError).
///
/// # Examples
/// ```
/// use levada::oneshot;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = oneshot::channel();
/// tokio::spawn(async move {
///     // The caller may have lost interest; then the answer comes back.
///     if let Err(answer) = tx.send(42) {
///         println!("the receiver is gone: {answer}");
///     }
/// });
/// assert_eq!(rx.await, Ok(42));
/// # }
/// ```
///
/// [`send`](Self::send) takes `self`, so to call it from a `Drop` of your own, keep the sender in
/// an [`Option`]:
/// ```
/// use levada::oneshot;
///
/// struct Notify(Option<oneshot::Sender<&'static str>>);
///
/// impl Drop for Notify {
///     fn drop(&mut self) {
///         if let Some(tx) = self.0.take() {
///             let _ = tx.send("done");
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = oneshot::channel();
/// drop(Notify(Some(tx)));
/// assert_eq!(rx.await, Ok("done"));
/// # }
/// ```
pub struct Sender<T> {
    tx: Tx<T>,
    created: CreatedAt,
}

impl<T> Sender<T> {
    #[inline]
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(tx: Tx<T>) -> Self {
        Self { tx, created: CreatedAt::caller() }
    }

    /// Where the channel was created.
    pub(super) fn created(&self) -> CreatedAt {
        self.created
    }

    /// Sends the value, without waiting, in any context.
    ///
    /// `Ok` means that the value is the receiver's now: received, or dropped together with it.
    /// It does not mean that the receiver will read it.
    ///
    /// # Errors
    /// Gives the value back if the receiver was closed or dropped before.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot;
    ///
    /// let (tx, rx) = oneshot::channel();
    /// assert_eq!(tx.send("hello"), Ok(()));
    /// assert_eq!(rx.blocking_recv(), Ok("hello"));
    ///
    /// let (tx, rx) = oneshot::channel();
    /// drop(rx);
    /// assert_eq!(tx.send("hello"), Err("hello"));
    /// ```
    #[inline]
    pub fn send(self, t: T) -> Result<(), T> {
        self.tx.send(t)
    }

    /// Waits until the receiver is closed or dropped, to stop work whose result is no longer
    /// needed.
    ///
    /// The first wait on a channel allocates 16 bytes, which live as long as the channel.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing, and the method may be called again.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot;
    /// use std::time::Duration;
    ///
    /// async fn compute() -> u64 {
    ///     // This takes a while.
    /// #   std::future::pending().await
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (mut tx, rx) = oneshot::channel();
    /// let worker = tokio::spawn(async move {
    ///     tokio::select! {
    ///         () = tx.closed() => "given up",
    ///         value = compute() => {
    ///             // It may have been closed this very moment.
    ///             let _ = tx.send(value);
    ///             "computed"
    ///         }
    ///     }
    /// });
    /// let timeout = tokio::time::timeout(Duration::from_millis(1), rx).await;
    /// assert!(timeout.is_err());
    /// assert_eq!(worker.await.unwrap(), "given up");
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn closed(&mut self) -> Closed<'_, T> {
        Closed::new(self)
    }

    /// Whether the receiver was closed or dropped. If so, [`send`](Self::send) will fail.
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::oneshot::channel::<u32>();
    /// assert!(!tx.is_closed());
    /// rx.close();
    /// assert!(tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.tx.is_closed()
    }

    /// [`closed`](Self::closed) for a `poll` function: ready if the receiver was closed or dropped,
    /// else it will wake the task of the latest call when that happens.
    ///
    /// Under tokio it takes part in the cooperative budget: it may be pending, and wake the task
    /// at once, if the task has had its share.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot;
    /// use std::future::poll_fn;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (mut tx, rx) = oneshot::channel::<u32>();
    /// tokio::spawn(async move { drop(rx) });
    /// poll_fn(|cx| tx.poll_closed(cx)).await;
    /// assert!(tx.is_closed());
    /// # }
    /// ```
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.tx.poll_closed(cx.waker()));
        // Only a result is paid for. Without budget, this wakes the task.
        ready!(budget::poll_proceed(cx)).made_progress();
        Poll::Ready(())
    }
}

/// The same text as of tokio's sender.
impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("inner", &Some(&self.tx)).finish()
    }
}
