//! What lanes cost in memory, counted by the allocator.

use levada::mpsc::lanes::Serve;
use levada::{mpmc, mpsc};
use std::pin::pin;
use std::task::{Context, Waker};
use support::counted;

#[test]
fn memory_follows_use() {
    let cx = &mut Context::from_waker(Waker::noop());
    let (idle, bytes, _) = counted(|| mpsc::lanes::<u64, 3>([1, 1 << 10, 1 << 20], Serve::Strict));
    println!("idle lanes of three: {bytes} bytes");
    assert!(bytes <= 3 * 500);
    let (tx, mut rx) = idle;
    let ((), bytes, allocations) = counted(|| {
        for n in 0..1_000 {
            assert!(pin!(rx.recv()).poll(cx).is_pending());
            tx.lane(n % 3).try_send(1).unwrap();
            assert!(pin!(rx.recv()).poll(cx).is_ready());
        }
    });
    assert_eq!((bytes, allocations), (0, 0), "nothing per message");
    drop((tx, rx));

    // A receive that waits allocates its places, and frees them.
    let (tx, rx) = mpmc::lanes::<usize, 3>([4, 4, 4], Serve::Weighted([1, 1, 1]));
    let ((), bytes, allocations) = counted(|| {
        for n in 0..1_000 {
            assert!(pin!(rx.recv()).poll(cx).is_pending());
            tx.lane(n % 3).try_send(1).unwrap();
            assert!(pin!(rx.recv()).poll(cx).is_ready());
        }
    });
    assert_eq!((bytes, allocations), (0, 1_000));
    drop((tx, rx));

    // Everything goes with the last handle.
    let ((), left, _) = counted(|| {
        let (tx, rx) = mpsc::lanes([2, 2], Serve::Strict);
        let (many, one) = mpmc::lanes([2, 2], Serve::Strict);
        for lane in [0, 1, 1] {
            let _ = tx.lane(lane).try_send(vec![1; 10]);
            let _ = many.lane(lane).try_send(vec![1; 10]);
        }
        drop((tx, rx, many, one));
    });
    assert_eq!(left, 0);
}
