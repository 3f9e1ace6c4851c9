//! What a broadcast channel costs in memory, counted by the allocator.

use levada::broadcast;
use std::pin::pin;
use std::task::{Context, Waker};
use support::counted;

#[test]
fn memory_follows_use() {
    // Idle channels: no slots at all.
    let (idle, bytes, allocations) = counted(|| broadcast::channel::<usize>(128));
    println!("idle channel(128) of usize: {bytes} bytes in {allocations} allocations");
    assert!(bytes <= 640 && allocations <= 2);
    drop(idle);
    let (idle, bytes, _) = counted(|| broadcast::channel::<[u8; 1024]>(1 << 20));
    println!("idle channel(1 << 20) of 1 KiB: {bytes} bytes");
    assert!(bytes <= 1024);
    drop(idle);

    // Many messages, few at a time: what the first ones needed is enough for all.
    let (tx, mut rx) = broadcast::channel::<usize>(1 << 20);
    let mut few = |times: usize| {
        for n in 0..times {
            (0..7).for_each(|_| drop(tx.send(n)));
            while rx.try_recv() == Ok(n) {}
        }
    };
    // Enough, too, that the process has arranged for what spares the fences, which it does once.
    few(1_000);
    let ((), bytes, allocations) = counted(|| few(100_000));
    assert_eq!((bytes, allocations), (0, 0), "nothing per message");

    // A backlog needs its own size rounded up, once.
    let backlog = |n: usize| (0..n).for_each(|n| assert!(tx.send(n).is_ok()));
    let ((), bytes, _) = counted(|| backlog(10_000));
    println!("a backlog of 10,000 usize: {bytes} bytes");
    assert!(bytes <= 2 * 10_000 * 48);
    while rx.try_recv().is_ok() {}
    let ((), bytes, allocations) = counted(|| backlog(10_000));
    assert_eq!((bytes, allocations), (0, 0), "used again");
    drop((tx, rx));

    // C9: polling again and again, or giving up again and again, adds nothing.
    let (tx, mut rx) = broadcast::channel::<usize>(16);
    let cx = &mut Context::from_waker(Waker::noop());
    let ((), bytes, allocations) = counted(|| {
        for _ in 0..100_000 {
            let mut recv = pin!(rx.recv());
            assert!(recv.as_mut().poll(cx).is_pending());
            assert!(recv.as_mut().poll(cx).is_pending());
            assert!(pin!(tx.closed()).poll(cx).is_pending());
        }
    });
    assert_eq!((bytes, allocations), (0, 0));
    drop((tx, rx));

    // Everything goes with the last handle.
    let ((), left, _) = counted(|| {
        for capacity in [1, 16, 17, 1000] {
            let (tx, rx) = broadcast::channel(capacity);
            (0..2 * capacity).for_each(|n| drop(tx.send(vec![n; 10])));
            let weak = tx.downgrade();
            drop((tx, rx, weak));
        }
    });
    assert_eq!(left, 0);
}
