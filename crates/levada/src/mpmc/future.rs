//! The futures of the mpmc channels' methods, by name.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;

use pin_project_lite::pin_project;

use super::error::{RecvTimeoutError, SendError, SendTimeoutError};
use super::permit::{OwnedPermit, Permit, PermitIterator};
use super::{Queue, Sender, Waiters};
use crate::future::{Stopped, Until, WaitExt};
use crate::observe::{Observed, Op, WaitRecord};
use crate::queue::future::{Acquire, AcquireOwned, ClosedFut, SendFut, SendManyFut, SendRefFut};
use crate::wait::list::Node;

pin_project! {
    /// Future of [`Sender::send`](super::Sender::send).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, the message was not sent, and is dropped with it. Its
    /// place in the queue of waiting senders is lost.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, future::Send};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = mpmc::channel(1);
    /// let send: Send<'_, u8> = tx.send(1);
    /// assert!(send.await.is_ok());
    /// assert_eq!(rx.recv().await, Some(1));
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Send<'a, T> {
        #[pin]
        inner: SendFut<'a, T, Waiters>,
    }
}

impl<'a, T> Send<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(queue: &'a Queue<T>, value: T) -> Self {
        Self { inner: SendFut::new(queue, value) }
    }

    /// Gives the message back, of a send that is not ready.
    fn take(self: Pin<&mut Self>) -> Option<T> {
        self.project().inner.take()
    }
}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx)
    }
}

pin_project! {
    /// Future of [`Sender::send_many`](super::Sender::send_many).
    ///
    /// # Cancel safety
    /// If it is dropped, each message was either sent or is left with the caller. Its place in the
    /// queue of waiting senders is lost.
    #[must_use = "futures do nothing unless polled"]
    pub struct SendMany<'a, 'b, T> {
        #[pin]
        inner: SendManyFut<'a, 'b, T, Waiters>,
    }
}

impl<'a, 'b, T> SendMany<'a, 'b, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(queue: &'a Queue<T>, batch: &'b mut VecDeque<T>) -> Self {
        Self { inner: SendManyFut::new(queue, batch) }
    }
}

impl<T> Future for SendMany<'_, '_, T> {
    type Output = Result<(), SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx)
    }
}

pin_project! {
    /// Future of [`Sender::send_ref`](super::Sender::send_ref).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, the message was not sent, and is left with the caller.
    /// Its place in the queue of waiting senders is lost.
    #[must_use = "futures do nothing unless polled"]
    pub struct SendRef<'a, 'b, T> {
        #[pin]
        inner: SendRefFut<'a, 'b, T, Waiters>,
    }
}

impl<'a, 'b, T> SendRef<'a, 'b, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(queue: &'a Queue<T>, value: &'b mut Option<T>) -> Self {
        Self { inner: SendRefFut::new(queue, value) }
    }
}

impl<T> Future for SendRef<'_, '_, T> {
    type Output = Result<(), SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx)
    }
}

pin_project! {
    /// Future of [`Sender::send_until`](super::Sender::send_until).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, the message was not sent, and is dropped with it.
    #[must_use = "futures do nothing unless polled"]
    pub struct SendUntil<'a, T, F> {
        #[pin]
        inner: Until<Send<'a, T>, F>,
    }
}

impl<'a, T, F: Future> SendUntil<'a, T, F> {
    pub(super) fn new(send: Send<'a, T>, stop: F) -> Self {
        Self { inner: send.until(stop) }
    }
}

impl<T, F: Future> Future for SendUntil<'_, T, F> {
    type Output = Result<(), SendTimeoutError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.project().inner;
        inner.as_mut().poll(cx).map(|sent| match sent {
            Ok(sent) => sent.map_err(SendTimeoutError::from),
            Err(Stopped) => {
                let value = inner.call().take().expect("`SendUntil` polled after completion");
                Err(SendTimeoutError::Timeout(value))
            }
        })
    }
}

