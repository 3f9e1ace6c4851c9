//! A receiver of a projection waits for changes of that only.

use levada::watch;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use support::{Tally, Task, block_on, poll, poll_now, within_deadline};

/// Guarantee 1.
#[test]
fn only_another_projection_is_a_change() {
    let (tx, rx) = watch::channel((1, 'a'));
    let mut number = rx.map(|pair| pair.0);
    {
        let mut changed = Task::waiting(number.changed());
        for letter in 'b'..='z' {
            tx.send((1, letter)).unwrap();
            assert!(changed.is_woken() && changed.poll().is_pending(), "{letter}");
        }
        tx.send_modify(|pair| pair.0 = 2);
        assert!(changed.is_woken());
        assert!(changed.poll().is_ready());
        tx.send((2, 'a')).unwrap();
        assert!(changed.poll().is_pending(), "polled again, it waits for the next one");
        assert_eq!(changed.wakers_kept(), 1);
    }
    assert_eq!(*number.borrow_and_update(), 2);
}

/// Guarantee 2: with the end of the senders, and before it.
#[test]
fn the_last_change_is_not_missed() {
    let (tx, rx) = watch::channel((1, 'a'));
    let mut number = rx.map(|pair| pair.0);
    tx.send((2, 'a')).unwrap();
    tx.send((2, 'b')).unwrap();
    drop(tx);
    assert!(number.has_changed().is_err() && number.is_closed());
    assert!(matches!(poll_now(number.changed()), Poll::Ready(Ok(()))));
    assert_eq!(*number.borrow_and_update(), 2);
    assert!(matches!(poll_now(number.changed()), Poll::Ready(Err(_))));

    let (tx, rx) = watch::channel((1, 'a'));
    let mut number = rx.map(|pair| pair.0);
    let mut changed = Task::waiting(number.changed());
    tx.send((1, 'b')).unwrap();
    drop(tx);
    assert!(matches!(changed.run().1, Poll::Ready(Err(_))), "the last value is no change");
}

/// Guarantee 3.
#[test]
fn there_and_back_is_no_change() {
    let (tx, rx) = watch::channel(1);
    let mut same = rx.map(|number| *number);
    tx.send(2).unwrap();
    assert!(same.has_changed().unwrap());
    tx.send(1).unwrap();
    assert!(!same.has_changed().unwrap());
    assert!(poll_now(same.changed()).is_pending());
    tx.send(3).unwrap();
    assert!(poll_now(same.changed()).is_ready());
}

/// Guarantee 4: the closure is on a snapshot, so it may send itself.
#[test]
fn the_closure_holds_up_no_sender() {
    within_deadline(|| {
        let (tx, rx) = watch::channel(0);
        let sender = tx.clone();
        let mut even = rx.map(move |number| {
            if *number < 10 {
                sender.send(number + 1).unwrap();
            }
            *number / 2
        });
        for _ in 0..10 {
            let _ = poll_now(even.changed());
        }
        assert_eq!((*tx.borrow(), even.get()), (10, 5));
    });
}

#[test]
fn a_cancelled_wait_marks_no_change() {
    let (tx, rx) = watch::channel((1, 'a'));
    let mut number = rx.map(|pair| pair.0);
    let tally = Tally::new();
    {
        let mut changed = pin!(number.changed());
        assert!(poll(changed.as_mut(), &tally.waker()).is_pending());
        tx.send((2, 'a')).unwrap();
        assert_eq!(tally.woken(), 1);
    }
    assert_eq!(Arc::strong_count(&tally), 1, "no waker is left");
    assert!(number.has_changed().unwrap());
    assert!(poll_now(number.changed()).is_ready());
}

#[test]
fn what_a_look_has_seen_is_no_change() {
    let (tx, rx) = watch::channel(1);
    let mut number = rx.map(|number| *number);
    tx.send(2).unwrap();
    assert_eq!(number.get(), 2);
    assert!(number.has_changed().unwrap(), "`get` marks nothing");
    let other = number.clone();
    assert_eq!(*number.borrow_and_update(), 2);
    assert!(poll_now(number.changed()).is_pending());
    assert!(other.has_changed().unwrap(), "a clone goes its own way");
}

/// A receiver that has not seen the current value: its projection counts as seen all the same.
#[test]
fn the_projection_it_begins_with_is_seen() {
    let (tx, rx) = watch::channel(1);
    tx.send(2).unwrap();
    let mut number = rx.map(|number| *number);
    assert!(poll_now(number.changed()).is_pending());
    tx.send(1).unwrap();
    assert!(poll_now(number.changed()).is_ready());
}

/// A closure or a comparison that panics leaves the value to be looked at again.
#[test]
fn a_panic_loses_no_change() {
    #[derive(Debug)]
    struct Fussy(i32, Rc<Cell<bool>>);
    impl PartialEq for Fussy {
        fn eq(&self, other: &Self) -> bool {
            assert!(!self.1.get(), "as it should");
            self.0 == other.0
        }
    }
    let (panics, is_fussy) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let (tx, rx) = watch::channel(1);
    let (flag, fussy) = (Rc::clone(&panics), Rc::clone(&is_fussy));
    let mut number = rx.map(move |number| {
        assert!(!flag.get(), "as it should");
        Fussy(*number, Rc::clone(&fussy))
    });
    tx.send(2).unwrap();
    for switch in [panics, is_fussy] {
        switch.set(true);
        let result = catch_unwind(AssertUnwindSafe(|| poll_now(number.changed())));
        assert!(result.is_err());
        switch.set(false);
    }
    tx.send_modify(|number| *number += 1);
    assert!(poll_now(number.changed()).is_ready());
    assert_eq!(number.borrow_and_update().0, 3);
}

/// StateFlow's distinct and a slow collector (kotlinx.coroutines): under load the last projection
/// arrives, and each that is reported differs from the one before.
#[test]
fn every_reported_change_is_one_and_the_last_arrives() {
    within_deadline(|| {
        let (tx, rx) = watch::channel(0_u32);
        let projected = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&projected);
        let mut tens = rx.map(move |number| {
            count.fetch_add(1, Ordering::Relaxed);
            number / 10
        });
        let sender = thread::spawn(move || (1..=20_000).for_each(|n| tx.send(n).unwrap()));
        let mut last = 0;
        while block_on(tens.changed()).is_ok() {
            let now = *tens.borrow_and_update();
            assert!(now > last, "{now} after {last}");
            last = now;
        }
        sender.join().unwrap();
        assert_eq!(last, 2_000);
        assert!(projected.load(Ordering::Relaxed) >= 2);
    });
}
