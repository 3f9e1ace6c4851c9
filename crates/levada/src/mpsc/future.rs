//! The futures of the mpsc channels' methods.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::error::SendError;
use super::permit::{OwnedPermit, Permit, PermitIterator};
use super::{Queue, Sender};
use crate::queue::single::UniqueRx;
use crate::wait::list::Node;

pin_project! {
    /// Waits for `permits` permits; reserved for the caller when it is ready.
    struct Acquire<'a, T> {
        queue: &'a Queue<T>,
        permits: usize,
        #[pin]
        node: Node,
    }

    impl<T> PinnedDrop for Acquire<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            if this.node.is_bound() {
                this.queue.cancel(this.node);
            }
        }
    }
}

impl<T> Acquire<'_, T> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        let this = self.project();
        if *this.permits > this.queue.max_capacity() {
            return Poll::Ready(Err(SendError(())));
        }
        let turn = this.queue.poll_reserve(this.node.into_ref(), *this.permits, cx);
        turn.map_err(|_closed| SendError(()))
    }
}

pin_project! {
    /// Future of [`Sender::send`](super::Sender::send).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Send<'a, T> {
        queue: &'a Queue<T>,
        value: Option<T>,
        #[pin]
        node: Node,
    }

    impl<T> PinnedDrop for Send<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            if this.node.is_bound() {
                this.queue.cancel(this.node);
            }
        }
    }
}

impl<'a, T> Send<'a, T> {
    pub(super) fn new(queue: &'a Queue<T>, value: T) -> Self {
        Self { queue, value: Some(value), node: Node::new() }
    }
}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.queue.poll_send(this.node.into_ref(), this.value, cx) {
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
    /// Future of [`Sender::reserve`](super::Sender::reserve).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Reserve<'a, T> {
        #[pin]
        acquire: Acquire<'a, T>,
    }
}

impl<'a, T> Reserve<'a, T> {
    pub(super) fn new(queue: &'a Queue<T>) -> Self {
        Self { acquire: Acquire { queue, permits: 1, node: Node::new() } }
    }
}

impl<'a, T> Future for Reserve<'a, T> {
    type Output = Result<Permit<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let queue = this.acquire.queue;
        this.acquire.poll(cx).map_ok(|()| Permit::new(queue))
    }
}

pin_project! {
    /// Future of [`Sender::reserve_many`](super::Sender::reserve_many).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReserveMany<'a, T> {
        #[pin]
        acquire: Acquire<'a, T>,
    }
}

impl<'a, T> ReserveMany<'a, T> {
    pub(super) fn new(queue: &'a Queue<T>, permits: usize) -> Self {
        Self { acquire: Acquire { queue, permits, node: Node::new() } }
    }
}

impl<'a, T> Future for ReserveMany<'a, T> {
    type Output = Result<PermitIterator<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (queue, permits) = (this.acquire.queue, this.acquire.permits);
        this.acquire.poll(cx).map_ok(|()| PermitIterator::new(queue, permits))
    }
}

pin_project! {
    /// Future of [`Sender::reserve_owned`](super::Sender::reserve_owned).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReserveOwned<T> {
        sender: Option<Sender<T>>,
        #[pin]
        node: Node,
    }

    impl<T> PinnedDrop for ReserveOwned<T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            if let Some(sender) = this.sender && this.node.is_bound() {
                sender.queue().cancel(this.node);
            }
        }
    }
}

impl<T> ReserveOwned<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self { sender: Some(sender), node: Node::new() }
    }
}

impl<T> Future for ReserveOwned<T> {
    type Output = Result<OwnedPermit<T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let sender = this.sender.as_ref().expect("`ReserveOwned` polled after completion");
        let turn = core::task::ready!(sender.queue().poll_reserve(this.node.into_ref(), 1, cx));
        let sender = this.sender.take().expect("checked above");
        Poll::Ready(match turn {
            Ok(()) => Ok(OwnedPermit::new(sender)),
            Err(_closed) => Err(SendError(())),
        })
    }
}

