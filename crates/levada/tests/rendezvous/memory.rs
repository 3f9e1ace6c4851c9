//! What a rendezvous channel costs in memory, counted by the allocator.

use levada::mpsc;
use std::pin::pin;
use std::task::{Context, Waker};
use support::{Task, counted};

#[test]
fn memory_follows_use() {
    let (idle, bytes, allocations) = counted(mpsc::rendezvous::<u64>);
    println!("an idle rendezvous channel: {bytes} bytes in {allocations} allocations");
    assert!(bytes <= 300 && allocations == 1);
    let (tx, mut rx) = idle;
    let cx = &mut Context::from_waker(Waker::noop());
    let mut rounds = |times: usize| {
        for _ in 0..times {
            let mut send = pin!(tx.send(1));
            assert!(send.as_mut().poll(cx).is_pending());
            assert_eq!(rx.try_recv(), Ok(1));
            assert!(send.as_mut().poll(cx).is_ready());
            assert!(pin!(rx.recv()).poll(cx).is_pending());
            assert!(pin!(tx.send(1)).poll(cx).is_pending());
        }
    };
    rounds(1);
    let ((), bytes, allocations) = counted(|| rounds(1_000));
    assert_eq!((bytes, allocations), (0, 0), "nothing per message, nor for one that gives up");

    // Many that wait at a time, and then none.
    let ((), bytes, _) = counted(|| {
        for _ in 0..3 {
            let mut sends: Vec<_> = (0..1_000).map(|n| Task::waiting(tx.send(n))).collect();
            for _ in 0..500 {
                assert!(rx.try_recv().is_ok());
            }
            sends.truncate(700);
            drop(sends);
            assert!(rx.is_empty());
        }
    });
    assert!(bytes <= 0, "their memory is given up");

    // Everything goes with the last handle, also what a forgotten future left.
    let ((), left, _) = counted(|| {
        let (tx, rx) = mpsc::rendezvous();
        let send = Box::pin(tx.send(vec![1; 10]));
        drop(rx);
        drop(send);
        drop(tx);
    });
    assert_eq!(left, 0);
}
