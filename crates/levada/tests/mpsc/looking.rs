//! The one receiver looks at the next message, and takes it or not.

use levada::mpsc;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use support::{Ledger, Task, now};

#[test]
fn a_message_that_is_looked_at_stays() {
    let (tx, mut rx) = mpsc::channel(1);
    assert_eq!(rx.peek(), None);
    tx.try_send(String::from("one")).unwrap();
    assert_eq!(rx.peek().map(String::as_str), Some("one"));
    assert_eq!((rx.len(), tx.capacity()), (1, 0), "its room is not free");
    assert_eq!(rx.peek().map(String::as_str), Some("one"));
    assert_eq!(rx.try_recv().as_deref(), Ok("one"));
    assert_eq!(rx.peek(), None);

    // Also over the seams of the storage, of both kinds.
    let (tx, mut rx) = mpsc::unbounded_channel();
    for i in 0..1000 {
        tx.send([i; 9]).unwrap();
    }
    for i in 0..1000 {
        assert_eq!(rx.peek(), Some(&[i; 9]));
        assert_eq!(rx.try_recv(), Ok([i; 9]));
    }
}

#[test]
fn a_message_is_received_if_the_condition_holds() {
    let (tx, mut rx) = mpsc::channel(4);
    assert_eq!(rx.recv_if(|_| true), None);
    for i in 1..=3 {
        tx.try_send(i).unwrap();
    }
    assert_eq!(rx.recv_if(|&i| i > 1), None, "only the next one is looked at");
    assert_eq!(rx.recv_if(|&i| i == 1), Some(1));
    assert_eq!((rx.len(), tx.capacity()), (2, 2));
    drop(tx);
    assert_eq!(rx.recv_if(|_| true), Some(2));
    assert_eq!(rx.recv_if(|_| true), Some(3));
    assert_eq!(rx.recv_if(|_| true), None);
}

/// A sender that waits gets the room of a message that was received in this way.
#[test]
fn a_message_that_is_received_if_makes_room() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(1).unwrap();
    let send = Task::waiting(tx.send(2));
    assert_eq!(rx.recv_if(|_| false), None);
    assert_eq!(rx.peek(), Some(&1));
    assert!(!send.is_woken());
    assert_eq!(rx.recv_if(|_| true), Some(1));
    assert!(send.is_woken());
}

#[test]
fn a_condition_that_panics_leaves_the_message() {
    let ledger = Ledger::new(1);
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(ledger.message()).unwrap();
    let condition = |_: &support::Message| -> bool { panic!("in a condition") };
    assert!(catch_unwind(AssertUnwindSafe(|| rx.recv_if(condition))).is_err());
    assert_eq!(rx.recv_if(|_| true).map(|message| message.id()), Some(0));
    ledger.settle();
}

