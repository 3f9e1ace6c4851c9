//! Receiving as a stream.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use super::Receiver;
use super::error::{Lagged, RecvError};
use super::future::{Waiter, missed};
use crate::observe::{Observed, Op, WaitRecord};

/// The messages of a [`Receiver`], until the channel is closed. Made by
/// [`Receiver::into_stream`].
///
/// Where messages were missed there is a [`Lagged`] with their number in their place.
///
/// It is `Unpin`. When it first has to wait it allocates its place in the line (88 bytes), and
/// keeps it for the next times; a stream that always finds a message allocates nothing.
///
/// # Cancel safety
/// Dropping a future that waits for the next item receives nothing.
///
/// # Examples
/// ```
/// use futures_util::StreamExt;
/// use levada::broadcast::{self, error::Lagged};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = broadcast::channel(2);
/// for n in 1..=3 {
///     tx.send(n).unwrap();
/// }
/// drop(tx);
///
/// let mut stream = rx.into_stream();
/// assert_eq!(stream.next().await, Some(Err(Lagged(1))));
/// assert_eq!(stream.next().await, Some(Ok(2)));
/// assert_eq!(stream.next().await, Some(Ok(3)));
/// assert_eq!(stream.next().await, None);
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct RecvStream<T> {
    receiver: Receiver<T>,
    /// On the heap, so that the stream may move; made when it first waits.
    waiter: Option<Pin<Box<Waiter>>>,
    closed: bool,
    wait: WaitRecord,
}

impl<T> Drop for RecvStream<T> {
    fn drop(&mut self) {
        if let Some(waiter) = &mut self.waiter {
            waiter.as_mut().leave(self.receiver.parts().0);
        }
    }
}

impl<T> Receiver<T> {
    /// The messages as a stream.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    /// use levada::broadcast;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = broadcast::channel(16);
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// drop(tx);
    ///
    /// let messages: Vec<_> = rx.into_stream().collect().await;
    /// assert_eq!(messages, [Ok(1), Ok(2)]);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn into_stream(self) -> RecvStream<T> {
        RecvStream { receiver: self, waiter: None, closed: false, wait: WaitRecord::new() }
    }
}

impl<T: Clone> Stream for RecvStream<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { receiver, waiter, closed, wait } = self.get_mut();
        if *closed {
            return Poll::Ready(None);
        }
        receiver.touch();
        let (shared, next) = receiver.parts();
        let polled = Waiter::poll_recv(
            || waiter.get_or_insert_with(|| Box::pin(Waiter::new())).as_mut(),
            shared,
            next,
            cx,
            || false,
        );
        wait.note(polled.is_pending(), cx, shared.record(), Op::Recv);
        receiver.note_position(missed(&polled));
        let item = match ready!(polled) {
            Ok(value) => Some(Ok(value)),
            Err(RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
            Err(RecvError::Closed) => {
                *closed = true;
                None
            }
        };
        Poll::Ready(item)
    }
}

impl<T: Clone> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.closed
    }
}

impl<T> fmt::Debug for RecvStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvStream").finish_non_exhaustive()
    }
}
