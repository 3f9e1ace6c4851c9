//! broadcast and watch: who waits is told of what happened, and nobody waits for who was told. So
//! the others need nothing to go on, whatever becomes of a waiter; and one that comes late finds
//! what there is. (A broadcast that loses nothing, whose sender would wait for its receivers, does
//! not exist here.)

use levada::{broadcast, watch};
use std::task::Poll;
use support::{Task, poll_now};

#[test]
fn broadcast_receivers() {
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
fn broadcast_senders() {
    let (tx, rx) = broadcast::channel::<u32>(1);
    Task::waiting(tx.closed()).forget();
    let unpolled = Task::waiting(tx.closed());
    let mut other = Task::waiting(tx.closed());
    drop(rx);
    assert!(unpolled.is_woken() && other.is_woken() && other.poll().is_ready());
}

#[test]
fn watch_receivers() {
    let (tx, mut late) = watch::channel(0);
    let (mut forgotten, mut unpolled, mut other) = (late.clone(), late.clone(), late.clone());
    let mut forgotten_too = late.clone();
    let mut late = Task::waiting(late.wait_for(|value| *value > 10));
    Task::waiting(forgotten.changed()).forget();
    Task::waiting(forgotten_too.wait_for(|_| false)).forget();
    let unpolled = Task::waiting(unpolled.changed());
    for value in 1..=100 {
        let mut changed = Task::waiting(other.changed());
        match value % 3 {
            0 => tx.send(value).unwrap(),
            1 => tx.send_modify(|old| *old = value),
            _ => assert_eq!(tx.send_replace(value), value - 1),
        }
        assert!(changed.is_woken());
        assert!(matches!(changed.poll(), Poll::Ready(Ok(()))));
        drop(changed);
        assert_eq!(*other.borrow(), value);
    }
    assert!(unpolled.is_woken());
    let Poll::Ready(Ok(value)) = late.poll() else { panic!("it comes late, and waits") };
    assert_eq!(*value, 100);
    drop((unpolled, value));
    drop(tx);
    assert!(matches!(poll_now(other.changed()), Poll::Ready(Err(_))), "it sees the end");
}

#[test]
fn watch_senders() {
    let (tx, rx) = watch::channel(0);
    Task::waiting(tx.closed()).forget();
    let unpolled = Task::waiting(tx.closed());
    let mut other = Task::waiting(tx.closed());
    drop(rx);
    assert!(unpolled.is_woken() && other.is_woken() && other.poll().is_ready());
}
