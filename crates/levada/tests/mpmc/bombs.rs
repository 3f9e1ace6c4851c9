//! Panics whose payload panics again when it is dropped, thrown by everything foreign (C68, C69).

use levada::mpmc;
use std::task::Poll;
use support::{Armed, Task, explodes, poll_explosive};

/// More than the polls for which a grant that is not claimed is kept.
const PATIENCE: usize = 20;

/// A receiver is asleep beside a message: the one that was woken for it does not come. A waiting
/// sender sees to that, though each of its polls explodes.
#[test]
fn a_sender_calls_the_next_receiver() {
    let _armed = Armed::new();
    let (tx, rx) = mpmc::channel(1);
    let (gone, mut asleep) = (Task::waiting(rx.recv()), Task::waiting(rx.recv()));
    tx.try_send(1).unwrap();
    assert!(gone.is_woken() && !asleep.is_woken());
    let mut send = Box::pin(tx.send(2));
    // A promise to a receiver lasts longer than one to a sender.
    for _ in 0..8 * PATIENCE {
        assert!(poll_explosive(&mut send).is_none_or(|polled| polled.is_pending()));
    }
    assert!(asleep.is_woken(), "it sleeps beside a message");
    assert_eq!(asleep.poll(), Poll::Ready(Some(1)));
    support::forget(send);
}

/// The receiver that watches a promise is cancelled, and explodes: the next one watches.
#[test]
fn a_cancelled_receiver_hands_its_watch_on() {
    let _armed = Armed::new();
    let (tx, rx) = mpmc::channel::<u8>(1);
    let permit = tx.try_reserve().unwrap();
    let (gone, mut next) = (Task::waiting(tx.reserve()), Task::waiting(tx.reserve()));
    let mut watches = Box::pin(rx.recv());
    assert!(poll_explosive(&mut watches).unwrap().is_pending());
    let mut asleep = Task::waiting(rx.recv());
    drop(permit);
    assert!(gone.is_woken() && !asleep.is_woken());
    assert!(poll_explosive(&mut watches).unwrap().is_pending());
    assert!(explodes(|| drop(watches)));
    assert!(asleep.is_woken(), "no receiver watches");
    assert!(asleep.run().1.is_pending());
    assert!(next.is_woken() && next.poll().is_ready());
}
