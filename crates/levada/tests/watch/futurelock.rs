//! Futurelock: a task that waits learns what happened, and the others do not wait for it. So the
//! others need nothing to go on, whatever becomes of a waiter; and one that comes late finds what
//! there is.

use levada::watch;
use std::task::Poll;
use support::{Task, poll_now};

#[test]
fn receivers() {
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
fn senders() {
    let (tx, rx) = watch::channel(0);
    Task::waiting(tx.closed()).forget();
    let unpolled = Task::waiting(tx.closed());
    let mut other = Task::waiting(tx.closed());
    drop(rx);
    assert!(unpolled.is_woken() && other.is_woken() && other.poll().is_ready());
}
