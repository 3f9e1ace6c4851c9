//! A sender of a bounded channel as a [`Sink`], for mpsc and mpmc (feature `stream`).
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_sink::Sink;
use pin_project_lite::pin_project;

use super::chan::{Chan, Parked};
use super::error::SendError;
use crate::wait::list::Node;

/// A sender of a bounded channel.
pub(crate) trait BoundedSender {
    type Message;
    type Parked: Parked;

    /// Its channel.
    fn queue(&self) -> &Chan<Self::Message, Self::Parked>;
}

pin_project! {
    /// Holds at most one permit: `poll_ready` gets it, `start_send` uses it up.
    pub(crate) struct SenderSink<S>
    where
        S: BoundedSender,
    {
        sender: Option<S>,
        reserved: bool,
        #[pin]
        node: Node,
    }

    impl<S> PinnedDrop for SenderSink<S>
    where
        S: BoundedSender,
    {
        fn drop(this: Pin<&mut Self>) {
            this.close();
        }
    }
}

impl<S: BoundedSender> SenderSink<S> {
    pub(crate) fn new(sender: S) -> Self {
        Self { sender: Some(sender), reserved: false, node: Node::new() }
    }

    /// The sender, until the sink is closed.
    pub(crate) fn sender(&self) -> Option<&S> {
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

impl<S: BoundedSender> Sink<S::Message> for SenderSink<S> {
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

    fn start_send(self: Pin<&mut Self>, message: S::Message) -> Result<(), SendError<()>> {
        let this = self.project();
        let Some(sender) = this.sender else {
            return Err(SendError(()));
        };
        assert!(core::mem::take(this.reserved), "`start_send` needs `poll_ready` before it");
        sender.queue().send_reserved(message).map_err(|_dropped| SendError(()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl<S: BoundedSender + fmt::Debug> fmt::Debug for SenderSink<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendSink")
            .field("sender", &self.sender)
            .field("reserved", &self.reserved)
            .finish_non_exhaustive()
    }
}
