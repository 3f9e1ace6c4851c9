//! `publish` keeps its value, `send_if_different` sends what differs, `recv` gives what it marks.

use crate::shared::{Counted, let_others_run};
use levada::watch;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use support::{Task, block_on, poll_now, within_deadline};

/// tokio #7228, #4165, #4957: a value that is sent before the first receiver subscribes was lost.
#[test]
fn publish_keeps_the_value_without_receivers() {
    let (tx, rx) = watch::channel(0);
    drop(rx);
    assert!(tx.send(1).is_err());
    tx.publish(2);
    let mut late = tx.subscribe();
    assert_eq!(*late.borrow_and_update(), 2);
    let mut changed = Task::waiting(late.changed());
    tx.publish(3);
    assert!(changed.is_woken() && changed.poll().is_ready());
}

#[test]
fn publish_waits_for_no_look_and_drops_what_it_replaces() {
    let alive = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = watch::channel(Counted::new(0, &alive));
    let look = rx.borrow();
    tx.publish(Counted::new(1, &alive));
    tx.publish(Counted::new(2, &alive));
    assert_eq!((look.0, rx.borrow().0, alive.load(Ordering::SeqCst)), (0, 2, 2));
    drop(look);
    assert_eq!(alive.load(Ordering::SeqCst), 1);
}

#[test]
fn an_equal_value_is_not_sent() {
    let (tx, mut rx) = watch::channel(1);
    let mut changed = Task::waiting(rx.changed());
    assert!(!tx.send_if_different(1));
    assert!(!changed.is_woken() && changed.poll().is_pending());
    assert!(tx.send_if_different(2));
    assert!(changed.is_woken() && changed.poll().is_ready());
    drop(changed);
    drop(rx);
    assert!(tx.send_if_different(3), "it needs no receiver");
    assert_eq!(*tx.borrow(), 3);
}

/// Also while a look at the value is held, by this thread.
#[test]
fn send_if_different_waits_for_no_look() {
    within_deadline(|| {
        let (tx, rx) = watch::channel(1);
        let look = rx.borrow();
        assert!(!tx.send_if_different(1));
        assert!(tx.send_if_different(2));
        assert!(tx.send_if_different(3));
        assert_eq!((*look, *rx.borrow()), (1, 3));
    });
}

/// A value of which the comparison can be held up, and that counts its kind.
struct Gated {
    number: usize,
    gate: Arc<AtomicBool>,
    _counted: Counted,
}

impl PartialEq for Gated {
    fn eq(&self, other: &Self) -> bool {
        while !self.gate.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        self.number == other.number
    }
}

/// The value that is replaced is the one that was compared.
#[test]
fn another_sender_in_between_is_compared_with() {
    within_deadline(|| {
        let (alive, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let gated = |number| {
            let gate = Arc::clone(&gate);
            Gated { number, gate, _counted: Counted::new(number, &alive) }
        };
        let (tx, mut rx) = watch::channel(gated(1));
        gate.store(false, Ordering::SeqCst);
        let (other, two) = (tx.clone(), gated(2));
        let compares = thread::spawn(move || other.send_if_different(two));
        let_others_run();
        tx.publish(gated(2));
        rx.mark_unchanged();
        gate.store(true, Ordering::SeqCst);
        assert!(!compares.join().unwrap() || rx.has_changed().unwrap(), "one of the two was sent");
        assert_eq!((rx.borrow().number, alive.load(Ordering::SeqCst)), (2, 1));
    });
}

/// Of senders that each count up by `send_if_different`, none overwrites what it has not read.
#[test]
fn equal_values_of_several_threads_are_sent_once() {
    within_deadline(|| {
        let (tx, mut rx) = watch::channel(0_u32);
        let sent = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (tx, sent) = (tx.clone(), Arc::clone(&sent));
                thread::spawn(move || {
                    for value in 1..=200 {
                        if tx.send_if_different(value / 2) {
                            sent.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        drop(tx);
        let mut seen = 0;
        while let Ok(look) = block_on(rx.recv()) {
            drop(look);
            seen += 1;
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let sent = sent.load(Ordering::Relaxed);
        assert!((100..=800).contains(&sent) && seen >= 1 && seen <= sent, "{sent} {seen}");
        assert_eq!(*rx.borrow(), 100);
    });
}

#[test]
fn a_comparison_that_panics_changes_nothing() {
    struct Fussy(Cell<bool>);
    impl PartialEq for Fussy {
        fn eq(&self, _: &Self) -> bool {
            assert!(self.0.get(), "as it should");
            false
        }
    }
    let (tx, rx) = watch::channel(Fussy(Cell::new(false)));
    let send = || tx.send_if_different(Fussy(Cell::new(true)));
    assert!(catch_unwind(AssertUnwindSafe(send)).is_err());
    assert!(!rx.has_changed().unwrap());
    rx.borrow().0.set(true);
    tx.send_modify(|_| ());
    assert!(send(), "no look was left behind");
}

#[test]
fn a_received_value_is_the_one_that_is_marked() {
    let (tx, mut rx) = watch::channel(0);
    assert!(poll_now(rx.recv()).is_pending());
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    {
        let Poll::Ready(Ok(look)) = poll_now(rx.recv()) else { panic!("there is a value") };
        tx.send(3).unwrap();
        assert_eq!((*look, look.has_changed()), (2, true));
    }
    assert!(rx.has_changed().unwrap(), "the third has not been seen");
    assert!(matches!(poll_now(rx.recv()), Poll::Ready(Ok(look)) if *look == 3));
    assert!(poll_now(rx.recv()).is_pending());
    rx.mark_changed();
    assert!(matches!(poll_now(rx.recv()), Poll::Ready(Ok(look)) if *look == 3));
}

/// The last value comes before the end.
#[test]
fn the_last_value_is_received_before_the_end() {
    let (tx, mut rx) = watch::channel(0);
    tx.send(1).unwrap();
    drop(tx);
    assert!(matches!(poll_now(rx.recv()), Poll::Ready(Ok(look)) if *look == 1));
    assert!(matches!(poll_now(rx.recv()), Poll::Ready(Err(_))));
}

#[test]
fn a_cancelled_recv_marks_nothing() {
    let (tx, mut rx) = watch::channel(0);
    let recv = Task::waiting(rx.recv());
    let wakers = recv.wakers();
    tx.send(1).unwrap();
    assert!(recv.is_woken());
    drop(recv);
    assert_eq!(Arc::strong_count(&wakers), 1, "no waker is left");
    assert!(rx.has_changed().unwrap());
    assert!(poll_now(rx.recv()).is_ready());
}
