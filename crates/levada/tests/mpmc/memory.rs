//! What an mpmc channel costs in memory, counted by the allocator.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use levada::mpmc;
use support::counted;

/// Polls once, on the stack, with this waker.
fn poll<F: Future>(future: F, waker: &Waker) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(waker))
}

struct Nothing;

impl Wake for Nothing {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn an_idle_channel_is_one_small_allocation() {
    for capacity in [1, 128, 10_000, usize::MAX >> 3] {
        let (ends, bytes, allocations) = counted(|| mpmc::channel::<u64>(capacity));
        println!("capacity {capacity}: {bytes} bytes");
        assert_eq!(allocations, 1, "capacity {capacity}");
        assert!(bytes <= 512, "capacity {capacity}: {bytes} bytes");
        let ((), freed, allocations) = counted(|| drop(ends));
        assert_eq!((allocations, freed), (0, -bytes));
    }
    let (ends, bytes, allocations) = counted(mpmc::unbounded_channel::<[u8; 4096]>);
    assert_eq!(allocations, 1);
    assert!(bytes <= 512, "{bytes} bytes");
    drop(ends);
}

#[test]
fn handles_and_waiting_are_free() {
    let waker = Waker::from(Arc::new(Nothing));
    let (tx, rx) = mpmc::channel::<u64>(1);
    let ((), bytes, allocations) = counted(|| {
        let (tx, rx, weak) = (tx.clone(), rx.clone(), tx.downgrade());
        assert!(poll(rx.recv(), &waker).is_pending());
        assert!(poll(tx.closed(), &waker).is_pending());
        drop(weak.upgrade());
    });
    assert_eq!((allocations, bytes), (0, 0));
}

/// Once a channel has grown to what is in it, messages cost no memory: filled and emptied, half
/// full, or passed one by one.
#[test]
fn steady_state_does_not_allocate() {
    let waker = Waker::from(Arc::new(Nothing));
    let (tx, rx) = mpmc::channel::<u64>(1_000);
    let mut batch = Vec::with_capacity(1_000);
    let mut fill_and_empty = || {
        for _ in 0..20 {
            while tx.try_send(7).is_ok() {}
            for _ in 0..500 {
                assert!(poll(rx.recv(), &waker).is_ready());
            }
            while tx.try_send(7).is_ok() {}
            assert!(poll(tx.send(7), &waker).is_pending());
            batch.clear();
            assert!(poll(rx.recv_many(&mut batch, 1_000), &waker).is_ready());
            while rx.try_recv().is_ok() {}
            assert!(poll(rx.recv(), &waker).is_pending());
        }
    };
    fill_and_empty();
    let ((), bytes, allocations) = counted(fill_and_empty);
    assert_eq!((allocations, bytes), (0, 0));
}

/// C9, C10: receives, sends and reservations that are given up leave nothing, neither memory nor
/// wakers.
#[test]
fn cancelled_waits_leave_nothing() {
    let task = Arc::new(Nothing);
    let waker = Waker::from(Arc::clone(&task));
    let (tx, rx) = mpmc::channel::<u64>(1);
    let ((), bytes, allocations) = counted(|| {
        let mut buffer = Vec::with_capacity(1);
        for _ in 0..100_000 {
            assert!(poll(rx.recv(), &waker).is_pending());
            assert!(poll(rx.recv_many(&mut buffer, 1), &waker).is_pending());
        }
        tx.try_send(1).expect("it is empty");
        for _ in 0..100_000 {
            assert!(poll(tx.send(2), &waker).is_pending());
            assert!(poll(tx.reserve(), &waker).is_pending());
            assert!(poll(tx.closed(), &waker).is_pending());
        }
    });
    assert_eq!(bytes, 0);
    assert!(allocations <= 1, "{allocations}: the buffer only");
    assert_eq!(Arc::strong_count(&task), 2);
}

/// C9: one receive, polled over and over, with the same waker and with new ones.
#[test]
fn polling_again_leaves_nothing() {
    let (_tx, rx) = mpmc::channel::<u64>(1);
    let mut recv = pin!(rx.recv());
    let (_, bytes, _) = counted(|| {
        for _ in 0..100_000 {
            let new = Waker::from(Arc::new(Nothing));
            for _ in 0..2 {
                let polled = recv.as_mut().poll(&mut Context::from_waker(&new));
                assert!(polled.is_pending());
            }
        }
    });
    // The last waker is kept: two counts, as the `Arc` of nothing.
    assert_eq!(bytes, 16);
}

/// A pending batch does not make its buffer larger than one message.
#[test]
fn a_waiting_batch_reserves_for_one() {
    let (_tx, rx) = mpmc::channel::<u64>(100_000);
    let mut buffer = Vec::new();
    for _ in 0..1_000 {
        assert!(poll(rx.recv_many(&mut buffer, 50_000), Waker::noop()).is_pending());
    }
    assert!(buffer.capacity() <= 4, "{}", buffer.capacity());
}

/// After a burst, a channel keeps what it needs to go on, and with the last handle all of it goes.
#[test]
fn a_burst_is_given_back() {
    let ((), left, _) = counted(|| {
        let (tx, rx) = mpmc::unbounded_channel::<u64>();
        let ((), kept, _) = counted(|| {
            for i in 0..100_000 {
                tx.send(i).expect("there is a receiver");
            }
            for _ in 0..100_000 {
                assert!(rx.try_recv().is_ok());
            }
        });
        // Two segments of the largest length, 4 KiB, and their headers.
        assert!(kept <= 8 * 1024 + 256, "{kept} bytes kept");
        let filled = || tx.send(1).expect("there is a receiver");
        (0..5_000).for_each(|_| filled());
        drop(rx);
    });
    assert_eq!(left, 0);
}
