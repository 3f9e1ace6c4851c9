//! Bugs that bounded queues and weighted semaphores had elsewhere, by what went wrong.

use super::numbers;
use levada::mpsc;
use levada::mpsc::weighted::error::{SendError, TrySendError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use support::{Dice, Task, now};

/// A bound that is a sum of what each call says, without a record of it: a message that changed
/// between the two was counted in with one size and out with another, and the account drifted until
/// the queue was full for ever.
#[test]
fn what_changes_its_size_in_the_queue_does_not_unbalance_the_account() {
    let mut dice = Dice::new(7);
    let (tx, mut rx) = mpsc::weighted(100, |text: &std::sync::Arc<std::sync::Mutex<String>>| {
        text.lock().unwrap().len()
    });
    for _ in 0..1_000 {
        let text = std::sync::Arc::new(std::sync::Mutex::new("x".repeat(dice.below(120))));
        tx.try_send(text.clone()).unwrap();
        text.lock().unwrap().push_str("and more");
        assert!(rx.try_recv().is_ok());
        assert_eq!(tx.weight(), 0);
    }
}

/// A weighted semaphore served the first waiter that fitted: one that needed much was passed by
/// small ones for ever.
#[test]
fn a_steady_stream_of_light_messages_does_not_starve_a_heavy_one() {
    let (tx, mut rx) = numbers(10);
    (0..10).for_each(|_| tx.try_send(1).unwrap());
    let mut heavy = Task::waiting(tx.send(10));
    let mut received = 0;
    while !heavy.is_woken() {
        assert_eq!(rx.try_recv(), Ok(1));
        received += 1;
        assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)), "it stands behind");
    }
    assert_eq!(received, 10);
    assert!(heavy.poll().is_ready());
}

/// A waiter at the front that needs more than there will ever be, or that gave up, kept those
/// behind it asleep although they would have fitted.
#[test]
fn a_heavy_sender_that_gives_up_lets_the_light_ones_go() {
    let (tx, _rx) = numbers(10);
    tx.try_send(6).unwrap();
    let heavy = Task::waiting(tx.send(10));
    let mut light: Vec<_> = (0..4).map(|_| Task::waiting(tx.send(1))).collect();
    drop(heavy);
    for send in &mut light {
        assert!(send.is_woken() && send.poll().is_ready());
    }
}

/// A message larger than the whole bound waited for ever.
#[test]
fn a_message_larger_than_the_bound_does_not_hang() {
    let (tx, mut rx) = numbers(10);
    let sender = std::thread::spawn(move || (0..50).try_for_each(|_| tx.blocking_send(1_000)));
    let received = std::iter::from_fn(|| rx.blocking_recv()).count();
    assert_eq!(received, 50);
    assert!(sender.join().unwrap().is_ok());
}

/// A sender that got its room by another way left its place in the line, which took the next
/// one's turn.
#[test]
fn a_poll_semaphore_does_not_keep_what_it_was_granted() {
    let (tx, mut rx) = numbers(1);
    tx.try_send(1).unwrap();
    let first = Task::waiting(tx.send(1));
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(first.is_woken());
    // It is dropped with what it was granted; the room is there at once.
    drop(first);
    assert_eq!(tx.try_send(1), Ok(()));
    assert_eq!(now(rx.recv()), Some(1));
    assert_eq!(tx.weight(), 0);
}

/// The weight of a message larger than the bound was counted as the bound: others were let in
/// beside it as soon as there was room for that.
#[test]
fn the_weight_of_an_oversize_message_is_not_capped() {
    let (tx, mut rx) = numbers(10);
    tx.try_send(100).unwrap();
    assert_eq!(tx.weight(), 100);
    tx.set_max_weight(50);
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)), "100 of 50");
    tx.set_max_weight(101);
    assert_eq!(tx.try_send(1), Ok(()));
    assert_eq!((tx.weight(), rx.try_recv(), tx.weight()), (101, Ok(100), 1));
}

