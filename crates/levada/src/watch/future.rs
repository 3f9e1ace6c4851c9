//! The futures of the watch channel, by name.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::fmt;

use pin_project_lite::pin_project;

use super::Ref;
use super::error::RecvError;
use super::protocol::Shared;
use crate::observe::{Observed, Op, PositionRef, WaitRecord};
use crate::storage::latest::Version;
use crate::util::budget;
use crate::wait::list::Node;

pin_project! {
    /// Waits for a value that the receiver has not seen: [`Receiver::changed`].
    ///
    /// Polled again after it completed, it waits for the next one.
    ///
    /// # Cancel safety
    /// Dropping it before it completes marks nothing as seen.
    ///
    /// # Examples
    /// ```
    /// use levada::watch::{self, future::Changed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// let changed: Changed<'_, i32> = rx.changed();
    /// changed.await.unwrap();
    /// # }
    /// ```
    ///
    /// [`Receiver::changed`]: super::Receiver::changed
    #[must_use = "futures do nothing unless polled"]
    pub struct Changed<'a, T> {
        shared: &'a Shared<T>,
        seen: &'a mut Version,
        position: PositionRef<'a>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T> PinnedDrop for Changed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            this.shared.cancel_changed(this.into_ref().project_ref().node);
        }
    }
}

impl<'a, T> Changed<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(
        shared: &'a Shared<T>,
        seen: &'a mut Version,
        position: PositionRef<'a>,
    ) -> Self {
        let node = Node::new();
        Self { shared, seen, position, node, wait: WaitRecord::new() }
    }
}

impl<T> Future for Changed<'_, T> {
    type Output = Result<(), RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let budget = ready!(budget::poll_proceed(cx));
        let this = self.project();
        let node = this.node.as_ref();
        let polled = this.shared.poll_changed(node, cx, **this.seen);
        this.wait.note(polled.is_pending(), cx, this.shared.record(), Op::Changed);
        let result = ready!(polled);
        budget.made_progress();
        Poll::Ready(result.map(|version| {
            **this.seen = version;
            this.position.note(version.count(), 0);
        }))
    }
}

impl<T> fmt::Debug for Changed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changed").field("seen", &self.seen).finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits for a value that the receiver has not seen, and gives a look at it:
    /// [`Receiver::recv`].
    ///
    /// Polled again after it completed, it waits for the next one.
    ///
    /// # Cancel safety
    /// Dropping it before it completes marks nothing as seen.
    ///
    /// # Examples
    /// ```
    /// use levada::watch::{self, future::Recv};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// let next: Recv<'_, i32> = rx.recv();
    /// assert_eq!(*next.await.unwrap(), 2);
    /// # }
    /// ```
    ///
    /// [`Receiver::recv`]: super::Receiver::recv
    #[must_use = "futures do nothing unless polled"]
    pub struct Recv<'a, T> {
        #[pin]
        changed: Changed<'a, T>,
    }
}

impl<'a, T> Recv<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(
        shared: &'a Shared<T>,
        seen: &'a mut Version,
        position: PositionRef<'a>,
    ) -> Self {
        Self { changed: Changed::new(shared, seen, position) }
    }
}

impl<'a, T> Future for Recv<'a, T> {
    type Output = Result<Ref<'a, T>, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut changed = self.project().changed;
        let before = **changed.as_mut().project().seen;
        ready!(changed.as_mut().poll(cx))?;
        let this = changed.project();
        // Perhaps a later value than the one that was noticed: its version is that of the look.
        let (value, version) = Ref::new(this.shared, before);
        **this.seen = version;
        this.position.note(version.count(), 0);
        Poll::Ready(Ok(value))
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").field("seen", &self.changed.seen).finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits until a projection changes: [`MappedReceiver::changed`].
    ///
    /// Polled again after it completed, it waits for the next change.
    ///
    /// # Cancel safety
    /// Dropping it before it completes marks no change as seen.
    ///
    /// # Examples
    /// ```
    /// use levada::watch::{self, future::MapChanged};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = watch::channel("a");
    /// let mut len = rx.map(|text| text.len());
    /// tx.send("abc").unwrap();
    /// let changed: MapChanged<'_, &str, usize, _> = len.changed();
    /// changed.await.unwrap();
    /// # }
    /// ```
    ///
    /// [`MappedReceiver::changed`]: super::MappedReceiver::changed
    #[must_use = "futures do nothing unless polled"]
    pub struct MapChanged<'a, T, U, F> {
        shared: &'a Shared<T>,
        version: &'a mut Version,
        position: PositionRef<'a>,
        #[pin]
        node: Node,
        wait: WaitRecord,
        seen: &'a mut U,
        project: &'a F,
    }

    impl<T, U, F> PinnedDrop for MapChanged<'_, T, U, F> {
        fn drop(this: Pin<&mut Self>) {
            this.shared.cancel_changed(this.into_ref().project_ref().node);
        }
    }
}

