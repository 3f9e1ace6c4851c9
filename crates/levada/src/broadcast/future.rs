//! The futures that the channel's methods return.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::error::{RecvError, TryRecvError};
use super::protocol::{Miss, Shared};
use super::{Receiver, Sender};
use crate::observe::{Observed, Op, WaitRecord};
use crate::util::budget::{self, Budget};
use crate::wait::list::Node;
use crate::wait::queue::WaitQueue;

/// What a receiver waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// A message, or the close.
    Message,
    /// The end of the clone that another receiver makes.
    CloneDone,
}

impl Event {
    fn queue<T, G>(self, shared: &Shared<T, G>) -> &WaitQueue {
        match self {
            Self::Message => shared.recv_waiters(),
            Self::CloneDone => shared.clone_waiters(),
        }
    }
}

pin_project! {
    /// A receiver's place in one of two wait queues.
    pub(super) struct Waiter {
        #[pin]
        node: Node,
        event: Event,
    }
}

impl Waiter {
    pub(super) fn new() -> Self {
        Self { node: Node::new(), event: Event::Message }
    }

    /// Receives the message at `next`. Calls `waiter` only if the message is not there.
    /// `is_ended`: as in [`Shared::poll_message`].
    #[inline(always)]
    pub(super) fn poll_recv<'w, T: Clone, G>(
        waiter: impl FnOnce() -> Pin<&'w mut Self>,
        shared: &Shared<T, G>,
        next: &mut u64,
        cx: &mut Context<'_>,
        is_ended: impl Fn() -> bool,
    ) -> Poll<Result<T, RecvError>> {
        let budget = ready!(budget::poll_proceed(cx));
        // A value is returned at once: large ones are costly to pass on.
        match shared.read(next) {
            Ok(value) => {
                budget.made_progress();
                Poll::Ready(Ok(value))
            }
            Err(miss) => waiter().poll_recv_slow(shared, next, cx, (miss, budget, is_ended)),
        }
    }

    /// Waits for the message at `next`, which is not there.
    #[inline(never)]
    fn poll_recv_slow<T: Clone, G>(
        mut self: Pin<&mut Self>,
        shared: &Shared<T, G>,
        next: &mut u64,
        cx: &mut Context<'_>,
        (mut miss, budget, is_ended): (Miss, Budget, impl Fn() -> bool),
    ) -> Poll<Result<T, RecvError>> {
        let error = loop {
            let checked = match miss {
                Miss::Absent => {
                    let node = self.as_mut().wait_for(Event::Message, shared);
                    ready!(shared.poll_message(node, cx, next, &is_ended))
                }
                Miss::Busy => {
                    let node = self.as_mut().wait_for(Event::CloneDone, shared);
                    ready!(shared.poll_clone_done(node, cx, *next));
                    Ok(())
                }
            };
            match checked {
                // `poll_message` waits for something else than "empty".
                Ok(()) | Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Lagged(missed)) => break RecvError::Lagged(missed),
                Err(TryRecvError::Closed) => break RecvError::Closed,
            }
            match shared.read(next) {
                Ok(value) => {
                    budget.made_progress();
                    return Poll::Ready(Ok(value));
                }
                Err(again) => miss = again,
            }
        };
        budget.made_progress();
        Poll::Ready(Err(error))
    }

    /// The node for the queue of this event; leaves the other queue.
    fn wait_for<T, G>(mut self: Pin<&mut Self>, event: Event, shared: &Shared<T, G>) -> Pin<&Node> {
        if self.event != event {
            self.as_mut().leave(shared);
            let mut this = self.as_mut().project();
            this.node.set(Node::new());
            *this.event = event;
        }
        self.into_ref().project_ref().node
    }

    /// Leaves the queue. Called before this is dropped.
    pub(super) fn leave<T, G>(self: Pin<&mut Self>, shared: &Shared<T, G>) {
        let this = self.into_ref().project_ref();
        this.event.queue(shared).cancel(this.node);
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
    /// use levada::broadcast::{self, future::Recv};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = broadcast::channel(4);
    /// tx.send("hello").unwrap();
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
            this.waiter.leave(this.receiver.parts().0);
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
        let (shared, next) = this.receiver.parts();
        let result = Waiter::poll_recv(|| this.waiter, shared, next, cx, || false);
        this.wait.note(result.is_pending(), cx, shared.record(), Op::Recv);
        this.receiver.note_position(missed(&result));
        *this.ready = result.is_ready();
        result
    }
}

/// How many messages a receive has missed.
#[inline(always)]
pub(super) fn missed<T>(polled: &Poll<Result<T, RecvError>>) -> u64 {
    if let Poll::Ready(Err(RecvError::Lagged(missed))) = polled { *missed } else { 0 }
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
    /// use levada::broadcast::{self, future::Closed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = broadcast::channel::<u8>(4);
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
            this.sender.shared().closed_waiters().cancel(this.node);
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
        let polled = shared.poll_closed(this.node.into_ref(), cx);
        this.wait.note(polled.is_pending(), cx, shared.record(), Op::Closed);
        polled
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}
