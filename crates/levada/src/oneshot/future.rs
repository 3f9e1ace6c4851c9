//! The futures of this channel, by name.
#![forbid(unsafe_code)]

use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::error::ReplyError;
use super::reusable::Reusable;
use super::sender::Sender;
use crate::observe::WaitRecord;

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
    pub(super) wait: WaitRecord,
    /// Not `Unpin`, so that waiting may come to need a pinned place.
    _pinned: PhantomPinned,
}

impl<'a, T> Closed<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(sender: &'a mut Sender<T>) -> Self {
        Self { sender, wait: WaitRecord::new(), _pinned: PhantomPinned }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (sender, wait) = self.parts();
        let polled = sender.poll_closed(cx);
        wait.note_closed_oneshot::<T>(polled.is_pending(), cx, sender.created());
        polled
    }
}

/// Waits for the value of a round; returned by [`Reusable::recv`].
///
/// Polled again after it completed, it gives [`ReplyError::NoSender`].
///
/// # Cancel safety
/// Dropping it loses nothing: the round goes on.
///
/// # Examples
/// ```
/// use levada::oneshot::{Reusable, future::Recv};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut reply = Reusable::new();
/// reply.sender().send(7).unwrap();
/// let recv: Recv<'_, u32> = reply.recv();
/// assert_eq!(recv.await, Ok(7));
/// # }
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Recv<'a, T> {
    reusable: &'a mut Reusable<T>,
    wait: WaitRecord,
}

impl<'a, T> Recv<'a, T> {
    #[inline]
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(reusable: &'a mut Reusable<T>) -> Self {
        Self { reusable, wait: WaitRecord::new() }
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Result<T, ReplyError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let polled = this.reusable.poll_recv(cx);
        this.wait.note_oneshot::<T>(polled.is_pending(), cx);
        polled
    }
}
