//! [`Stream`] for the receivers and [`Sink`] for the senders, without boxing (feature `stream`).
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::stream::{FusedStream, Stream};
use futures_sink::Sink;
use pin_project_lite::pin_project;

use super::error::SendError;
use super::{Queue, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use crate::queue::single::Sleeper;
use crate::queue::sink::{BoundedSender, SenderSink};

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

impl<T> BoundedSender for Sender<T> {
    type Message = T;
    type Parked = Sleeper;

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
    /// let (tx, _rx) = levada::mpsc::channel::<u8>(1);
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
