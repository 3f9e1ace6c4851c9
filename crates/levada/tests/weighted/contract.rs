//! The bound, what a message weighs, permits, and the maximum that changes: guarantees 1 to 3, 5,
//! 6.

use super::numbers;
use levada::mpsc;
use levada::mpsc::weighted::error::{SendError, TooHeavy, TryRecvError, TrySendError};
use levada::mpsc::weighted::{self, Oversize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use support::{Task, now, poll_now};

/// 1, 6: room is what the maximum says, to the unit, and comes back with each receive.
#[test]
fn the_bound_is_exact() {
    let (tx, mut rx) = numbers(10);
    for n in [4, 5] {
        tx.try_send(n).unwrap();
    }
    assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    tx.try_send(1).unwrap();
    assert_eq!((tx.weight(), rx.weight(), rx.len()), (10, 10, 3));
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    assert_eq!(rx.try_recv(), Ok(4));
    assert_eq!(tx.try_send(5), Err(TrySendError::Full(5)));
    tx.try_send(4).unwrap();
    let mut batch = Vec::new();
    assert_eq!(now(rx.recv_many(&mut batch, 2)), 2);
    assert_eq!((batch, tx.weight()), (vec![5, 1], 4));
    assert_eq!(rx.try_recv(), Ok(4));
    assert_eq!((tx.weight(), rx.try_recv()), (0, Err(TryRecvError::Empty)));
}

/// 2: each message is weighed once, and a function that changes its mind changes nothing.
#[test]
fn a_message_is_weighed_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    // ORDERING: SeqCst, no pair: a test's own count.
    let (tx, mut rx) = mpsc::weighted(10, move |_: &u8| counted.fetch_add(1, Ordering::SeqCst) + 1);
    for n in 1..=4 {
        tx.try_send(n).unwrap();
    }
    assert_eq!(tx.weight(), 1 + 2 + 3 + 4);
    let mut send = Task::waiting(tx.send(5));
    assert!(send.poll().is_pending());
    for n in 1..=4 {
        assert_eq!(rx.try_recv(), Ok(n));
    }
    assert!(send.is_woken() && send.poll().is_ready());
    assert_eq!(tx.weight(), 5);
    assert_eq!(rx.try_recv(), Ok(5));
    assert_eq!(tx.weight(), 0);
    // ORDERING: SeqCst, no pair: a test's own count.
    assert_eq!(calls.load(Ordering::SeqCst), 5);
}

/// 2: it panics: nothing was sent, also with a permit, and the account is right.
#[test]
fn a_weight_that_panics() {
    let (tx, mut rx) = mpsc::weighted(10, |n: &usize| {
        assert_ne!(*n, 13, "this one cannot be weighed");
        *n
    });
    tx.try_send(3).unwrap();
    let permit = tx.try_reserve_weight(7).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| tx.try_send(13))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(tx.send(13)))).is_err());
    assert_eq!(tx.weight(), 10);
    assert!(catch_unwind(AssertUnwindSafe(|| permit.send(13))).is_err());
    assert_eq!(tx.weight(), 3, "the permit went with it");
    tx.try_send(7).unwrap();
    drop(tx);
    assert_eq!(
        (rx.blocking_recv(), rx.blocking_recv(), rx.blocking_recv()),
        (Some(3), Some(7), None)
    );
}

/// 3: nothing is weightless, so the number of messages is bounded, too.
#[test]
fn zero_counts_as_one() {
    let (tx, mut rx) = numbers(3);
    for _ in 0..3 {
        tx.try_send(0).unwrap();
    }
    assert_eq!(tx.try_send(0), Err(TrySendError::Full(0)));
    assert_eq!(tx.weight(), 3);
    assert_eq!(rx.try_recv(), Ok(0));
    let permit = tx.try_reserve_weight(0).unwrap();
    assert_eq!((permit.weight(), tx.weight()), (1, 3));
    permit.send(0).unwrap();
    assert_eq!((tx.weight(), rx.len()), (3, 3));
}

