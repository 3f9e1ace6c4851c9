//! Receiving as a stream.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::{FusedStream, Stream};

use super::Receiver;
use crate::observe::WaitRecord;
use crate::wait::nodes::Nodes;

/// The messages of a [`Receiver`], until all lanes have ended. Made by [`Receiver::into_stream`].
///
/// It is `Unpin`. When it first has to wait it allocates its places in the lines, and keeps them
/// for the next times.
///
/// # Cancel safety
/// Dropping a future that waits for the next item receives nothing.
///
/// # Examples
/// ```
/// use futures_util::StreamExt;
/// use levada::mpmc::{self, lanes::Serve};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
/// tx.lane(1).try_send("second").unwrap();
/// tx.lane(0).try_send("first").unwrap();
/// drop(tx);
/// assert_eq!(rx.into_stream().collect::<Vec<_>>().await, ["first", "second"]);
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct RecvStream<T, const N: usize> {
    receiver: Receiver<T, N>,
    nodes: Nodes<N>,
    ended: [bool; N],
    has_ended: bool,
    waits: [WaitRecord; N],
}

impl<T, const N: usize> Receiver<T, N> {
    /// The messages as a stream.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send(1).unwrap();
    /// assert_eq!(rx.into_stream().next().await, Some(1));
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn into_stream(self) -> RecvStream<T, N> {
        let wait = WaitRecord::new();
        let waits = core::array::from_fn(|_| wait.fork());
        RecvStream {
            receiver: self,
            nodes: Nodes::new(),
            ended: [false; N],
            has_ended: false,
            waits,
        }
    }
}

impl<T, const N: usize> Stream for RecvStream<T, N> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { receiver, nodes, ended, has_ended, waits } = self.get_mut();
        if *has_ended {
            return Poll::Ready(None);
        }
        let lanes = receiver.lanes();
        lanes.touch();
        let polled = lanes.poll_recv(nodes, ended, cx);
        lanes.note_waits(waits, polled.is_pending(), ended, cx);
        *has_ended = matches!(polled, Poll::Ready(None));
        polled.map(|received| received.map(|(_, message)| message))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.receiver.len(), None)
    }
}

impl<T, const N: usize> Drop for RecvStream<T, N> {
    fn drop(&mut self) {
        self.receiver.lanes().leave(&self.nodes);
    }
}

impl<T, const N: usize> FusedStream for RecvStream<T, N> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<T, const N: usize> fmt::Debug for RecvStream<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvStream").finish_non_exhaustive()
    }
}
