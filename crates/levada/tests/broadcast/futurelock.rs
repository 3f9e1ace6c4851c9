//! Futurelock: a task that waits learns what happened, and the others do not wait for it. So the
//! others need nothing to go on, whatever becomes of a waiter; and one that comes late finds what
//! there is.

use levada::broadcast;
use std::task::Poll;
use support::{Task, poll_now};

#[test]
fn receivers() {
    for capacity in [1, 2, 8] {
        let (tx, mut late) = broadcast::channel(capacity);
        let (mut forgotten, mut unpolled) = (tx.subscribe(), tx.subscribe());
        let mut others = [tx.subscribe(), tx.subscribe()];
        let mut late = Task::waiting(late.recv());
        Task::waiting(forgotten.recv()).forget();
        let unpolled = Task::waiting(unpolled.recv());
        for message in 0..100_u64 {
            let mut waiting = others.each_mut().map(|rx| Task::waiting(rx.recv()));
            tx.send(message).unwrap();
            for recv in &mut waiting {
                assert!(recv.is_woken());
                assert_eq!(recv.poll(), Poll::Ready(Ok(message)));
            }
        }
        assert!(late.is_woken() && unpolled.is_woken());
        let missed = 100 - capacity as u64;
        assert_eq!(late.poll(), Poll::Ready(Err(broadcast::error::RecvError::Lagged(missed))));
        drop(late);
        drop(tx);
        assert!(others.iter_mut().all(|rx| poll_now(rx.recv()).is_ready()), "they see the end");
    }
}

/// Senders wait for one thing only: that the last receiver goes.
#[test]
fn senders() {
    let (tx, rx) = broadcast::channel::<u32>(1);
    Task::waiting(tx.closed()).forget();
    let unpolled = Task::waiting(tx.closed());
    let mut other = Task::waiting(tx.closed());
    drop(rx);
    assert!(unpolled.is_woken() && other.is_woken() && other.poll().is_ready());
}
