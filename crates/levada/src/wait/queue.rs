//! A queue of waiters that are all notified of an event: a value changed, a channel closed.
//!
//! A notification is a hint: a woken task checks the condition again. So waking a task twice does
//! no harm, and a waiter that is cancelled after it was woken has nothing to pass on.
//!
//! # Protocol
//! The notifier changes the condition and then calls [`WaitQueue::notify_all`]; the waiter enqueues
//! itself and then checks the condition. Each executes a sequentially consistent fence between its
//! two steps (Dekker's pattern), so at least one of them sees the other: if the notifier's fence
//! comes first, the waiter sees the new condition; otherwise the notifier sees that the queue is
//! not empty. While no task waits, notifying costs the fence and one load.
//!
//! Where the condition changes under a lock, its [`Waiters`] may be under the same lock, and
//! neither side needs a fence: the waiter checks and enqueues in one critical section, the notifier
//! changes and [takes the waiters](Waiters::call) in another.
//!
//! # Checked by
//! `tests` and `model` below, and the models of watch, broadcast and mpsc's `closed`.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::list::{List, Node};
use crate::prim::Lock;
use crate::prim::atomic::{AtomicBool, Ordering, fence};
use crate::util::{DropLast, FirstPanic, WakeBatch, contain, wake_in_batches};

/// The waiters themselves, to be kept under a lock: the queue's own, or that of the condition,
/// which saves both sides the fence.
#[derive(Debug)]
pub(crate) struct Waiters(List);

impl Waiters {
    pub(crate) const fn new() -> Self {
        Self(List::new())
    }

    /// Whether `node` is enqueued with a waker for the same task.
    pub(crate) fn has(&mut self, node: Pin<&Node>, waker: &Waker) -> bool {
        self.0.is_linked(node)
            && self.0.entry(node).waker.as_ref().is_some_and(|old| old.will_wake(waker))
    }

    /// Enqueues `node` with this waker, or replaces the waker if it is enqueued. Returns the old
    /// waker, to be dropped outside the lock.
    #[inline]
    pub(crate) fn enqueue(&mut self, node: Pin<&Node>, waker: Waker) -> Option<Waker> {
        let old = self.0.entry(node).waker.replace(waker);
        if !self.0.is_linked(node) {
            self.0.hold_back(node);
        }
        old
    }

    /// Takes `node` out of the queue, for good. Returns its waker, to be dropped outside the lock.
    pub(crate) fn dequeue(&mut self, node: Pin<&Node>) -> Option<Waker> {
        self.0.unhold(node);
        self.0.entry(node).waker.take()
    }

    /// Begins to wake all waiters. The caller has changed the condition before, and continues with
    /// [`Call::wake`] outside the lock.
    #[inline]
    pub(crate) fn call(&mut self) -> Call {
        if self.0.is_empty() {
            return Call { first: None, left: 0 };
        }
        let first = self.0.release_front().flatten();
        Call { first, left: self.0.len() }
    }

    /// Fills the batch with waiters, at most `left` of them.
    fn release(&mut self, left: &mut usize, batch: &mut WakeBatch) {
        while *left > 0 && batch.has_room() {
            *left -= 1;
            match self.0.release_front() {
                Some(waker) => waker.into_iter().for_each(|waker| batch.push(waker)),
                None => *left = 0,
            }
        }
    }
}

/// The waiters that are to be woken: the first, and the number of the others.
///
/// A woken waiter may be enqueued again at once. So the number of waiters at the start bounds the
/// call, and each is woken once. If one of them is cancelled meanwhile, a waiter that was enqueued
/// later is woken in vain.
#[derive(Debug)]
#[must_use = "the first waiter is out of the queue already"]
pub(crate) struct Call {
    first: Option<Waker>,
    left: usize,
}

impl Call {
    /// Whether no waiter is to be woken.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Wakes them. `with_line` applies a function to the waiters under their lock.
    #[inline]
    pub(crate) fn wake(self, with_line: impl FnMut(&mut dyn FnMut(&mut Waiters))) {
        if let Some(first) = self.first {
            wake_from(first, self.left, with_line);
        }
    }
}

#[cold]
fn wake_from(
    first: Waker,
    mut left: usize,
    mut with_line: impl FnMut(&mut dyn FnMut(&mut Waiters)),
) {
    if left == 0 {
        // Most often there is one.
        let mut panics = FirstPanic::default();
        panics.catch(|| first.wake());
        return panics.resume();
    }
    let mut first = Some(first);
    wake_in_batches(|batch| {
        first.take().into_iter().for_each(|waker| batch.push(waker));
        with_line(&mut |line| line.release(&mut left, batch));
        left > 0
    });
}

/// Waiters that are all notified of an event.
#[derive(Debug)]
pub(crate) struct WaitQueue {
    /// Whether the queue has waiters. Written under the lock, read without.
    occupied: AtomicBool,
    line: Lock<Waiters>,
}