pin_project! {
    /// Future of [`Sender::reserve`](super::Sender::reserve).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, no permit was taken. Its place in the queue of waiting
    /// senders is lost.
    #[must_use = "futures do nothing unless polled"]
    pub struct Reserve<'a, T> {
        #[pin]
        acquire: Acquire<'a, T, Waiters>,
    }
}

impl<'a, T> Reserve<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(queue: &'a Queue<T>) -> Self {
        Self::with_record(queue, WaitRecord::new())
    }

    fn with_record(queue: &'a Queue<T>, wait: WaitRecord) -> Self {
        Self { acquire: Acquire::new(queue, 1, wait) }
    }
}

impl<'a, T> Future for Reserve<'a, T> {
    type Output = Result<Permit<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().acquire.poll(cx).map_ok(Permit::new)
    }
}

pin_project! {
    /// Future of [`Sender::reserve_many`](super::Sender::reserve_many).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, no permit was taken. Its place in the queue of waiting
    /// senders is lost.
    #[must_use = "futures do nothing unless polled"]
    pub struct ReserveMany<'a, T> {
        #[pin]
        acquire: Acquire<'a, T, Waiters>,
    }
}

impl<'a, T> ReserveMany<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(queue: &'a Queue<T>, permits: usize) -> Self {
        Self { acquire: Acquire::new(queue, permits, WaitRecord::new()) }
    }
}

impl<'a, T> Future for ReserveMany<'a, T> {
    type Output = Result<PermitIterator<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let permits = self.acquire.permits();
        self.project().acquire.poll(cx).map_ok(|queue| PermitIterator::new(queue, permits))
    }
}

pin_project! {
    /// Future of [`Sender::reserve_owned`](super::Sender::reserve_owned).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, no permit was taken, and the sender is dropped with it.
    /// Its place in the queue of waiting senders is lost.
    #[must_use = "futures do nothing unless polled"]
    pub struct ReserveOwned<T> {
        #[pin]
        acquire: AcquireOwned<Sender<T>>,
    }
}

impl<T> ReserveOwned<T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self { acquire: AcquireOwned::new(sender) }
    }
}

impl<T> Future for ReserveOwned<T> {
    type Output = Result<OwnedPermit<T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().acquire.poll(cx).map_ok(OwnedPermit::new)
    }
}

pin_project! {
    /// Future of [`Sender::closed`](super::Sender::closed) and
    /// [`UnboundedSender::closed`](super::UnboundedSender::closed).
    ///
    /// # Cancel safety
    /// Dropping it loses nothing.
    #[must_use = "futures do nothing unless polled"]
    pub struct Closed<'a, T> {
        #[pin]
        inner: ClosedFut<'a, T, Waiters>,
    }
}

impl<'a, T> Closed<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(queue: &'a Queue<T>) -> Self {
        Self { inner: ClosedFut::new(queue) }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().inner.poll(cx)
    }
}

pin_project! {
    /// Future of `recv`, of [`Receiver`](super::Receiver) and
    /// [`UnboundedReceiver`](super::UnboundedReceiver).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, no message was taken.
    #[must_use = "futures do nothing unless polled"]
    pub struct Recv<'a, T> {
        queue: &'a Queue<T>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T> PinnedDrop for Recv<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            if this.node.is_bound() {
                this.queue.cancel_recv(this.node);
            }
        }
    }
}

impl<'a, T> Recv<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(queue: &'a Queue<T>) -> Self {
        Self { queue, node: Node::new(), wait: WaitRecord::new() }
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.project();
        let polled = this.queue.poll_recv(this.node.into_ref(), cx);
        this.wait.note(polled.is_pending(), cx, this.queue.record(), Op::Recv);
        polled
    }
}

