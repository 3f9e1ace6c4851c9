//! The futures that the channel's methods return.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::line::{Offer, Place};
use super::protocol::Shared;
use crate::future::{Stopped, Until, WaitExt};
use crate::mpsc::error::{SendError, SendTimeoutError};
use crate::observe::{Observed, Op, WaitRecord};
use crate::util::{contain, run_last};
use crate::wait::list::Node;

pin_project! {
    /// The future of [`Sender::send`](super::Sender::send).
    ///
    /// # Cancel safety
    /// If it is dropped before it is ready, it takes its message back and drops it, unless the
    /// receiver has taken it by then; [`cancel`](Self::cancel) says which. Its place in the line is
    /// lost.
    ///
    /// # Panics
    /// If it is polled after it was ready or cancelled.
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

    /// Gives up: takes the message back. `None` if the receiver has taken it, so that it was sent.
    ///
    /// For a `select!` whose other branch was ready. A send that is only dropped does not say
    /// whether it was received.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc;
    /// use std::pin::pin;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = mpsc::rendezvous();
    /// let mut send = pin!(tx.send("a job"));
    /// tokio::select! {
    ///     biased;
    ///     sent = &mut send => assert!(sent.is_ok()),
    ///     () = std::future::ready(()) => assert_eq!(send.cancel(), Some("a job")),
    /// }
    /// assert!(rx.try_recv().is_err());
    /// # }
    /// ```
    #[must_use = "it is the message, if that was not sent"]
    pub fn cancel(self: Pin<&mut Self>) -> Option<T> {
        let this = self.project();
        this.wait.leave();
        if let Some(message) = this.value.take() {
            return Some(message);
        }
        let Offer { message, waker } = this.shared.withdraw(this.place.take()?)?;
        contain(|| drop(waker));
        Some(message)
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
    /// The future of [`Sender::send_until`](super::Sender::send_until).
    ///
    /// # Cancel safety
    /// As [`Send`].
    ///
    /// # Panics
    /// If it is polled after it was ready.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, rendezvous::future::SendUntil};
    /// use std::future::{Ready, ready};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, _rx) = mpsc::rendezvous();
    /// let send: SendUntil<'_, u8, Ready<()>> = tx.send_until(1, ready(()));
    /// assert_eq!(send.await.unwrap_err().into_inner(), 1);
    /// # }
    /// ```
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
            Err(Stopped) => SendTimeoutError::unless_sent(inner.call().cancel()),
        })
    }
}

impl<T, F> fmt::Debug for SendUntil<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendUntil").finish_non_exhaustive()
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
