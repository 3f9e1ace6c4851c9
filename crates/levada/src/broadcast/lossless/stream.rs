//! Receiving as a stream.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use super::Receiver;
use super::error::RecvError;
use crate::broadcast::future::Waiter;
use crate::observe::{Observed, Op, WaitRecord};

/// The messages of a [`Receiver`], until the channel is closed. Made by
/// [`Receiver::into_stream`].
///
/// Where an observer has missed messages there is a [`RecvError::Lagged`] in their place. An
/// evicted receiver ends with [`RecvError::Evicted`]; the end of the channel is the end of the
/// stream, without an error.
///
/// It is `Unpin`. When it first has to wait it allocates its place in the line, and keeps it for
/// the next times; a stream that always finds a message allocates nothing.
///
/// # Cancel safety
/// Dropping a future that waits for the next item receives nothing.
///
/// # Examples
/// ```
/// use futures_util::StreamExt;
/// use levada::broadcast;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = broadcast::lossless(2);
/// tx.try_send(1).unwrap();
/// drop(tx);
///
/// let mut stream = rx.into_stream();
/// assert_eq!(stream.next().await, Some(Ok(1)));
/// assert_eq!(stream.next().await, None);
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct RecvStream<T> {
    receiver: Receiver<T>,
    /// On the heap, so that the stream may move; made when it first waits.
    waiter: Option<Pin<Box<Waiter>>>,
    has_ended: bool,
    wait: WaitRecord,
}

impl<T> Drop for RecvStream<T> {
    fn drop(&mut self) {
        if let Some(waiter) = &mut self.waiter {
            waiter.as_mut().leave(&self.receiver.shared().base);
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
    /// let (tx, rx) = broadcast::lossless(16);
    /// tx.try_send(1).unwrap();
    /// tx.try_send(2).unwrap();
    /// drop(tx);
    ///
    /// let messages: Vec<_> = rx.into_stream().collect().await;
    /// assert_eq!(messages, [Ok(1), Ok(2)]);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn into_stream(self) -> RecvStream<T> {
        RecvStream { receiver: self, waiter: None, has_ended: false, wait: WaitRecord::new() }
    }
}

impl<T: Clone> Stream for RecvStream<T> {
    type Item = Result<T, RecvError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { receiver, waiter, has_ended, wait } = self.get_mut();
        if *has_ended {
            return Poll::Ready(None);
        }
        receiver.touch();
        let polled = receiver
            .poll_message(|| waiter.get_or_insert_with(|| Box::pin(Waiter::new())).as_mut(), cx);
        wait.note(polled.is_pending(), cx, receiver.shared().record(), Op::Recv);
        let item = ready!(polled);
        *has_ended = matches!(item, Err(RecvError::Closed | RecvError::Evicted));
        let is_end = matches!(item, Err(RecvError::Closed));
        Poll::Ready((!is_end).then_some(item))
    }
}

impl<T: Clone> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<T> fmt::Debug for RecvStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvStream").finish_non_exhaustive()
    }
}