impl<'a, T, U, F> MapChanged<'a, T, U, F> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(
        shared: &'a Shared<T>,
        version: &'a mut Version,
        position: PositionRef<'a>,
        seen: &'a mut U,
        project: &'a F,
    ) -> Self {
        let node = Node::new();
        Self { shared, version, position, node, wait: WaitRecord::new(), seen, project }
    }
}

impl<T, U: PartialEq, F: Fn(&T) -> U> Future for MapChanged<'_, T, U, F> {
    type Output = Result<(), RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        loop {
            // For each value, since values may come faster than they are projected.
            let budget = ready!(budget::poll_proceed(cx));
            let polled = this.shared.poll_changed(this.node.as_ref(), cx, **this.version);
            this.wait.note(polled.is_pending(), cx, this.shared.record(), Op::Changed);
            let changed = ready!(polled);
            budget.made_progress();
            if let Err(closed) = changed {
                return Poll::Ready(Err(closed));
            }
            let (snapshot, version) = this.shared.snapshot();
            let latest = (this.project)(&snapshot);
            drop(snapshot);
            let is_same = latest == **this.seen;
            **this.version = version;
            this.position.note(version.count(), 0);
            if !is_same {
                **this.seen = latest;
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T, U: fmt::Debug, F> fmt::Debug for MapChanged<'_, T, U, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapChanged").field("seen", &self.seen).finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits for a value that meets a condition: [`Receiver::wait_for`].
    ///
    /// Polled again after it completed, it looks for a further one, beginning with the current.
    ///
    /// # Cancel safety
    /// Dropping it before it completes is safe: the values seen by then did not meet the condition.
    ///
    /// # Examples
    /// ```
    /// use levada::watch::{self, future::WaitFor};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (_tx, mut rx) = watch::channel(1);
    /// let positive: WaitFor<'_, i32, _> = rx.wait_for(|value| *value > 0);
    /// assert_eq!(*positive.await.unwrap(), 1);
    /// # }
    /// ```
    ///
    /// [`Receiver::wait_for`]: super::Receiver::wait_for
    #[must_use = "futures do nothing unless polled"]
    pub struct WaitFor<'a, T, F> {
        shared: &'a Shared<T>,
        seen: &'a mut Version,
        position: PositionRef<'a>,
        #[pin]
        node: Node,
        wait: WaitRecord,
        condition: F,
    }

    impl<T, F> PinnedDrop for WaitFor<'_, T, F> {
        fn drop(this: Pin<&mut Self>) {
            this.shared.cancel_changed(this.into_ref().project_ref().node);
        }
    }
}

impl<'a, T, F> WaitFor<'a, T, F> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(
        shared: &'a Shared<T>,
        seen: &'a mut Version,
        position: PositionRef<'a>,
        condition: F,
    ) -> Self {
        Self { shared, seen, position, node: Node::new(), wait: WaitRecord::new(), condition }
    }
}

impl<'a, T, F: FnMut(&T) -> bool> Future for WaitFor<'a, T, F> {
    type Output = Result<Ref<'a, T>, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let budget = ready!(budget::poll_proceed(cx));
        let this = self.project();
        let mut closed = false;
        let result = loop {
            let (value, version) = Ref::new(this.shared, **this.seen);
            **this.seen = version;
            this.position.note(version.count(), 0);
            // The last value may come together with the close.
            if (!closed || value.has_changed()) && (this.condition)(&value) {
                break Ok(value);
            }
            drop(value);
            if closed {
                break Err(RecvError(()));
            }
            let node = this.node.as_ref();
            let polled = this.shared.poll_changed(node, cx, version);
            this.wait.note(polled.is_pending(), cx, this.shared.record(), Op::Changed);
            match ready!(polled) {
                Ok(version) => **this.seen = version,
                Err(RecvError(())) => closed = true,
            }
        };
        budget.made_progress();
        Poll::Ready(result)
    }
}

impl<T, F> fmt::Debug for WaitFor<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFor").field("seen", &self.seen).finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits until there is no receiver: [`Sender::closed`].
    ///
    /// # Cancel safety
    /// Dropping it at any time is safe.
    ///
    /// # Examples
    /// ```
    /// use levada::watch::{self, future::Closed};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = watch::channel(1);
    /// drop(rx);
    /// let closed: Closed<'_, i32> = tx.closed();
    /// closed.await;
    /// # }
    /// ```
    ///
    /// [`Sender::closed`]: super::Sender::closed
    #[must_use = "futures do nothing unless polled"]
    pub struct Closed<'a, T> {
        shared: &'a Shared<T>,
        #[pin]
        node: Node,
        wait: WaitRecord,
    }

    impl<T> PinnedDrop for Closed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            this.shared.cancel_closed(this.into_ref().project_ref().node);
        }
    }
}

impl<'a, T> Closed<'a, T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(shared: &'a Shared<T>) -> Self {
        let node = Node::new();
        Self { shared, node, wait: WaitRecord::new() }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let budget = ready!(budget::poll_proceed(cx));
        let this = self.project();
        let polled = this.shared.poll_closed(this.node.as_ref(), cx);
        this.wait.note(polled.is_pending(), cx, this.shared.record(), Op::Closed);
        ready!(polled);
        budget.made_progress();
        Poll::Ready(())
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}
