//! Receiving as a stream.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::{FusedStream, Stream};

use super::Receiver;
use crate::observe::{Observed, Op, WaitRecord};

/// The messages of a [`Receiver`], until the channel ends. Made by [`Receiver::into_stream`].
///
/// It is `Unpin`, and allocates nothing.
///
/// # Cancel safety
/// Dropping a future that waits for the next item receives nothing.
///
/// # Examples
/// ```
/// use futures_util::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
/// tx.try_send("hello").unwrap();
/// drop(tx);
/// assert_eq!(rx.into_stream().collect::<Vec<_>>().await, ["hello"]);
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct RecvStream<T> {
    receiver: Receiver<T>,
    has_ended: bool,
    wait: WaitRecord,
}

impl<T> Receiver<T> {
    /// The messages as a stream.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// tx.try_send("hello").unwrap();
    /// let mut stream = rx.into_stream();
    /// assert_eq!(stream.next().await, Some("hello"));
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn into_stream(self) -> RecvStream<T> {
        RecvStream { receiver: self, has_ended: false, wait: WaitRecord::new() }
    }
}

impl<T> Stream for RecvStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { receiver, has_ended, wait } = self.get_mut();
        let receiving = receiver.receiving();
        receiving.touch();
        let polled = receiving.poll_recv(cx);
        wait.note(polled.is_pending(), cx, receiving.queue.record(), Op::Recv);
        *has_ended = matches!(polled, Poll::Ready(None));
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.receiver.len(), None)
    }
}

impl<T> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<T> fmt::Debug for RecvStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvStream").finish_non_exhaustive()
    }
}
