//! What a weighted channel costs in memory, counted by the allocator.

use super::numbers;
use levada::mpsc;
use std::pin::pin;
use std::task::{Context, Waker};
use support::counted;

#[test]
fn memory_follows_use() {
    for max in [1, usize::MAX] {
        let (idle, bytes, allocations) = counted(|| numbers(max));
        println!("idle weighted({max}): {bytes} bytes in {allocations} allocations");
        assert!(bytes <= 900 && allocations <= 3);
        drop(idle);
    }

    let (tx, mut rx) = numbers(1 << 20);
    let mut few = |times: usize| {
        for _ in 0..times {
            (1..7).for_each(|n| assert!(tx.try_send(n).is_ok()));
            while rx.try_recv().is_ok() {}
        }
    };
    few(1_000);
    let ((), bytes, allocations) = counted(|| few(10_000));
    assert_eq!((bytes, allocations), (0, 0), "nothing per message");

    // Waiting and giving up adds nothing.
    let (tx, mut rx) = numbers(1);
    let cx = &mut Context::from_waker(Waker::noop());
    tx.try_send(1).unwrap();
    let ((), bytes, allocations) = counted(|| {
        for _ in 0..1_000 {
            assert!(pin!(tx.send(2)).poll(cx).is_pending());
            assert!(pin!(tx.reserve_weight(2)).poll(cx).is_pending());
        }
    });
    assert_eq!((bytes, allocations), (0, 0));
    rx.try_recv().unwrap();
    let ((), bytes, allocations) = counted(|| {
        for _ in 0..1_000 {
            assert!(pin!(rx.recv()).poll(cx).is_pending());
            assert!(pin!(tx.closed()).poll(cx).is_pending());
            drop(tx.try_reserve_weight(1));
        }
    });
    assert_eq!((bytes, allocations), (0, 0));
    drop((tx, rx));

    // Everything goes with the last handle.
    let ((), left, _) = counted(|| {
        for max in [1, 16, 1000] {
            let (tx, rx) = mpsc::weighted(max, Vec::<usize>::len);
            let weak = tx.downgrade();
            (0..2 * max).for_each(|n| drop(tx.try_send(vec![n; 10])));
            drop((tx, rx));
            assert!(weak.upgrade().is_none());
        }
    });
    assert_eq!(left, 0);
}
