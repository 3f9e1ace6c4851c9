//! What mpsc costs in memory, counted by the allocator.

use levada::mpsc;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use support::{counted, poll_now};

#[test]
fn an_idle_channel_is_one_small_allocation() {
    for capacity in [1, 8, 128, 10_000, usize::MAX >> 3] {
        let (channel, bytes, allocations) = counted(|| mpsc::channel::<u64>(capacity));
        println!("channel({capacity}): {bytes} bytes in {allocations} allocation");
        assert!(bytes <= 512, "channel({capacity}) takes {bytes} bytes");
        assert_eq!(allocations, 1);
        let ((), freed, _) = counted(|| drop(channel));
        assert_eq!(bytes + freed, 0);
    }
    let (_channel, bytes, allocations) = counted(mpsc::unbounded_channel::<[u8; 1_000]>);
    println!("unbounded_channel(): {bytes} bytes in {allocations} allocation");
    assert!(bytes <= 512 && allocations == 1);
}

#[test]
fn a_little_traffic_allocates_nothing() {
    let (tx, mut rx) = mpsc::channel::<u64>(10_000);
    let ((), bytes, allocations) = counted(|| {
        for i in 0..1_000 {
            for j in 0..8 {
                tx.try_send(i + j).unwrap();
            }
            for j in 0..8 {
                assert_eq!(rx.try_recv(), Ok(i + j));
            }
        }
    });
    assert_eq!((bytes, allocations), (0, 0));
}

/// With the channel as full as it gets, messages pass through without an allocation.
#[test]
fn steady_traffic_allocates_nothing() {
    for capacity in [1, 8, 128, 10_000] {
        let (tx, mut rx) = mpsc::channel(capacity);
        while tx.try_send(0_u64).is_ok() {}
        let pass = |rx: &mut mpsc::Receiver<u64>, messages| {
            for i in 0..messages {
                assert!(rx.try_recv().is_ok());
                assert!(poll_now(tx.send(i)).is_ready());
            }
        };
        pass(&mut rx, 50_000);
        let ((), bytes, allocations) = counted(|| pass(&mut rx, 100_000));
        assert_eq!((bytes, allocations), (0, 0), "capacity {capacity}");
    }
    for backlog in [1, 100, 5_000, 50_000] {
        let (tx, mut rx) = mpsc::unbounded_channel();
        (0..backlog).for_each(|i: u64| tx.send(i).unwrap());
        let pass = |rx: &mut mpsc::UnboundedReceiver<u64>, messages| {
            for i in 0..messages {
                assert!(rx.try_recv().is_ok());
                tx.send(i).unwrap();
            }
        };
        pass(&mut rx, 100_000);
        let ((), bytes, allocations) = counted(|| pass(&mut rx, 100_000));
        assert_eq!((bytes, allocations), (0, 0), "backlog {backlog}");
    }
}

/// Waiting allocates nothing, and neither does giving it up.
#[test]
fn cancelled_futures_leave_nothing() {
    let (tx, mut rx) = mpsc::channel(1);
    let ((), bytes, allocations) = counted(|| {
        for _ in 0..100_000 {
            assert!(poll_now(rx.recv()).is_pending());
            assert!(poll_now(tx.closed()).is_pending());
        }
        tx.try_send(0).unwrap();
        for i in 0..100_000 {
            assert!(poll_now(tx.send(i)).is_pending());
            assert!(poll_now(tx.reserve()).is_pending());
            drop(tx.send(i));
        }
    });
    assert_eq!((bytes, allocations), (0, 0));
}

/// C9, C10: one future that is polled for ever keeps one waker.
#[test]
fn polling_for_ever_keeps_one_waker() {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    let nobody = Arc::new(Nobody);
    let waker = Waker::from(Arc::clone(&nobody));
    let mut cx = Context::from_waker(&waker);
    let (tx, mut rx) = mpsc::channel::<u32>(1);
    let mut recv = Box::pin(rx.recv());
    let ((), bytes, allocations) = counted(|| {
        for _ in 0..1_000_000 {
            assert!(recv.as_mut().poll(&mut cx).is_pending());
        }
    });
    assert_eq!((bytes, allocations), (0, 0));
    assert_eq!(Arc::strong_count(&nobody), 3, "ours, the context's and the channel's");
    drop(recv);
    drop(rx);
    assert_eq!(Arc::strong_count(&nobody), 2, "the receiver took its waker along");
    drop(tx);
}

/// After a burst at most two segments of 4 KiB stay, however large the burst was; after a channel
/// nothing.
#[test]
fn a_burst_is_given_back() {
    let (kept, rest, _) = counted(|| {
        let (tx, mut rx) = mpsc::unbounded_channel::<u64>();
        let (_, kept, _) = counted(|| {
            for _ in 0..3 {
                (0..1_000_000).for_each(|i| tx.send(i).unwrap());
                (0..1_000_000).for_each(|i| assert_eq!(rx.try_recv(), Ok(i)));
            }
        });
        kept
    });
    println!("after bursts of 1,000,000 messages: {kept} bytes kept");
    assert!(kept <= 2 * 4 * 1024 + 256, "{kept} bytes");
    assert_eq!(rest, 0);
}

#[test]
fn messages_that_are_left_are_freed() {
    let ((), rest, _) = counted(|| {
        for left in [0, 1, 8, 9, 1_000, 10_000] {
            let (tx, rx) = mpsc::unbounded_channel();
            (0..left).for_each(|i: usize| tx.send(Box::new(i)).unwrap());
            drop(rx);
            assert!(tx.send(Box::new(0)).is_err());
            let (tx, rx) = mpsc::channel(10_000);
            (0..left).for_each(|i: usize| tx.try_send(vec![i]).unwrap());
            drop(tx);
            drop(rx);
        }
    });
    assert_eq!(rest, 0);
}
