//! The futures that the channel's methods return.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::protocol::Lanes;
use crate::observe::WaitRecord;

/// The future of [`Receiver::recv`](super::Receiver::recv).
///
/// It is `Unpin`, and allocates nothing.
///
/// # Cancel safety
/// If it is dropped before it is ready, no message was taken.
///
/// # Examples
/// ```
/// use levada::mpsc::{self, lanes::{Serve, future::Recv}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
/// tx.lane(1).try_send(1).unwrap();
/// let recv: Recv<'_, u8, 2> = rx.recv();
/// assert_eq!(recv.await, Some(1));
/// # }
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct Recv<'a, T, const N: usize> {
    inner: RecvWithLane<'a, T, N>,
}

impl<'a, T, const N: usize> Recv<'a, T, N> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(lanes: &'a mut Lanes<T, N>) -> Self {
        Self { inner: RecvWithLane::new(lanes) }
    }
}

impl<T, const N: usize> Future for Recv<'_, T, N> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.get_mut().inner)
            .poll(cx)
            .map(|received| received.map(|(_, message)| message))
    }
}

impl<T, const N: usize> fmt::Debug for Recv<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}

/// The future of [`Receiver::recv_with_lane`](super::Receiver::recv_with_lane).
///
/// It is `Unpin`, and allocates nothing.
///
/// # Cancel safety
/// If it is dropped before it is ready, no message was taken.
///
/// # Examples
/// ```
/// use levada::mpsc::{self, lanes::{Serve, future::RecvWithLane}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
/// tx.lane(1).try_send(1).unwrap();
/// let recv: RecvWithLane<'_, u8, 2> = rx.recv_with_lane();
/// assert_eq!(recv.await, Some((1, 1)));
/// # }
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct RecvWithLane<'a, T, const N: usize> {
    lanes: &'a mut Lanes<T, N>,
    waits: [WaitRecord; N],
}

impl<'a, T, const N: usize> RecvWithLane<'a, T, N> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(lanes: &'a mut Lanes<T, N>) -> Self {
        let wait = WaitRecord::new();
        Self { lanes, waits: core::array::from_fn(|_| wait.fork()) }
    }
}

impl<T, const N: usize> Future for RecvWithLane<'_, T, N> {
    type Output = Option<(usize, T)>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.lanes.poll_recv(&mut this.waits, cx)
    }
}

impl<T, const N: usize> fmt::Debug for RecvWithLane<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvWithLane").finish_non_exhaustive()
    }
}
