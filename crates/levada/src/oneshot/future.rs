//! The futures of this channel, by name.
#![forbid(unsafe_code)]

use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::Sender;

/// Waits until the receiver is closed or dropped; returned by [`Sender::closed`].
///
/// # Cancel safety
/// Dropping it loses nothing. A later call waits again, or is ready at once.
///
/// # Examples
/// ```
/// use levada::oneshot::{self, future::Closed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (mut tx, rx) = oneshot::channel::<u32>();
/// let closed: Closed<'_, u32> = tx.closed();
/// drop(rx);
/// closed.await;
/// # }
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Closed<'a, T> {
    pub(super) sender: &'a mut Sender<T>,
    /// Not `Unpin`, so that waiting may come to need a pinned place.
    _pinned: PhantomPinned,
}

impl<'a, T> Closed<'a, T> {
    pub(super) fn new(sender: &'a mut Sender<T>) -> Self {
        Self { sender, _pinned: PhantomPinned }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.sender().poll_closed(cx)
    }
}
