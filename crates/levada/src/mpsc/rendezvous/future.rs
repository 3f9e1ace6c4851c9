//! The futures that the channel's methods return.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::line::Place;
use super::protocol::Shared;
use crate::mpsc::error::SendError;
use crate::observe::{Observed, Op, WaitRecord};
use crate::util::run_last;
use crate::wait::list::Node;

pin_project! {
    /// The future of [`Sender::send`](super::Sender::send).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, it takes its message back and drops it, unless the
    /// receiver has taken it by then. Its place in the line is lost.
    ///
    /// # Panics
    /// If it is polled after it was ready.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, rendezvous::future::Send};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = mpsc::rendezvous();
    /// let send: Send<'_, u8> = tx.send(1);
    /// let (sent, received) = tokio::join!(send, rx.recv());
    /// assert!(sent.is_ok() && received == Some(1));
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Send<'a, T> {
        shared: &'a Shared<T>,
        value: Option<T>,
        place: Option<Place>,
        wait: WaitRecord,
        #[pin]
        _pinned: PhantomPinned,
    }

    impl<T> PinnedDrop for Send<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(place) = this.place.take() {
                let back = this.shared.withdraw(place);
                run_last(|| drop(back));
            }
        }
    }
}

impl<'a, T> Send<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(shared: &'a Shared<T>, value: T) -> Self {
        let wait = WaitRecord::new();
        Self { shared, value: Some(value), place: None, wait, _pinned: PhantomPinned }
    }
}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = this.shared.poll_send(this.value, this.place, cx);
        this.wait.note(polled.is_pending(), cx, this.shared.record(), Op::Send);
        polled
    }
}

impl<T> fmt::Debug for Send<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Receiver::recv`](super::Receiver::recv).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, no message was taken: each is with its sender.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, rendezvous::future::Recv};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = mpsc::rendezvous();
    /// let recv: Recv<'_, u8> = rx.recv();
    /// let (sent, received) = tokio::join!(tx.send(1), recv);
    /// assert!(sent.is_ok() && received == Some(1));
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Recv<'a, T> {
        shared: &'a Shared<T>,
        wait: WaitRecord,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, T> Recv<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(shared: &'a Shared<T>) -> Self {
        Self { shared, wait: WaitRecord::new(), _pinned: PhantomPinned }
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.project();
        let polled = this.shared.poll_recv(cx);
        this.wait.note(polled.is_pending(), cx, this.shared.record(), Op::Recv);
        polled
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
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
    /// use levada::mpsc::{self, rendezvous::future::Closed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = mpsc::rendezvous::<u8>();
    /// drop(rx);
    /// let closed: Closed<'_, u8> = tx.closed();
    /// closed.await;
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Closed<'a, T> {
        shared: &'a Shared<T>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T> PinnedDrop for Closed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            this.shared.closed_event().cancel(this.node);
        }
    }
}

impl<'a, T> Closed<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(shared: &'a Shared<T>) -> Self {
        Self { shared, node: Node::new(), wait: WaitRecord::new() }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let shared = *this.shared;
        let check = || shared.is_closed().then_some(());
        let polled = shared.closed_event().poll_wait(this.node.into_ref(), cx, check);
        this.wait.note(polled.is_pending(), cx, shared.record(), Op::Closed);
        polled
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}
