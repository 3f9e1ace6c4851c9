//! Several receivers: what a receive does not take passes on: guarantee 5 of `mpmc::lanes`.

use levada::mpmc;
use levada::mpsc::lanes::Serve;
use std::task::Poll;
use support::{PATIENCE, Task, now};

/// 5: a receiver that was promised a message of each lane takes one; the other goes to the next.
#[test]
fn what_is_not_taken_passes_on() {
    let (tx, rx) = mpmc::lanes([4, 4], Serve::Strict);
    let mut first = Task::waiting(rx.recv());
    let mut second = Task::waiting(rx.recv());
    tx.lane(1).try_send("low").unwrap();
    tx.lane(0).try_send("high").unwrap();
    assert!(first.is_woken() && !second.is_woken(), "it is first in both lines");
    assert_eq!(first.poll(), Poll::Ready(Some("high")));
    assert!(second.is_woken(), "before the first is dropped");
    assert_eq!(second.poll(), Poll::Ready(Some("low")));
    drop((first, second));
    assert!(rx.is_empty());
}

/// 5: a receive that is dropped passes on what it was promised, in each lane.
#[test]
fn a_cancelled_receive_passes_on_both() {
    let (tx, rx) = mpmc::lanes([4, 4], Serve::Strict);
    let first = Task::waiting(rx.recv());
    let mut others: Vec<_> = (0..2).map(|_| Task::waiting(rx.recv())).collect();
    tx.lane(0).try_send(0).unwrap();
    tx.lane(1).try_send(1).unwrap();
    assert!(first.is_woken());
    drop(first);
    assert!(others[0].is_woken());
    assert_eq!(others[0].poll(), Poll::Ready(Some(0)));
    assert!(others[1].is_woken());
    assert_eq!(others[1].poll(), Poll::Ready(Some(1)));
}

/// 5: nothing is left behind for a receiver that tries later.
#[test]
fn a_cancelled_receive_without_others() {
    let (tx, rx) = mpmc::lanes([4, 4], Serve::Strict);
    let first = Task::waiting(rx.recv());
    tx.lane(0).try_send(0).unwrap();
    tx.lane(1).try_send(1).unwrap();
    assert!(rx.try_recv().is_err(), "both are promised");
    drop(first);
    assert_eq!((now(rx.recv()), now(rx.recv())), (Some(0), Some(1)));
}

/// A receiver that is forgotten with promises in both lanes costs the others a bounded number of
/// polls.
#[test]
fn a_forgotten_receiver() {
    let (tx, rx) = mpmc::lanes([4, 4], Serve::Strict);
    Task::waiting(rx.recv()).forget();
    let mut live = Task::waiting(rx.recv());
    tx.lane(0).try_send(0).unwrap();
    tx.lane(1).try_send(1).unwrap();
    // Others that try count for it.
    let tries = (0..1_000).take_while(|_| rx.try_recv().is_err() && !live.is_woken()).count();
    assert!(tries <= 2 * PATIENCE && live.is_woken());
    let (polls, received) = live.run();
    assert!(received.is_ready() && polls <= PATIENCE + 2);
}

/// The messages of one lane go to the receivers in the order in which they began to wait.
#[test]
fn receivers_are_served_in_order() {
    let (tx, rx) = mpmc::lanes([4, 4], Serve::Strict);
    let mut receivers: Vec<_> = (0..3).map(|_| Task::waiting(rx.recv())).collect();
    for n in 0..3 {
        tx.lane(1).try_send(n).unwrap();
    }
    for (n, recv) in receivers.iter_mut().enumerate() {
        assert_eq!(recv.poll(), Poll::Ready(Some(n)));
    }
}