impl WaitQueue {
    pub(crate) fn new() -> Self {
        Self { occupied: AtomicBool::new(false), line: Lock::new(Waiters::new()) }
    }

    /// Wakes all tasks that wait when the call begins. The caller has changed the condition before.
    #[inline]
    pub(crate) fn notify_all(&self) {
        // ORDERING: SeqCst pairs with the fence in `poll_wait`; see the module's protocol.
        fence(Ordering::SeqCst);
        // ORDERING: Relaxed, pairs with the store in `with_line` by way of the two fences; the lock
        // taken next gives the rest.
        if self.occupied.load(Ordering::Relaxed) {
            self.notify_line();
        }
    }

    #[cold]
    fn notify_line(&self) {
        let call = self.with_line(Waiters::call);
        call.wake(|action| self.with_line(action));
    }

    /// Applies `action` to the waiters, under the lock.
    fn with_line<R>(&self, action: impl FnOnce(&mut Waiters) -> R) -> R {
        let mut line = self.line.lock();
        let result = action(&mut line);
        // ORDERING: Relaxed, pairs with the load in `notify_all`: by way of the two fences after a
        // waiter was enqueued; a notifier that misses that one was dequeued takes the lock in vain.
        self.occupied.store(!line.0.is_empty(), Ordering::Relaxed);
        result
    }

    /// Waits until `check` returns a result: check, enqueue, check again, sleep.
    ///
    /// # Cancel safety
    /// A node that this was called with must be given to [`cancel`](Self::cancel) before it drops,
    /// unless this returned `Ready`.
    pub(crate) fn poll_wait<R>(
        &self,
        node: Pin<&Node>,
        cx: &mut Context<'_>,
        mut check: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        let mut result = check();
        if result.is_none() {
            self.enqueue(node, cx.waker());
            // ORDERING: SeqCst pairs with the fence in `notify_all`; see the module's protocol.
            fence(Ordering::SeqCst);
            result = check();
        }
        match result {
            Some(result) => {
                // The result must not be lost because a waker panics when it is dropped.
                if node.is_held() {
                    contain(|| self.cancel_held(node));
                }
                Poll::Ready(result)
            }
            None => Poll::Pending,
        }
    }

    /// Puts `node` in line with this waker; keeps its place if it is there already.
    fn enqueue(&self, node: Pin<&Node>, waker: &Waker) {
        if node.is_held() && self.with_line(|line| line.has(node, waker)) {
            return;
        }
        // Cloning and dropping wakers is foreign code: outside the lock.
        let waker = waker.clone();
        let old = self.with_line(|line| line.enqueue(node, waker));
        drop(old);
    }

    /// Takes `node` out of the line, for good. Costs nothing if it was woken.
    #[inline]
    pub(crate) fn cancel(&self, node: Pin<&Node>) {
        if node.is_held() {
            self.cancel_held(node);
        }
    }

    /// How many are in line.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.line.lock().0.len()
    }

    #[cold]
    fn cancel_held(&self, node: Pin<&Node>) {
        let waker = self.with_line(|line| line.dequeue(node));
        drop(DropLast(waker));
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::prim::atomic::AtomicUsize;
    use std::sync::{Arc, Mutex};
    use std::task::Wake;

    /// Counts how often it is woken, and enters the line again if it has a place.
    struct Task {
        queue: Arc<WaitQueue>,
        place: Mutex<Option<Pin<Box<Node>>>>,
        woken: AtomicUsize,
    }

    impl Task {
        fn new(queue: &Arc<WaitQueue>) -> Arc<Self> {
            let (place, woken) = (Mutex::new(None), AtomicUsize::new(0));
            Arc::new(Self { queue: Arc::clone(queue), place, woken })
        }

        fn woken(&self) -> usize {
            // ORDERING: Relaxed, no pair: one thread.
            self.woken.load(Ordering::Relaxed)
        }

        fn enqueue(self: &Arc<Self>, node: Pin<&Node>) {
            let waker = Waker::from(Arc::clone(self));
            let mut cx = Context::from_waker(&waker);
            assert!(self.queue.poll_wait(node, &mut cx, || None::<()>).is_pending());
        }
    }

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            // ORDERING: Relaxed, no pair: one thread.
            let before = self.woken.fetch_add(1, Ordering::Relaxed);
            // Not for ever, should it be woken again for coming back.
            if before < 3
                && let Some(node) = &*self.place.lock().unwrap()
            {
                self.enqueue(node.as_ref());
            }
        }
    }

    /// Each of any number of tasks is woken once, even if all of them wait again at once.
    #[test]
    fn all_in_line_are_woken_once() {
        let queue = Arc::new(WaitQueue::new());
        for count in [1, 2, 16, 17, 40] {
            for come_back in [false, true] {
                let tasks: Vec<_> = (0..count).map(|_| Task::new(&queue)).collect();
                let mut nodes = Vec::new();
                for task in &tasks {
                    let node = Box::pin(Node::new());
                    task.enqueue(node.as_ref());
                    if come_back {
                        *task.place.lock().unwrap() = Some(node);
                    } else {
                        nodes.push(node);
                    }
                }
                queue.notify_all();
                assert!(tasks.iter().all(|task| task.woken() == 1), "{count} in line");
                assert_eq!(queue.len(), if come_back { count } else { 0 });
                nodes.extend(tasks.iter().filter_map(|task| task.place.lock().unwrap().take()));
                nodes.iter().for_each(|node| queue.cancel(node.as_ref()));
                assert_eq!(queue.len(), 0);
            }
        }
    }

    #[test]
    fn the_latest_waker_is_woken() {
        let queue = Arc::new(WaitQueue::new());
        let (first, second) = (Task::new(&queue), Task::new(&queue));
        let node = Box::pin(Node::new());
        first.enqueue(node.as_ref());
        second.enqueue(node.as_ref());
        assert_eq!(queue.len(), 1);
        queue.notify_all();
        assert_eq!((first.woken(), second.woken()), (0, 1));
        queue.cancel(node.as_ref());
        assert_eq!(Arc::strong_count(&first), 1, "no waker is left");
    }
}

