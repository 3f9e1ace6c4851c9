//! [`Stream`] for the receivers and [`Sink`] for the senders, without boxing (feature `stream`).
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::stream::{FusedStream, Stream};
use futures_sink::Sink;
use pin_project_lite::pin_project;

use super::error::SendError;
use super::{Receiver, Sender, UnboundedReceiver, UnboundedSender};
use crate::wait::list::Node;

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), None)
    }
}

impl<T> FusedStream for Receiver<T> {
    fn is_terminated(&self) -> bool {
        self.is_ended()
    }
}

impl<T> Stream for UnboundedReceiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), None)
    }
}

impl<T> FusedStream for UnboundedReceiver<T> {
    fn is_terminated(&self) -> bool {
        self.is_ended()
    }
}

pin_project! {
    /// A [`Sender`] as a [`Sink`]: made with [`Sender::into_sink`].
    ///
    /// `poll_ready` reserves room in the channel, in line with the other senders, and `start_send`
    /// uses it up; so `poll_flush` has nothing to wait for. `poll_close` drops the sender.
    ///
    /// # Cancel safety
    /// Room that was reserved is kept until it is used, or given back when the sink is closed or
    /// dropped.
    pub struct SendSink<T> {
        sender: Option<Sender<T>>,
        reserved: bool,
        #[pin]
        node: Node,
    }

    impl<T> PinnedDrop for SendSink<T> {
        fn drop(this: Pin<&mut Self>) {
            this.close();
        }
    }
}

impl<T> SendSink<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self {
            sender: Some(sender),
            reserved: false,
            node: Node::new(),
        }
    }

    /// The sender, until the sink is closed: to clone it, or to look at the channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::channel::<u8>(1);
    /// let sink = tx.into_sink();
    /// assert!(sink.sender().is_some_and(|tx| tx.capacity() == 1));
    /// ```
    pub fn sender(&self) -> Option<&Sender<T>> {
        self.sender.as_ref()
    }

    /// Leaves the line, gives back what is reserved, drops the sender.
    fn close(self: Pin<&mut Self>) {
        let this = self.project();
        let Some(sender) = this.sender.take() else {
            return;
        };
        if this.node.is_bound() {
            sender.queue().cancel(this.node.into_ref());
        }
        if core::mem::take(this.reserved) {
            sender.queue().release(1);
        }
    }
}

impl<T> Sink<T> for SendSink<T> {
    type Error = SendError<()>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        let this = self.project();
        let Some(sender) = this.sender else {
            return Poll::Ready(Err(SendError(())));
        };
        if !*this.reserved {
            ready!(sender.queue().poll_reserve(this.node.into_ref(), 1, cx))
                .map_err(|_closed| SendError(()))?;
            *this.reserved = true;
        }
        Poll::Ready(Ok(()))
    }

    /// # Panics
    /// If `poll_ready` has not been ready before, as `Sink` requires.
    fn start_send(self: Pin<&mut Self>, message: T) -> Result<(), SendError<()>> {
        let this = self.project();
        let Some(sender) = this.sender else {
            return Err(SendError(()));
        };
        assert!(
            core::mem::take(this.reserved),
            "`start_send` needs `poll_ready` before it"
        );
        sender
            .queue()
            .send_reserved(message)
            .map_err(|_dropped| SendError(()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl<T> fmt::Debug for SendSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendSink")
            .field("sender", &self.sender)
            .field("reserved", &self.reserved)
            .finish_non_exhaustive()
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