/// A release woke waiters only if the semaphore had been full, or only when all had come back: one
/// that needed more than each release brought slept on beside enough of it.
#[test]
fn several_light_messages_that_go_make_room_for_a_heavy_one() {
    let (tx, mut rx) = numbers(10);
    (0..10).for_each(|_| tx.try_send(1).unwrap());
    let mut heavy = Task::waiting(tx.send(5));
    let mut light = Task::waiting(tx.send(1));
    for received in 1..=5 {
        assert!(!heavy.is_woken() && !light.is_woken(), "{received}");
        assert_eq!(rx.try_recv(), Ok(1));
    }
    assert!(heavy.is_woken() && !light.is_woken(), "half of the messages are still there");
    assert!(heavy.poll().is_ready());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(light.is_woken() && light.poll().is_ready());
}

/// A message that could not be sent kept its share of the bound, or gave it back twice.
#[test]
fn a_send_that_fails_gives_its_room_back_once() {
    let (tx, mut rx) = mpsc::weighted(10, |n: &usize| {
        assert!(*n != 7, "seven is not weighed");
        *n
    });
    tx.try_send(4).unwrap();
    let send = |n| catch_unwind(AssertUnwindSafe(|| tx.try_send(n)));
    for _ in 0..3 {
        assert!(send(7).is_err());
        assert_eq!(tx.try_send(8), Err(TrySendError::Full(8)));
        let permit = tx.try_reserve_weight(6).unwrap();
        assert!(matches!(permit.send(8), Err(SendError::TooHeavy(_))));
        let permit = tx.try_reserve_weight(6).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| permit.send(7))).is_err());
        drop(tx.try_reserve_weight(6).unwrap());
        assert_eq!(tx.weight(), 4);
    }
    tx.try_send(6).unwrap();
    let mut waits = Task::waiting(tx.send(1));
    rx.close();
    assert_eq!(waits.poll(), Poll::Ready(Err(SendError::Closed(1))));
    assert_eq!(tx.try_send(1), Err(TrySendError::Closed(1)));
    assert_eq!((tx.weight(), rx.try_recv(), rx.try_recv(), rx.weight()), (10, Ok(4), Ok(6), 0));
}

/// A waiter that was granted and gave up was counted twice, or its part was lost.
#[test]
fn a_sender_that_gives_up_is_counted_once() {
    let (tx, mut rx) = numbers(10);
    for _ in 0..100 {
        tx.try_send(10).unwrap();
        let granted = Task::waiting(tx.send(4));
        let behind = Task::waiting(tx.send(9));
        assert_eq!(rx.try_recv(), Ok(10));
        assert!(granted.is_woken() && !behind.is_woken());
        drop(behind);
        drop(granted);
        assert_eq!(tx.try_send(11), Ok(()), "the channel is empty");
        assert_eq!(rx.try_recv(), Ok(11));
    }
}

/// A larger capacity was only a number: those that waited slept on, and newcomers overtook them.
#[test]
fn a_larger_maximum_wakes_those_that_wait_before_a_newcomer() {
    let (tx, mut rx) = numbers(2);
    tx.try_send(2).unwrap();
    let mut waiting: Vec<_> = [3, 1, 4].into_iter().map(|n| Task::waiting(tx.send(n))).collect();
    tx.set_max_weight(6);
    let woken: Vec<_> = waiting.iter().map(Task::is_woken).collect();
    assert_eq!(woken, [true, true, false], "2, 3 and 1 of 6");
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)), "what is free is granted");
    assert!(waiting[1].poll().is_ready() && waiting[0].poll().is_ready());
    tx.set_max_weight(10);
    assert!(waiting[2].poll().is_ready());
    assert_eq!([(); 4].map(|()| rx.try_recv().unwrap()), [2, 1, 3, 4]);
}

/// An offer to a full queue raised its size before it was refused, and others read that size.
#[test]
fn a_send_that_is_refused_is_not_seen_in_the_weight() {
    let (tx, _rx) = numbers(10);
    tx.try_send(8).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..10_000 {
                assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
            }
            // ORDERING: SeqCst, no pair: only its own value matters.
            done.store(true, Ordering::SeqCst);
        });
        // ORDERING: SeqCst, no pair: as above.
        while !done.load(Ordering::SeqCst) {
            assert_eq!((tx.weight(), tx.len()), (8, 1));
        }
    });
}