#[cfg(test)]
mod model {
    use super::*;
    use crate::prim::atomic::AtomicUsize;
    use crate::prim::{Arc, block_on, model, thread};
    use core::future::poll_fn;
    use std::pin::pin;

    async fn wait_for(queue: &WaitQueue, event: &AtomicUsize, target: usize) {
        let node = pin!(Node::new());
        poll_fn(|cx| {
            queue.poll_wait(node.as_ref(), cx, || {
                // ORDERING: Relaxed; the queue's fences order it.
                (event.load(Ordering::Relaxed) >= target).then_some(())
            })
        })
        .await;
    }

    /// No lost wake-up: a waiter ends although the event may come at any point of its waiting.
    #[test]
    fn a_waiter_learns_of_the_event() {
        model(|| {
            let shared = Arc::new((WaitQueue::new(), AtomicUsize::new(0)));
            let other = Arc::clone(&shared);
            let waiter = thread::spawn(move || block_on(wait_for(&other.0, &other.1, 2)));
            for event in 1..=2 {
                // ORDERING: Relaxed; the queue's fences order it.
                shared.1.store(event, Ordering::Relaxed);
                shared.0.notify_all();
            }
            waiter.join().unwrap();
        });
    }

    /// One that leaves, with others in line, hides none of them.
    #[test]
    fn one_that_leaves_hides_nobody() {
        model(|| {
            let shared = Arc::new((WaitQueue::new(), AtomicUsize::new(0)));
            let node = Box::pin(Node::new());
            let mut cx = Context::from_waker(Waker::noop());
            assert!(shared.0.poll_wait(node.as_ref(), &mut cx, || None::<()>).is_pending());
            let other = Arc::clone(&shared);
            let waiter = thread::spawn(move || block_on(wait_for(&other.0, &other.1, 1)));
            shared.0.cancel(node.as_ref());
            drop(node);
            // ORDERING: Relaxed; the queue's fences order it.
            shared.1.store(1, Ordering::Relaxed);
            shared.0.notify_all();
            waiter.join().unwrap();
            assert_eq!(shared.0.len(), 0);
        });
    }

    /// Of two that wait, none is forgotten.
    #[test]
    fn an_event_wakes_both() {
        model(|| {
            let shared = Arc::new((WaitQueue::new(), AtomicUsize::new(0)));
            let waiters = [(); 2].map(|()| {
                let other = Arc::clone(&shared);
                thread::spawn(move || block_on(wait_for(&other.0, &other.1, 1)))
            });
            // ORDERING: Relaxed; the queue's fences order it.
            shared.1.store(1, Ordering::Relaxed);
            shared.0.notify_all();
            for waiter in waiters {
                waiter.join().unwrap();
            }
        });
    }

    /// A cancelled waiter takes no wake-up away from another.
    #[test]
    fn a_cancelled_waiter_strands_nobody() {
        model(|| {
            let shared = Arc::new((WaitQueue::new(), AtomicUsize::new(0)));
            let other = Arc::clone(&shared);
            let waiter = thread::spawn(move || {
                let node = Box::pin(Node::new());
                let mut cx = Context::from_waker(Waker::noop());
                let never = other.0.poll_wait(node.as_ref(), &mut cx, || None::<()>);
                assert!(never.is_pending());
                other.0.cancel(node.as_ref());
                drop(node);
                block_on(wait_for(&other.0, &other.1, 1));
            });
            // ORDERING: Relaxed; the queue's fences order it.
            shared.1.store(1, Ordering::Relaxed);
            shared.0.notify_all();
            waiter.join().unwrap();
        });
    }
}
