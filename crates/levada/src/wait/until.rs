//! Waiting in a queue from one place, without a future of one's own.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::list::Node;
use super::queue::WaitQueue;

pin_project! {
    /// Ends when `check` gives a result; leaves the line when dropped.
    pub(crate) struct Until<'a, F> {
        queue: &'a WaitQueue,
        #[pin]
        node: Node,
        check: F,
    }

    impl<F> PinnedDrop for Until<'_, F> {
        fn drop(this: Pin<&mut Self>) {
            this.queue.cancel(this.into_ref().project_ref().node);
        }
    }
}

impl<'a, F> Until<'a, F> {
    /// Waits in `queue` until `check` gives a result.
    pub(crate) fn new<R>(queue: &'a WaitQueue, check: F) -> Self
    where
        F: FnMut() -> Option<R>,
    {
        let node = Node::new();
        Self { queue, node, check }
    }
}

impl<F: FnMut() -> Option<R>, R> Future for Until<'_, F> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = self.project();
        this.queue.poll_wait(this.node.as_ref(), cx, this.check)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use core::task::Waker;

    #[test]
    fn leaves_the_line_when_it_is_dropped() {
        let queue = WaitQueue::new();
        let mut until = Box::pin(Until::new(&queue, || None::<()>));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(until.as_mut().poll(&mut cx).is_pending());
        assert_eq!(queue.len(), 1);
        drop(until);
        assert_eq!(queue.len(), 0);
    }
}
