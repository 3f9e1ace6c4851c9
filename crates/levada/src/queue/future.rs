//! The futures of senders, once for mpsc and mpmc, which wrap them under their own names.
//!
//! Each holds the node that it waits with, and cancels it on drop.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;

use pin_project_lite::pin_project;

use super::chan::{Chan, RecvWaiters};
use super::error::SendError;
use crate::observe::{Observed, Op, WaitRecord};
use crate::wait::list::Node;

/// A sender of a bounded channel.
pub(crate) trait BoundedSender {
    type Message;
    type RecvWaiters: RecvWaiters;

    /// The calling task uses it.
    #[cfg(feature = "stream")]
    fn touch(&self);

    /// Its channel.
    fn queue(&self) -> &Chan<Self::Message, Self::RecvWaiters>;
}

pin_project! {
    /// Waits for permits. When it is ready, they are reserved for the caller.
    pub(crate) struct Acquire<'a, T, P>
    where
        P: RecvWaiters,
    {
        chan: &'a Chan<T, P>,
        permits: usize,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T, P: RecvWaiters> PinnedDrop for Acquire<'_, T, P> {
        fn drop(this: Pin<&mut Self>) {
            cancel(this.chan, this.into_ref().project_ref().node);
        }
    }
}

impl<'a, T, P: RecvWaiters> Acquire<'a, T, P> {
    pub(crate) fn new(chan: &'a Chan<T, P>, permits: usize, wait: WaitRecord) -> Self {
        Self { chan, permits, node: Node::new(), wait }
    }

    pub(crate) fn permits(&self) -> usize {
        self.permits
    }

    /// Resolves to the channel in which the permits are reserved.
    pub(crate) fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<&'a Chan<T, P>, SendError<()>>> {
        let this = self.project();
        let chan = *this.chan;
        if *this.permits > chan.max_capacity() {
            return Poll::Ready(Err(SendError(())));
        }
        let polled = chan.poll_reserve(this.node.into_ref(), *this.permits, cx);
        this.wait.note(polled.is_pending(), cx, chan.record(), Op::Send);
        let acquired = ready!(polled);
        Poll::Ready(acquired.map(|()| chan).map_err(|_closed| SendError(())))
    }
}

pin_project! {
    /// Waits for one permit in a channel that it keeps alive.
    pub(crate) struct AcquireOwned<S>
    where
        S: BoundedSender,
    {
        sender: Option<S>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<S: BoundedSender> PinnedDrop for AcquireOwned<S> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            if let Some(sender) = this.sender {
                cancel(sender.queue(), this.node);
            }
        }
    }
}

impl<S: BoundedSender> AcquireOwned<S> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(crate) fn new(sender: S) -> Self {
        Self { sender: Some(sender), node: Node::new(), wait: WaitRecord::new() }
    }

    /// Resolves to the sender of the channel in which the permit is reserved.
    pub(crate) fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S, SendError<()>>> {
        let this = self.project();
        let sender = this.sender.as_ref().expect("`ReserveOwned` polled after completion");
        let polled = sender.queue().poll_reserve(this.node.into_ref(), 1, cx);
        this.wait.note(polled.is_pending(), cx, sender.queue().record(), Op::Send);
        let acquired = ready!(polled);
        let sender = this.sender.take().expect("checked above");
        Poll::Ready(acquired.map(|()| sender).map_err(|_closed| SendError(())))
    }
}

pin_project! {
    /// Waits for a permit and sends a message with it.
    pub(crate) struct SendFut<'a, T, P>
    where
        P: RecvWaiters,
    {
        chan: &'a Chan<T, P>,
        value: Option<T>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T, P: RecvWaiters> PinnedDrop for SendFut<'_, T, P> {
        fn drop(this: Pin<&mut Self>) {
            cancel(this.chan, this.into_ref().project_ref().node);
        }
    }
}

