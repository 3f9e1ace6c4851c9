//! [`Stream`] for the receivers and [`Sink`] for the senders, without boxing (feature `stream`).
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::stream::{FusedStream, Stream};
use futures_sink::Sink;
use pin_project_lite::pin_project;

use super::error::SendError;
use super::{Queue, Sender, UnboundedSender};
use crate::queue::many::Line;
use crate::queue::sink::{BoundedSender, SenderSink};
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
        Self { queue, ended: false, node: Node::new() }
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
        f.debug_struct("RecvStream").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl<T> BoundedSender for Sender<T> {
    type Message = T;
    type Parked = Line;

    fn queue(&self) -> &Queue<T> {
        self.queue()
    }
}

pin_project! {
    /// A [`Sender`] as a [`Sink`]: made with [`Sender::into_sink`].
    ///
    /// `poll_ready` reserves room in the channel, in line with the other senders, and `start_send`
    /// uses it up; so `poll_flush` has nothing to wait for. `poll_close` drops the sender.
    ///
    /// # Panics
    /// `start_send` panics if `poll_ready` was not ready before it, as `Sink` requires.
    ///
    /// # Cancel safety
    /// Room that was reserved is kept until it is used, or given back when the sink is closed or
    /// dropped.
    pub struct SendSink<T> {
        #[pin]
        sink: SenderSink<Sender<T>>,
    }
}

impl<T> SendSink<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self { sink: SenderSink::new(sender) }
    }

    /// The sender, until the sink is closed: to clone it, or to look at the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpmc::channel::<u8>(1);
    /// let sink = tx.into_sink();
    /// assert!(sink.sender().is_some_and(|tx| tx.capacity() == 1));
    /// ```
    pub fn sender(&self) -> Option<&Sender<T>> {
        self.sink.sender()
    }
}

impl<T> Sink<T> for SendSink<T> {
    type Error = SendError<()>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        self.project().sink.poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: T) -> Result<(), SendError<()>> {
        self.project().sink.start_send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        self.project().sink.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        self.project().sink.poll_close(cx)
    }
}

impl<T> fmt::Debug for SendSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sink.fmt(f)
    }
}

/// Always ready: an unbounded channel does not make its senders wait. Closing does nothing; drop the
/// sender.
impl<T> Sink<T> for UnboundedSender<T> {
    type Error = SendError<T>;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: T) -> Result<(), SendError<T>> {
        self.send(message)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        Poll::Ready(Ok(()))
    }
}
