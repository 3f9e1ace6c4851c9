//! Receiving as a stream.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::Receiver;
use super::error::{Lagged, RecvError};
use super::future::Waiter;

pin_project! {
    /// The messages of a [`Receiver`], until the channel is closed. Made by
    /// [`Receiver::into_stream`].
    ///
    /// Where messages were missed there is a [`Lagged`] with their number in their place. Nothing is
    /// boxed, so the stream has to be pinned to be used.
    ///
    /// # Cancel safety
    /// Dropping a future that waits for the next item receives nothing.
    ///
    /// # Examples
    /// ```
    /// use futures_util::StreamExt;
    /// use levada::broadcast::{self, error::Lagged};
    /// use std::pin::pin;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = broadcast::channel(2);
    /// for n in 1..=3 {
    ///     tx.send(n).unwrap();
    /// }
    /// drop(tx);
    ///
    /// let mut stream = pin!(rx.into_stream());
    /// assert_eq!(stream.next().await, Some(Err(Lagged(1))));
    /// assert_eq!(stream.next().await, Some(Ok(2)));
    /// assert_eq!(stream.next().await, Some(Ok(3)));
    /// assert_eq!(stream.next().await, None);
    /// # }
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct RecvStream<T> {
        receiver: Receiver<T>,
        #[pin]
        waiter: Waiter,
        closed: bool,
    }

    impl<T> PinnedDrop for RecvStream<T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.waiter.leave(this.receiver.parts().0);
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
    pub fn into_stream(self) -> RecvStream<T> {
        RecvStream { receiver: self, waiter: Waiter::new(), closed: false }
    }
}

impl<T: Clone> Stream for RecvStream<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if *this.closed {
            return Poll::Ready(None);
        }
        let (shared, next) = this.receiver.parts();
        let item = match ready!(this.waiter.poll_recv(shared, next, cx)) {
            Ok(value) => Some(Ok(value)),
            Err(RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
            Err(RecvError::Closed) => {
                *this.closed = true;
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
