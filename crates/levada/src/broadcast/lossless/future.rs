//! The futures that the channel's methods return.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::error::{RecvError, SendError};
use super::{Receiver, Sender};
use crate::broadcast::future::Waiter;
use crate::observe::{Observed, Op, WaitRecord};
use crate::wait::list::Node;

pin_project! {
    /// The future of [`Sender::send`].
    ///
    /// # Cancel safety
    /// Dropping it before it is ready sends nothing: the message is dropped with it, and its place
    /// in the line of waiting senders is lost.
    ///
    /// # Panics
    /// If it is polled after it was ready.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast::{self, lossless::future::Send};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, _rx) = broadcast::lossless(4);
    /// let send: Send<'_, &str> = tx.send("hello");
    /// assert_eq!(send.await.unwrap(), 1);
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Send<'a, T> {
        sender: &'a Sender<T>,
        value: Option<T>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T> PinnedDrop for Send<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            this.sender.shared().cancel(this.node);
        }
    }
}

impl<'a, T> Send<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(sender: &'a Sender<T>, value: T) -> Self {
        Self { sender, value: Some(value), node: Node::new(), wait: WaitRecord::new() }
    }
}

impl<T> Future for Send<'_, T> {
    type Output = Result<usize, SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let shared = this.sender.shared();
        let polled = shared.poll_send(this.node.into_ref(), this.value, cx);
        this.wait.note(polled.is_pending(), cx, shared.record(), Op::Send);
        polled
    }
}

impl<T> fmt::Debug for Send<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Receiver::recv`].
    ///
    /// # Cancel safety
    /// Dropping it before it is ready receives nothing: the message is there for the next call.
    ///
    /// # Panics
    /// If it is polled after it was ready.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast::{self, lossless::future::Recv};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = broadcast::lossless(4);
    /// tx.try_send("hello").unwrap();
    ///
    /// let recv: Recv<'_, &str> = rx.recv();
    /// assert_eq!(recv.await, Ok("hello"));
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Recv<'a, T> {
        receiver: &'a mut Receiver<T>,
        #[pin]
        waiter: Waiter,
        ready: bool,
        wait: WaitRecord,
    }

    impl<T> PinnedDrop for Recv<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.waiter.leave(&this.receiver.shared().base);
        }
    }
}

impl<'a, T> Recv<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(receiver: &'a mut Receiver<T>) -> Self {
        Self { receiver, waiter: Waiter::new(), ready: false, wait: WaitRecord::new() }
    }
}

impl<T: Clone> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        assert!(!*this.ready, "`Recv` was polled after it was ready");
        let result = this.receiver.poll_message(|| this.waiter, cx);
        this.wait.note(result.is_pending(), cx, this.receiver.shared().record(), Op::Recv);
        *this.ready = result.is_ready();
        result
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Sender::closed`].
    ///
    /// # Cancel safety
    /// Dropping it before it is ready has no effect.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast::{self, lossless::future::Closed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = broadcast::lossless::<u8>(4);
    /// drop(rx);
    ///
    /// let closed: Closed<'_, u8> = tx.closed();
    /// closed.await;
    /// # }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Closed<'a, T> {
        sender: &'a Sender<T>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T> PinnedDrop for Closed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.into_ref().project_ref();
            this.sender.shared().base.closed_waiters().cancel(this.node);
        }
    }
}

impl<'a, T> Closed<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(sender: &'a Sender<T>) -> Self {
        Self { sender, node: Node::new(), wait: WaitRecord::new() }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let shared = this.sender.shared();
        let polled = shared.base.poll_closed(this.node.into_ref(), cx);
        this.wait.note(polled.is_pending(), cx, shared.record(), Op::Closed);
        polled
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}
