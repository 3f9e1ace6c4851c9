//! Bugs that bounded queues and weighted semaphores had elsewhere, by what went wrong.

use super::numbers;
use levada::mpsc;
use levada::mpsc::weighted::error::TrySendError;
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
