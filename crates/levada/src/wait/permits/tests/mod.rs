//! Closing, step by step, and a random walk.

mod walk;

use self::walk::Flag;
use super::expiry::GRACE;
use super::*;
use crate::util::wake_in_batches;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// More than one batch of wakers.
#[test]
fn a_close_tells_all_in_line() {
    let mut permits = Permits::new(1);
    permits.reserve(1);
    let waiters: Vec<_> = (0..2 * WakeBatch::CAPACITY + 1)
        .map(|_| (Box::pin(Node::new()), Arc::<Flag>::default()))
        .collect();
    for (node, flag) in &waiters {
        assert_eq!(permits.poll_acquire(node.as_ref(), 1, 0), PollAcquire::Wait);
        let waker = Waker::from(Arc::clone(flag));
        assert!(permits.enqueue(node.as_ref(), 1, waker, false).is_none());
    }
    wake_in_batches(|batch| permits.close(0, batch));
    for (node, flag) in &waiters {
        // ORDERING: Relaxed, no pair: one thread.
        assert!(flag.0.load(Ordering::Relaxed));
        assert_eq!(permits.poll_acquire(node.as_ref(), 1, 0), PollAcquire::Closed);
        assert!(permits.dequeue(node.as_ref()).is_none());
    }
}

/// Capacity that is free and not granted yet when the channel closes belongs to the waiters in
/// line: a waiter whose need it covers is granted it, and a receiver is woken to let it expire.
#[test]
fn what_is_free_when_the_channel_closes_is_promised() {
    let mut permits = Permits::new(2);
    permits.reserve(1);
    let forgotten = Box::pin(Node::new());
    // A message is queued and a permit is out.
    assert_eq!(permits.poll_acquire(forgotten.as_ref(), 1, 1), PollAcquire::Wait);
    assert!(permits.enqueue(forgotten.as_ref(), 1, Waker::noop().clone(), false).is_none());
    // The message is received; before its capacity is granted, the receiver closes the channel.
    wake_in_batches(|batch| permits.close(0, batch));
    permits.release(1);
    assert!(!permits.is_exhausted(), "it may come for what it was promised");
    assert!(permits.needs_receiver(0), "somebody has to find out that it does not");
    let mut refusals = 0;
    assert_eq!(
        (0..).take_while(|_| permits.count_receiver_poll(&mut refusals)).count(),
        usize::from(GRACE)
    );
    assert!(permits.is_exhausted());
}