/// 3: the largest weights there are, and sums of them.
#[test]
fn no_sum_overflows() {
    for max in [1, usize::MAX / 8, usize::MAX] {
        let (tx, mut rx) = numbers(max);
        tx.try_send(usize::MAX).unwrap();
        assert_eq!(tx.weight(), usize::MAX / 8);
        assert_eq!(tx.try_send(usize::MAX), Err(TrySendError::Full(usize::MAX)));
        let mut send = Task::waiting(tx.send(usize::MAX));
        let mut reserve = Task::waiting(tx.reserve_weight(usize::MAX));
        assert_eq!(rx.try_recv(), Ok(usize::MAX));
        assert!(send.poll().is_ready() && reserve.poll().is_pending());
        assert_eq!(rx.try_recv(), Ok(usize::MAX));
        assert!(reserve.poll().is_ready());
        drop(reserve);
        assert_eq!((tx.weight(), tx.max_weight()), (0, max.min(usize::MAX / 8)));
    }
}

/// 5: what is heavier than the maximum waits to be alone, and keeps all others out.
#[test]
fn oversize_goes_alone() {
    let (tx, mut rx) = numbers(10);
    tx.try_send(1).unwrap();
    assert_eq!(tx.try_send(11), Err(TrySendError::Full(11)));
    let mut heavy = Task::waiting(tx.send(11));
    let mut light = Task::waiting(tx.send(1));
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(heavy.poll().is_ready());
    assert!(!light.is_woken() && light.poll().is_pending(), "nothing goes beside it");
    assert_eq!((tx.weight(), tx.try_send(1)), (11, Err(TrySendError::Full(1))));
    assert_eq!(rx.try_recv(), Ok(11));
    assert!(light.is_woken() && light.poll().is_ready());
    assert_eq!(tx.weight(), 1);
}

/// 5: or it is given back, with what it weighs and what it may.
#[test]
fn oversize_is_rejected() {
    let (tx, _rx) = weighted::builder(10, |n: &usize| *n).oversize(Oversize::Reject).build();
    tx.try_send(10).unwrap();
    let heavy = TooHeavy { message: 11, weight: 11, max: 10 };
    assert_eq!(tx.try_send(11), Err(TrySendError::TooHeavy(heavy)));
    assert_eq!(now(tx.send(11)), Err(SendError::TooHeavy(heavy)));
    assert_eq!(tx.blocking_send(11), Err(SendError::TooHeavy(heavy)));
    let refused = TooHeavy { message: (), weight: 12, max: 10 };
    assert!(matches!(now(tx.reserve_weight(12)), Err(SendError::TooHeavy(it)) if it == refused));
    assert!(matches!(tx.try_reserve_weight(12), Err(TrySendError::TooHeavy(it)) if it == refused));
    assert_eq!(heavy.to_string(), "a message of weight 11 where at most 10 is allowed");
    assert_eq!(tx.weight(), 10);
}

/// 5: it became too heavy while it waited.
#[test]
fn what_waits_already_goes_alone() {
    let (tx, mut rx) = weighted::builder(10, |n: &usize| *n).oversize(Oversize::Reject).build();
    tx.try_send(10).unwrap();
    let mut send = Task::waiting(tx.send(9));
    tx.set_max_weight(5);
    assert!(send.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(10));
    assert_eq!(send.poll(), Poll::Ready(Ok(())));
    assert!(matches!(tx.try_send(9), Err(TrySendError::TooHeavy(_))));
}

/// 1, 6: a permit holds its weight, gives back what it does not need, and refuses what is more.
#[test]
fn permits() {
    let (tx, mut rx) = numbers(10);
    let permit = tx.try_reserve_weight(6).unwrap();
    assert_eq!((tx.weight(), rx.len()), (6, 0));
    assert!(matches!(tx.try_reserve_weight(5), Err(TrySendError::Full(()))));
    let mut waiting = Task::waiting(tx.send(8));
    permit.send(2).unwrap();
    assert!(waiting.is_woken() && waiting.poll().is_ready());
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(2), Ok(8)));

    let permit = now(tx.reserve_weight(10)).unwrap();
    let mut waiting = Task::waiting(tx.send(1));
    let Err(SendError::TooHeavy(heavy)) = permit.send(11) else { panic!("it is too heavy") };
    assert_eq!((heavy.message, heavy.weight, heavy.max), (11, 11, 10));
    assert!(waiting.poll().is_ready(), "its room is free again");
    assert_eq!(rx.try_recv(), Ok(1));
    drop(now(tx.reserve_weight(3)));
    assert_eq!((tx.weight(), rx.is_empty()), (0, true));
}

