//! The futures that the channel's methods return.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::error::SendError;
use super::permit::Permit;
use super::protocol::{Ends, Weighed, count};
use super::receiving::Receiving;
use crate::observe::{Observed, Op, WaitRecord};
use crate::queue::future::ClosedFut;
use crate::queue::single::RxWaker;
use crate::wait::list::Node;

pin_project! {
    /// The future of [`Sender::send`](super::Sender::send).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, the message was not sent, and is dropped with it. Its
    /// place in the queue of waiting senders is lost.
    ///
    /// # Panics
    /// If it is polled after it was ready.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, weighted::future::Send};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, _rx) = mpsc::weighted(10, |text: &&str| text.len());
    /// let send: Send<'_, &str> = tx.send("hello");
    /// assert!(send.await.is_ok());
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Send<'a, T> {
        ends: Ends<'a, T>,
        message: Option<Weighed<T>>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T> PinnedDrop for Send<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            this.ends.cancel(this.node);
        }
    }
}

impl<'a, T> Send<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(ends: Ends<'a, T>, message: T) -> Self {
        let weight = ends.scale.weigh(&message);
        let message = Some(Weighed { message, weight });
        Self { ends, message, node: Node::new(), wait: WaitRecord::new() }
    }
}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if !this.node.is_bound()
            && let Some(weighed) = this.message.as_ref()
            && let Err(heavy) = this.ends.scale.check(weighed.weight)
        {
            let Weighed { message, .. } = this.message.take().expect("checked above");
            return Poll::Ready(Err(SendError::TooHeavy(heavy.map(|()| message))));
        }
        let polled = this.ends.poll_send(this.node.into_ref(), this.message, cx);
        this.wait.note(polled.is_pending(), cx, this.ends.queue.record(), Op::Send);
        polled
    }
}

impl<T> fmt::Debug for Send<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Sender::reserve_weight`](super::Sender::reserve_weight).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, nothing was reserved. Its place in the queue of waiting
    /// senders is lost.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, weighted::future::ReserveWeight};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, _rx) = mpsc::weighted(10, |text: &&str| text.len());
    /// let reserve: ReserveWeight<'_, &str> = tx.reserve_weight(5);
    /// reserve.await.unwrap().send("hello").unwrap();
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct ReserveWeight<'a, T> {
        ends: Ends<'a, T>,
        weight: usize,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T> PinnedDrop for ReserveWeight<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            this.ends.cancel(this.node);
        }
    }
}

impl<'a, T> ReserveWeight<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(ends: Ends<'a, T>, weight: usize) -> Self {
        Self { ends, weight: count(weight), node: Node::new(), wait: WaitRecord::new() }
    }
}

impl<'a, T> Future for ReserveWeight<'a, T> {
    type Output = Result<Permit<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (ends, weight) = (*this.ends, *this.weight);
        if !this.node.is_bound() {
            ends.scale.check(weight).map_err(SendError::TooHeavy)?;
        }
        let polled = ends.poll_reserve(this.node.into_ref(), weight, cx);
        this.wait.note(polled.is_pending(), cx, ends.queue.record(), Op::Send);
        let reserved = ready!(polled).map_err(|_closed| SendError::Closed(()));
        Poll::Ready(reserved.map(|()| Permit::new(ends, weight)))
    }
}

impl<T> fmt::Debug for ReserveWeight<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveWeight").field("weight", &self.weight).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Sender::closed`](super::Sender::closed).
    ///
    /// # Cancel safety
    /// Dropping it loses nothing.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, weighted::future::Closed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = mpsc::weighted(10, |text: &&str| text.len());
    /// drop(rx);
    /// let closed: Closed<'_, &str> = tx.closed();
    /// closed.await;
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Closed<'a, T> {
        #[pin]
        inner: ClosedFut<'a, Weighed<T>, RxWaker>,
    }
}

impl<'a, T> Closed<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(ends: Ends<'a, T>) -> Self {
        Self { inner: ClosedFut::new(ends.queue) }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().inner.poll(cx)
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Receiver::recv`](super::Receiver::recv).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, weighted::future::Recv};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = mpsc::weighted(10, |text: &&str| text.len());
    /// tx.try_send("hello").unwrap();
    /// let recv: Recv<'_, &str> = rx.recv();
    /// assert_eq!(recv.await, Some("hello"));
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Recv<'a, T> {
        receiving: &'a mut Receiving<T>,
        wait: WaitRecord,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, T> Recv<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(receiving: &'a mut Receiving<T>) -> Self {
        Self { receiving, wait: WaitRecord::new(), _pinned: PhantomPinned }
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.project();
        let polled = this.receiving.poll_recv(cx);
        this.wait.note(polled.is_pending(), cx, this.receiving.queue.record(), Op::Recv);
        polled
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Receiver::recv_many`](super::Receiver::recv_many).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, weighted::future::RecvMany};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = mpsc::weighted(10, |text: &&str| text.len());
    /// tx.try_send("hello").unwrap();
    /// let mut batch = Vec::new();
    /// let recv: RecvMany<'_, '_, &str> = rx.recv_many(&mut batch, 8);
    /// assert_eq!(recv.await, 1);
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct RecvMany<'a, 'b, T> {
        receiving: &'a mut Receiving<T>,
        buffer: &'b mut Vec<T>,
        limit: usize,
        wait: WaitRecord,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, 'b, T> RecvMany<'a, 'b, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(
        receiving: &'a mut Receiving<T>,
        buffer: &'b mut Vec<T>,
        limit: usize,
    ) -> Self {
        Self { receiving, buffer, limit, wait: WaitRecord::new(), _pinned: PhantomPinned }
    }
}

impl<T> Future for RecvMany<'_, '_, T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.project();
        let polled = this.receiving.poll_recv_many(cx, this.buffer, *this.limit);
        this.wait.note(polled.is_pending(), cx, this.receiving.queue.record(), Op::Recv);
        polled
    }
}

impl<T> fmt::Debug for RecvMany<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvMany").field("limit", &self.limit).finish_non_exhaustive()
    }
}
