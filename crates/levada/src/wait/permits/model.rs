//! The queue of waiters by itself, as a semaphore: each waiter is granted its permits or refused,
//! and no permit is lost or duplicated. The model is small enough for two waiters and one permit,
//! which is too much for a model of a whole channel.

use super::*;
use crate::prim::{Arc, Lock, block_on, model, thread};
use crate::util::wake_in_batches;
use core::future::poll_fn;
use core::task::{Context, Poll};
use std::pin::pin;

struct Semaphore(Lock<Permits>);

impl Semaphore {
    /// With all its permits out.
    fn taken(permits: usize) -> Arc<Self> {
        let mut taken = Permits::new(permits);
        taken.reserve(permits);
        Arc::new(Self(Lock::new(taken)))
    }

    fn poll_acquire(&self, node: Pin<&Node>, need: usize, cx: &mut Context<'_>) -> Poll<bool> {
        let mut waker = Some(cx.waker().clone());
        let mut permits = self.0.lock();
        let mut poll_again = false;
        let (poll, old) = match permits.poll_acquire(node, need, 0) {
            PollAcquire::Acquired => {
                let old = permits.dequeue(node);
                permits.reserve(need);
                (Poll::Ready(true), old)
            }
            PollAcquire::Closed => (Poll::Ready(false), permits.dequeue(node)),
            PollAcquire::Wait => {
                poll_again = permits.count_refusal(node, 0);
                let waker = waker.take().expect("it was just cloned");
                (Poll::Pending, permits.enqueue(node, need, waker, false))
            }
        };
        drop(permits);
        drop(old);
        self.change(|_| ());
        if poll_again {
            cx.waker().wake_by_ref();
        }
        poll
    }

    /// Whether it got its permits, which stay out.
    fn acquire(&self, need: usize) -> bool {
        block_on(async {
            let node = pin!(Node::new());
            poll_fn(|cx| self.poll_acquire(node.as_ref(), need, cx)).await
        })
    }

    /// Changes something, and grants what there is to be granted.
    fn change(&self, change: impl FnOnce(&mut Permits)) {
        let mut change = Some(change);
        wake_in_batches(|batch| {
            let mut permits = self.0.lock();
            if let Some(change) = change.take() {
                change(&mut permits);
            }
            permits.grant_waiters(0, batch)
        });
    }

    fn release(&self, count: usize) {
        self.change(|permits| permits.release(count));
    }

    fn close(&self) {
        wake_in_batches(|batch| self.0.lock().close(0, batch));
    }

    fn cancel(&self, node: Pin<&Node>) {
        let mut waker = None;
        self.change(|permits| waker = permits.dequeue(node));
    }

    /// Gets in line, and is not polled again.
    fn enqueue(&self, node: Pin<&Node>) {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(self.poll_acquire(node, 1, &mut cx).is_pending());
    }

    fn available(&self) -> usize {
        self.0.lock().available(0)
    }
}

/// Two wait for the one permit: the first wakes the second.
#[test]
fn a_turn_goes_round() {
    model(|| {
        let semaphore = Semaphore::taken(1);
        let waiters = [(); 2].map(|()| {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                assert!(semaphore.acquire(1));
                semaphore.release(1);
            })
        });
        semaphore.release(1);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(semaphore.available(), 1);
    });
}

/// One that needs two and one that needs one: what is released by and by is enough for either.
#[test]
fn needs_of_different_sizes() {
    model(|| {
        let semaphore = Semaphore::taken(2);
        let waiters = [1, 2].map(|need| {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                assert!(semaphore.acquire(need));
                semaphore.release(need);
            })
        });
        semaphore.release(1);
        semaphore.release(1);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(semaphore.available(), 2);
    });
}

/// C3, C4: one that leaves as its turn comes passes it on.
#[test]
fn who_leaves_passes_its_turn_on() {
    model(|| {
        let semaphore = Semaphore::taken(1);
        let node = Box::pin(Node::new());
        semaphore.enqueue(node.as_ref());
        let other = Arc::clone(&semaphore);
        let waiter = thread::spawn(move || {
            assert!(other.acquire(1));
            other.release(1);
        });
        let other = Arc::clone(&semaphore);
        let releaser = thread::spawn(move || other.release(1));
        semaphore.cancel(node.as_ref());
        drop(node);
        releaser.join().unwrap();
        waiter.join().unwrap();
        assert_eq!(semaphore.available(), 1);
    });
}

/// A waiter that meets the close is granted or refused, and the permit is returned.
#[test]
fn a_close_meets_a_release() {
    model(|| {
        let semaphore = Semaphore::taken(1);
        let other = Arc::clone(&semaphore);
        let waiter = thread::spawn(move || {
            let granted = other.acquire(1);
            if granted {
                other.release(1);
            }
        });
        let other = Arc::clone(&semaphore);
        let closer = thread::spawn(move || other.close());
        semaphore.release(1);
        waiter.join().unwrap();
        closer.join().unwrap();
        assert!(semaphore.0.lock().is_exhausted());
        assert!(!semaphore.acquire(1));
    });
}

/// Futurelock: a grant that is never claimed expires for another waiter.
#[test]
fn a_promise_that_is_not_taken_lapses() {
    model(|| {
        let semaphore = Semaphore::taken(1);
        let node = Box::pin(Node::new());
        semaphore.enqueue(node.as_ref());
        let other = Arc::clone(&semaphore);
        let releaser = thread::spawn(move || other.release(1));
        releaser.join().unwrap();
        let other = Arc::clone(&semaphore);
        let waiter = thread::spawn(move || {
            assert!(other.acquire(1));
            other.release(1);
        });
        waiter.join().unwrap();
        semaphore.cancel(node.as_ref());
        drop(node);
        assert_eq!(semaphore.available(), 1);
    });
}