/// 1: a maximum that grows wakes senders in order; one that shrinks keeps what is there.
#[test]
fn the_maximum_changes() {
    let (tx, mut rx) = numbers(4);
    tx.try_send(4).unwrap();
    let mut waiting: Vec<_> = [3, 3, 2].map(|n| Task::waiting(tx.send(n))).into();
    tx.set_max_weight(6);
    assert!(!waiting[0].is_woken(), "3 do not fit yet");
    tx.set_max_weight(10);
    assert_eq!(waiting.iter().map(Task::is_woken).collect::<Vec<_>>(), [true, true, false]);
    for send in &mut waiting[..2] {
        assert!(send.poll().is_ready());
    }
    assert_eq!((tx.weight(), tx.max_weight(), rx.max_weight()), (10, 10, 10));

    tx.set_max_weight(5);
    assert_eq!((tx.weight(), rx.len()), (10, 3), "what is there stays");
    assert_eq!(rx.try_recv(), Ok(4));
    assert!(waiting[2].poll().is_pending(), "6 of 5");
    assert_eq!(rx.try_recv(), Ok(3));
    assert!(waiting[2].poll().is_ready(), "3 and 2");
    assert_eq!(tx.weight(), 5);
}

/// 6: what it weighed is gone with the receiver.
#[test]
fn the_weight_goes_with_the_receiver() {
    let (tx, rx) = numbers(10);
    tx.try_send(4).unwrap();
    let permit = tx.try_reserve_weight(5).unwrap();
    drop(rx);
    assert_eq!(tx.weight(), 0);
    assert_eq!(permit.send(5), Err(SendError::Closed(5)));
    assert_eq!(tx.weight(), 0);
}

/// 9: a send that is dropped has sent nothing, a receive that is dropped has received nothing.
#[test]
fn cancelled_calls() {
    let (tx, mut rx) = numbers(5);
    drop(tx.send(5));
    assert_eq!(tx.weight(), 0, "it was never polled");
    tx.try_send(5).unwrap();
    let first = Task::waiting(tx.send(5));
    let second = Task::waiting(tx.send(1));
    drop(first);
    assert_eq!(rx.try_recv(), Ok(5));
    assert!(second.is_woken());
    drop(second);
    assert_eq!((tx.weight(), rx.len()), (0, 0));

    let recv = Task::waiting(rx.recv());
    tx.try_send(2).unwrap();
    assert!(recv.is_woken());
    drop(recv);
    let reserve = Task::waiting(tx.reserve_weight(4));
    assert_eq!(rx.try_recv(), Ok(2));
    assert!(reserve.is_woken());
    drop(reserve);
    assert_eq!(tx.weight(), 0);
    assert_eq!(poll_now(rx.recv()), Poll::Pending);
}

#[test]
fn misuse() {
    assert!(catch_unwind(|| numbers(0)).is_err());
    let (tx, mut rx) = numbers(1);
    assert!(catch_unwind(|| tx.set_max_weight(0)).is_err());
    assert_eq!(tx.max_weight(), 1);
    assert_eq!(now(rx.recv_many(&mut Vec::new(), 0)), 0);
    let weak = tx.downgrade();
    let again = weak.clone().upgrade().unwrap();
    assert!(again.same_channel(&tx) && tx.strong_count() == 2);
    drop((tx, again));
    assert!(weak.upgrade().is_none() && rx.is_closed() && !format!("{rx:?}{weak:?}").is_empty());
}