/// The sender that sends while the condition runs does not deadlock.
#[test]
fn a_condition_may_use_the_channel() {
    let (tx, mut rx) = mpsc::channel(2);
    tx.try_send(1).unwrap();
    assert_eq!(rx.recv_if(|_| tx.try_send(2).is_ok() && tx.is_full()), Some(1));
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn ready_waits_for_a_message_and_takes_none() {
    let (tx, mut rx) = mpsc::channel(2);
    let mut ready = Task::waiting(rx.ready());
    tx.try_send(1).unwrap();
    assert!(ready.is_woken());
    assert_eq!(ready.poll(), Poll::Ready(true));
    drop(ready);
    assert!(now(rx.ready()), "it is there still");
    assert_eq!(rx.try_recv(), Ok(1));

    // The wake-up of a future that is dropped is not missed by the next one.
    drop(Task::waiting(rx.ready()));
    tx.try_send(2).unwrap();
    assert_eq!(now(rx.recv()), Some(2));
    let mut ready = Task::waiting(rx.ready());
    drop(tx);
    assert!(ready.is_woken());
    assert_eq!(ready.poll(), Poll::Ready(false));
}

#[test]
fn ready_comes_with_the_end_and_not_before() {
    let (tx, mut rx) = mpsc::channel(2);
    let permit = tx.try_reserve().unwrap();
    rx.close();
    let mut ready = Task::waiting(rx.ready());
    permit.send(1);
    assert!(ready.is_woken());
    assert_eq!(ready.poll(), Poll::Ready(true));
    drop(ready);
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(!now(rx.ready()));

    let (tx, mut rx) = mpsc::unbounded_channel::<u8>();
    let mut ready = Task::waiting(rx.ready());
    drop(tx);
    assert_eq!(ready.poll(), Poll::Ready(false));
}

/// What the receiver holds by looking at it is not evicted.
#[test]
fn a_message_that_is_looked_at_is_not_evicted() {
    let (tx, mut rx) = mpsc::builder(2).overflow(mpsc::Overflow::EvictOldest).build();
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    assert_eq!(rx.peek(), Some(&1));
    assert_eq!(tx.force_send(3), Ok(None), "its place is free for the newest");
    assert_eq!(tx.force_send(4), Ok(Some(2)));
    assert_eq!(rx.peek(), Some(&1));
    assert_eq!((rx.len(), tx.capacity()), (3, 0));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!((rx.len(), tx.capacity()), (2, 0));
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(3), Ok(4)));

    // Waiting for a message is not looking at it.
    tx.try_send(4).unwrap();
    tx.try_send(5).unwrap();
    assert!(now(rx.ready()));
    assert_eq!(tx.force_send(6), Ok(Some(4)));
    assert_eq!(rx.recv_if(|&message| message == 5), Some(5));
}

/// Receiving many takes what was looked at, and what is behind it.
#[test]
fn many_are_received_with_one_that_is_looked_at() {
    let (tx, mut rx) = mpsc::builder(3).overflow(mpsc::Overflow::EvictOldest).build();
    assert_eq!(tx.try_send_many(&mut (1..4).collect()), Ok(3));
    assert_eq!(rx.peek(), Some(&1));
    let mut buffer = Vec::new();
    assert_eq!(now(rx.recv_many(&mut buffer, 2)), 2);
    assert_eq!(now(rx.recv_many(&mut buffer, 2)), 1);
    assert_eq!(buffer, [1, 2, 3]);
}

/// With one place, and a message that the receiver has looked at, the newest arrives as well.
#[test]
fn the_newest_arrives_beside_a_message_that_is_looked_at() {
    for overflow in [mpsc::Overflow::EvictOldest, mpsc::Overflow::EvictNewest] {
        let (tx, mut rx) = mpsc::builder(1).overflow(overflow).build();
        tx.try_send(1).unwrap();
        assert_eq!(rx.peek(), Some(&1));
        tx.try_send(2).unwrap();
        tx.try_send(3).unwrap();
        assert_eq!(tx.evicted(), 1);
        let mut reserve = Task::waiting(tx.reserve());
        assert!(rx.drain().eq([1, 3]), "{overflow:?}");
        assert!(reserve.is_woken());
        assert!(reserve.poll().is_ready());
    }
}

/// A plain channel keeps messages back from its first `force_send` on.
#[test]
fn force_send_in_a_plain_channel() {
    let (tx, mut rx) = mpsc::channel(2);
    tx.try_send(1).unwrap();
    assert_eq!(tx.force_send(2), Ok(None));
    assert_eq!(tx.force_send(3), Ok(Some(2)), "the first was given to the receiver");
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(1), Ok(3)));
    assert!((4..9).all(|i| tx.force_send(i).is_ok()));
    let mut recv = Task::new(rx.recv());
    assert_eq!(recv.poll(), Poll::Ready(Some(7)));
    drop(recv);
    let send = Task::new(tx.send(9)).poll();
    assert!(send.is_ready());
    let mut waits = Task::waiting(tx.send(10));
    assert_eq!(rx.try_recv(), Ok(8));
    assert!(waits.is_woken());
    assert!(waits.poll().is_ready());
    assert!(rx.drain().eq([9, 10]));
}