pin_project! {
    /// Future of `recv_many`, of [`Receiver`](super::Receiver) and
    /// [`UnboundedReceiver`](super::UnboundedReceiver).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, no message was taken.
    #[must_use = "futures do nothing unless polled"]
    pub struct RecvMany<'a, 'b, T> {
        queue: &'a Queue<T>,
        buffer: &'b mut Vec<T>,
        limit: usize,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T> PinnedDrop for RecvMany<'_, '_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            if this.node.is_bound() {
                this.queue.cancel_recv(this.node);
            }
        }
    }
}

impl<'a, 'b, T> RecvMany<'a, 'b, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(queue: &'a Queue<T>, buffer: &'b mut Vec<T>, limit: usize) -> Self {
        Self { queue, buffer, limit, node: Node::new(), wait: WaitRecord::new() }
    }
}

impl<T> Future for RecvMany<'_, '_, T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.project();
        let polled = this.queue.poll_recv_many(this.node.into_ref(), cx, this.buffer, *this.limit);
        this.wait.note(polled.is_pending(), cx, this.queue.record(), Op::Recv);
        polled
    }
}

pin_project! {
    /// Future of `recv_until`, of [`Receiver`](super::Receiver) and
    /// [`UnboundedReceiver`](super::UnboundedReceiver).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, no message was taken.
    #[must_use = "futures do nothing unless polled"]
    pub struct RecvUntil<'a, T, F> {
        #[pin]
        inner: Until<Recv<'a, T>, F>,
    }
}

impl<'a, T, F: Future> RecvUntil<'a, T, F> {
    pub(super) fn new(recv: Recv<'a, T>, stop: F) -> Self {
        Self { inner: recv.until(stop) }
    }
}

impl<T, F: Future> Future for RecvUntil<'_, T, F> {
    type Output = Result<T, RecvTimeoutError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx).map(|received| RecvTimeoutError::check(received.ok()))
    }
}

#[cfg(feature = "tokio")]
pub use self::timeout::SendTimeout;

#[cfg(feature = "tokio")]
mod timeout {
    use super::{Context, Pin, Poll, Queue, Reserve, WaitRecord, fmt, pin_project};
    use crate::mpmc::error::SendTimeoutError;
    use core::time::Duration;
    use tokio::time::{Timeout, timeout};

    pin_project! {
        /// Future of [`Sender::send_timeout`](crate::mpmc::Sender::send_timeout).
        ///
        /// # Cancel safety
        /// If it is dropped before it is ready, the message was not sent, and is dropped with it.
        #[must_use = "futures do nothing unless polled"]
        pub struct SendTimeout<'a, T> {
            queue: &'a Queue<T>,
            value: Option<T>,
            duration: Duration,
            // That of `reserve`, made here for the caller's location.
            wait: WaitRecord,
            // Begun at the first poll, as the clock is: tokio's timers need the runtime.
            #[pin]
            reserve: Option<Timeout<Reserve<'a, T>>>,
        }
    }

    impl<'a, T> SendTimeout<'a, T> {
        #[cfg_attr(feature = "observe", track_caller)]
        pub(in crate::mpmc) fn new(queue: &'a Queue<T>, value: T, duration: Duration) -> Self {
            Self { queue, value: Some(value), duration, wait: WaitRecord::new(), reserve: None }
        }
    }

    impl<T> Future for SendTimeout<'_, T> {
        type Output = Result<(), SendTimeoutError<T>>;

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            let mut this = self.project();
            if this.reserve.is_none() {
                let reserve = Reserve::with_record(this.queue, this.wait.fork());
                this.reserve.set(Some(timeout(*this.duration, reserve)));
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

impl<T> fmt::Debug for SendMany<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMany").field("left", &self.inner.left()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SendRef<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendRef").finish_non_exhaustive()
    }
}

impl<T, F> fmt::Debug for SendUntil<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendUntil").finish_non_exhaustive()
    }
}

impl<T, F> fmt::Debug for RecvUntil<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvUntil").finish_non_exhaustive()
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
            .field("permits", &self.acquire.permits())
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