pin_project! {
    /// Future of [`Sender::closed`](super::Sender::closed) and
    /// [`UnboundedSender::closed`](super::UnboundedSender::closed).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Closed<'a, T> {
        queue: &'a Queue<T>,
        #[pin]
        node: Node,
    }

    impl<T> PinnedDrop for Closed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            this.queue.closed_event().cancel(this.node);
        }
    }
}

impl<'a, T> Closed<'a, T> {
    pub(super) fn new(queue: &'a Queue<T>) -> Self {
        Self { queue, node: Node::new() }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let queue = *this.queue;
        queue.closed_event().poll_wait(this.node.into_ref(), cx, || queue.is_closed().then_some(()))
    }
}

pin_project! {
    /// Future of `recv`, of [`Receiver`](super::Receiver) and
    /// [`UnboundedReceiver`](super::UnboundedReceiver).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Recv<'a, T> {
        queue: &'a mut UniqueRx<T>,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, T> Recv<'a, T> {
    pub(super) fn new(queue: &'a mut UniqueRx<T>) -> Self {
        Self { queue, _pinned: PhantomPinned }
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.project().queue.poll_recv(cx)
    }
}

pin_project! {
    /// Future of `recv_many`, of [`Receiver`](super::Receiver) and
    /// [`UnboundedReceiver`](super::UnboundedReceiver).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RecvMany<'a, 'b, T> {
        queue: &'a mut UniqueRx<T>,
        buffer: &'b mut Vec<T>,
        limit: usize,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, 'b, T> RecvMany<'a, 'b, T> {
    pub(super) fn new(queue: &'a mut UniqueRx<T>, buffer: &'b mut Vec<T>, limit: usize) -> Self {
        Self { queue, buffer, limit, _pinned: PhantomPinned }
    }
}

impl<T> Future for RecvMany<'_, '_, T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.project();
        this.queue.poll_recv_many(cx, this.buffer, *this.limit)
    }
}

#[cfg(feature = "tokio")]
pub use self::timeout::SendTimeout;

#[cfg(feature = "tokio")]
mod timeout {
    use super::{Context, Pin, Poll, Queue, Reserve, fmt, pin_project};
    use crate::mpsc::error::SendTimeoutError;
    use core::time::Duration;
    use tokio::time::{Timeout, timeout};

    pin_project! {
        /// Future of [`Sender::send_timeout`](crate::mpsc::Sender::send_timeout).
        #[must_use = "futures do nothing unless you `.await` or poll them"]
        pub struct SendTimeout<'a, T> {
            queue: &'a Queue<T>,
            value: Option<T>,
            duration: Duration,
            // Begun at the first poll, as the clock is: tokio's timers need the runtime.
            #[pin]
            reserve: Option<Timeout<Reserve<'a, T>>>,
        }
    }

    impl<'a, T> SendTimeout<'a, T> {
        pub(in crate::mpsc) fn new(queue: &'a Queue<T>, value: T, duration: Duration) -> Self {
            Self { queue, value: Some(value), duration, reserve: None }
        }
    }

    impl<T> Future for SendTimeout<'_, T> {
        type Output = Result<(), SendTimeoutError<T>>;

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            let mut this = self.project();
            if this.reserve.is_none() {
                this.reserve.set(Some(timeout(*this.duration, Reserve::new(this.queue))));
            }
            let reserve = this.reserve.as_mut().as_pin_mut().expect("set above");
            let reserved = core::task::ready!(reserve.poll(cx));
            let value = this.value.take().expect("`SendTimeout` polled after completion");
            Poll::Ready(match reserved {
                Ok(Ok(permit)) => permit.send_or_return(value).map_err(SendTimeoutError::Closed),
                Ok(Err(_closed)) => Err(SendTimeoutError::Closed(value)),
                Err(_elapsed) => Err(SendTimeoutError::Timeout(value)),
            })
        }
    }

    impl<T> fmt::Debug for SendTimeout<'_, T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("SendTimeout").field("duration", &self.duration).finish_non_exhaustive()
        }
    }
}

impl<T> fmt::Debug for Send<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Reserve<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ReserveMany<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveMany")
            .field("permits", &self.acquire.permits)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ReserveOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveOwned").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for RecvMany<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvMany").field("limit", &self.limit).finish_non_exhaustive()
    }
}
