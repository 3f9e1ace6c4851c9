//! What a lossless channel costs in memory, counted by the allocator.

use levada::broadcast;
use std::pin::pin;
use std::task::{Context, Waker};
use support::counted;

#[test]
fn memory_follows_use() {
    for capacity in [1, 128, 1 << 20] {
        let (idle, bytes, allocations) = counted(|| broadcast::lossless::<[u8; 1024]>(capacity));
        println!("idle lossless({capacity}): {bytes} bytes in {allocations} allocations");
        assert!(bytes <= 1_400 && allocations <= 4);
        drop(idle);
    }

    // Few messages at a time: what the first ones needed is enough for all.
    let (tx, mut rx) = broadcast::lossless::<usize>(1 << 20);
    let mut few = |times: usize| {
        for n in 0..times {
            (0..7).for_each(|_| assert!(tx.try_send(n).is_ok()));
            while rx.try_recv() == Ok(n) {}
        }
    };
    few(1_000);
    let ((), bytes, allocations) = counted(|| few(100_000));
    assert_eq!((bytes, allocations), (0, 0), "nothing per message");
    drop((tx, rx));

    // Waiting, giving up and looking adds nothing.
    let (tx, mut rx) = broadcast::lossless::<usize>(1);
    let cx = &mut Context::from_waker(Waker::noop());
    tx.try_send(1).unwrap();
    let ((), bytes, allocations) = counted(|| {
        for _ in 0..10_000 {
            assert!(pin!(tx.send(2)).poll(cx).is_pending());
        }
    });
    assert_eq!((bytes, allocations), (0, 0));
    rx.try_recv().unwrap();
    let ((), bytes, allocations) = counted(|| {
        for _ in 0..10_000 {
            assert!(pin!(rx.recv()).poll(cx).is_pending());
            assert!(pin!(tx.closed()).poll(cx).is_pending());
        }
    });
    assert_eq!((bytes, allocations), (0, 0));

    // Subscribers that come and go leave nothing behind.
    let churn = || {
        for n in 0..1_000 {
            let (member, observer) = (tx.subscribe().named("member"), tx.subscribe_lossy());
            let _ = tx.try_send(n);
            tx.evict(if n % 2 == 0 { member.id() } else { observer.id() });
        }
        tx.evict_after(1, std::time::Duration::ZERO);
    };
    churn();
    let ((), bytes, _) = counted(churn);
    assert_eq!(bytes, 0);
    drop((tx, rx));

    // Everything goes with the last handle.
    let ((), left, _) = counted(|| {
        for capacity in [1, 16, 17, 1000] {
            let (tx, rx) = broadcast::lossless(capacity);
            (0..2 * capacity).for_each(|n| drop(tx.try_send(vec![n; 10])));
            drop((tx, rx));
        }
    });
    assert_eq!(left, 0);
}