impl<'a, T, P: RecvWaiters> SendFut<'a, T, P> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(crate) fn new(chan: &'a Chan<T, P>, value: T) -> Self {
        Self { chan, value: Some(value), node: Node::new(), wait: WaitRecord::new() }
    }

    /// Gives the message back, of a send that is not ready.
    pub(crate) fn take(self: Pin<&mut Self>) -> Option<T> {
        self.project().value.take()
    }

    #[inline]
    pub(crate) fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let this = self.project();
        let polled = this.chan.poll_send(this.node.into_ref(), this.value, cx);
        this.wait.note(polled.is_pending(), cx, this.chan.record(), Op::Send);
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(_closed)) => {
                let value = this.value.take().expect("`Send` polled after completion");
                Poll::Ready(Err(SendError(value)))
            }
        }
    }
}

pin_project! {
    /// Sends messages that stay with the caller until they are in the channel.
    pub(crate) struct SendManyFut<'a, 'b, T, P>
    where
        P: RecvWaiters,
    {
        chan: &'a Chan<T, P>,
        batch: &'b mut VecDeque<T>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T, P: RecvWaiters> PinnedDrop for SendManyFut<'_, '_, T, P> {
        fn drop(this: Pin<&mut Self>) {
            cancel(this.chan, this.into_ref().project_ref().node);
        }
    }
}

impl<'a, 'b, T, P: RecvWaiters> SendManyFut<'a, 'b, T, P> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(crate) fn new(chan: &'a Chan<T, P>, batch: &'b mut VecDeque<T>) -> Self {
        Self { chan, batch, node: Node::new(), wait: WaitRecord::new() }
    }

    /// How many messages are left to send.
    pub(crate) fn left(&self) -> usize {
        self.batch.len()
    }

    pub(crate) fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<()>>> {
        let this = self.project();
        let polled = this.chan.poll_send_many(this.node.into_ref(), this.batch, cx);
        this.wait.note(polled.is_pending(), cx, this.chan.record(), Op::Send);
        polled.map_err(|_closed| SendError(()))
    }
}

pin_project! {
    /// Sends a message that stays with the caller until it is in the channel.
    pub(crate) struct SendRefFut<'a, 'b, T, P>
    where
        P: RecvWaiters,
    {
        chan: &'a Chan<T, P>,
        value: &'b mut Option<T>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T, P: RecvWaiters> PinnedDrop for SendRefFut<'_, '_, T, P> {
        fn drop(this: Pin<&mut Self>) {
            cancel(this.chan, this.into_ref().project_ref().node);
        }
    }
}

impl<'a, 'b, T, P: RecvWaiters> SendRefFut<'a, 'b, T, P> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(crate) fn new(chan: &'a Chan<T, P>, value: &'b mut Option<T>) -> Self {
        Self { chan, value, node: Node::new(), wait: WaitRecord::new() }
    }

    pub(crate) fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<()>>> {
        let this = self.project();
        if this.value.is_none() {
            return Poll::Ready(Ok(()));
        }
        let polled = this.chan.poll_send(this.node.into_ref(), this.value, cx);
        this.wait.note(polled.is_pending(), cx, this.chan.record(), Op::Send);
        polled.map_err(|_closed| SendError(()))
    }
}

pin_project! {
    /// Waits until the channel is closed.
    pub(crate) struct ClosedFut<'a, T, P>
    where
        P: RecvWaiters,
    {
        chan: &'a Chan<T, P>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T, P: RecvWaiters> PinnedDrop for ClosedFut<'_, T, P> {
        fn drop(this: Pin<&mut Self>) {
            this.chan.closed_event().cancel(this.into_ref().project_ref().node);
        }
    }
}

impl<'a, T, P: RecvWaiters> ClosedFut<'a, T, P> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(crate) fn new(chan: &'a Chan<T, P>) -> Self {
        Self { chan, node: Node::new(), wait: WaitRecord::new() }
    }

    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let chan = *this.chan;
        let check = || chan.is_closed().then_some(());
        let polled = chan.closed_event().poll_wait(this.node.into_ref(), cx, check);
        this.wait.note(polled.is_pending(), cx, chan.record(), Op::Closed);
        polled
    }
}

#[inline]
fn cancel<T, P: RecvWaiters>(chan: &Chan<T, P>, node: Pin<&Node>) {
    if node.is_bound() {
        chan.cancel(node);
    }
}
