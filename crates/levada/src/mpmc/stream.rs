//! [`Stream`] for the receivers, without boxing (feature `stream`).
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::stream::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::Queue;
use crate::refs::Rx;
use crate::wait::list::Node;

pin_project! {
    /// A receiver as a [`Stream`]: made with `into_stream`, from
    /// [`Receiver`](super::Receiver::into_stream) or
    /// [`UnboundedReceiver`](super::UnboundedReceiver::into_stream).
    ///
    /// # Cancel safety
    /// No message is lost when it is dropped: each is in the channel until the poll that gives it.
    pub struct RecvStream<T> {
        queue: Rx<Queue<T>>,
        ended: bool,
        #[pin]
        node: Node,
    }

    impl<T> PinnedDrop for RecvStream<T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            if this.node.is_bound() {
                this.queue.cancel_recv(this.node);
            }
        }
    }
}

impl<T> RecvStream<T> {
    pub(super) fn new(queue: Rx<Queue<T>>) -> Self {
        Self {
            queue,
            ended: false,
            node: Node::new(),
        }
    }
}

impl<T> Stream for RecvStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let polled = this.queue.poll_recv(this.node.into_ref(), cx);
        *this.ended = matches!(polled, Poll::Ready(None));
        polled
    }
}

impl<T> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T> fmt::Debug for RecvStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvStream")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
