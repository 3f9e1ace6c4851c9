//! Many messages at once: in order, each in the channel or still with its owner, one wake-up.
#![allow(unused_mut, reason = "the receiver of mpmc need not be `mut`")]

use super::queue::{self, error::SendError, error::TrySendError};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use support::{GRACE, Ledger, Task, now, panicking, poll};

/// Far more than the first ring of the storage has room for, and no multiple of it.
const MANY: usize = 1000;

#[test]
fn a_batch_arrives_in_order_however_large_it_is() {
    let (tx, mut rx) = queue::unbounded_channel();
    let mut batch: VecDeque<_> = (0..MANY).collect();
    tx.send_many(&mut batch).unwrap();
    assert!(batch.is_empty());
    assert!(rx.drain().eq(0..MANY));

    let (tx, mut rx) = queue::channel(MANY);
    batch.extend(0..MANY + 1);
    assert_eq!(tx.try_send_many(&mut batch), Ok(MANY));
    assert_eq!(batch, [MANY]);
    assert_eq!(tx.try_send_many(&mut batch), Err(TrySendError::Full(())));
    assert_eq!(batch, [MANY], "what was refused is still there");
    assert!(rx.drain().eq(0..MANY));
    assert_eq!((rx.drain().count(), tx.capacity()), (0, MANY));
}

#[test]
fn a_batch_larger_than_the_channel_goes_through_in_parts() {
    let (tx, mut rx) = queue::channel(3);
    let mut batch: VecDeque<_> = (0..10).collect();
    let mut send = Task::waiting(tx.send_many(&mut batch));
    let mut received = Vec::new();
    loop {
        received.extend(rx.drain());
        assert!(send.is_woken());
        match send.poll() {
            Poll::Pending => assert_eq!(rx.len(), 3),
            Poll::Ready(sent) => break sent.unwrap(),
        }
    }
    received.extend(rx.drain());
    assert_eq!(received, Vec::from_iter(0..10));
}

/// Each message is received or in the batch, whenever the future goes.
#[test]
fn a_cancelled_batch_keeps_what_was_not_sent() {
    for room in 0..4 {
        let ledger = Ledger::new(7);
        let (tx, mut rx) = queue::channel(3);
        for _ in room..3 {
            tx.try_send(ledger.message()).unwrap();
        }
        let mut batch: VecDeque<_> = (0..4).map(|_| ledger.message()).collect();
        let send = Task::waiting(tx.send_many(&mut batch));
        assert_eq!(rx.len(), 3);
        drop(rx.try_recv().unwrap());
        assert!(send.is_woken());
        drop(send);
        assert_eq!(batch.len(), 4 - room);
        assert_eq!(tx.capacity(), 1, "what it was granted is free");
        let next = batch.front().map(support::Message::id);
        assert_eq!(next, Some(3), "the rest begins where the channel ends");
        drop(batch);
        drop(rx);
        ledger.settle();
    }
}

#[test]
fn a_closed_channel_leaves_the_rest_in_the_batch() {
    let (tx, mut rx) = queue::channel(2);
    let mut batch = VecDeque::from([1, 2, 3]);
    let mut send = Task::waiting(tx.send_many(&mut batch));
    rx.close();
    assert_eq!(send.poll(), Poll::Ready(Err(SendError(()))));
    drop(send);
    assert_eq!(batch, [3]);
    assert_eq!(tx.try_send_many(&mut batch), Err(TrySendError::Closed(())));
    assert_eq!(now(tx.send_many(&mut batch)), Err(SendError(())));
    assert_eq!(batch, [3]);
    assert!(rx.drain().eq([1, 2]));

    let mut none = VecDeque::new();
    assert_eq!(now(tx.send_many(&mut none)), Ok(()), "nothing is sent, so nothing fails");
    assert_eq!(tx.try_send_many(&mut none), Ok(0));

    let (tx, rx) = queue::unbounded_channel();
    drop(rx);
    assert_eq!(tx.send_many(&mut batch), Err(SendError(())));
    assert_eq!(batch, [3]);
}

/// A batch that has to wait again does so behind the senders that wait already.
#[test]
fn a_batch_keeps_the_order_of_waiting_senders() {
    let (tx, mut rx) = queue::channel(1);
    tx.try_send(0).unwrap();
    let mut batch = VecDeque::from([10, 11]);
    let mut many = Task::waiting(tx.send_many(&mut batch));
    let mut one = Task::waiting(tx.send(20));

    assert_eq!(rx.try_recv(), Ok(0));
    assert!(many.is_woken() && !one.is_woken());
    assert!(many.poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(10));
    assert!(one.is_woken() && !many.is_woken());
    assert!(one.poll().is_ready());
    assert_eq!(rx.try_recv(), Ok(20));
    assert!(many.is_woken());
    assert!(many.poll().is_ready());
    assert_eq!(rx.try_recv(), Ok(11));
}

/// A batch takes no room past a sender that waits for more than there is.
#[test]
fn a_batch_does_not_overtake_a_sender_that_waits_for_more() {
    let (tx, mut rx) = queue::channel(4);
    let permits = tx.try_reserve_many(2).unwrap();
    let reserve = Task::waiting(tx.reserve_many(3));
    let mut batch = VecDeque::from([1]);
    assert_eq!(tx.try_send_many(&mut batch), Err(TrySendError::Full(())));
    drop(permits);
    assert!(reserve.is_woken());
    assert_eq!(tx.try_send_many(&mut batch), Ok(1), "the fourth place");
    assert_eq!(rx.try_recv(), Ok(1));
}

/// Permits that are out are not the batch's, and do not hold it up.
#[test]
fn a_batch_uses_what_permits_leave() {
    let (tx, mut rx) = queue::channel(4);
    let permits = tx.try_reserve_many(3).unwrap();
    let mut batch: VecDeque<_> = (0..3).collect();
    let mut send = Task::waiting(tx.send_many(&mut batch));
    for i in 0..3 {
        assert_eq!(rx.try_recv(), Ok(i));
        assert_eq!(send.poll().is_ready(), i == 1, "{i}");
        if i == 1 {
            break;
        }
    }
    assert_eq!(rx.try_recv(), Ok(2));
    drop(permits);
}

/// One wake-up for the whole batch, and it comes after the last message.
#[test]
fn a_sleeping_receiver_is_woken_once() {
    let (tx, mut rx) = queue::channel(8);
    let mut buffer = Vec::new();
    let mut recv = Task::waiting(rx.recv_many(&mut buffer, 8));
    let woken = recv.wakers().woken();
    assert_eq!(tx.try_send_many(&mut VecDeque::from([1, 2, 3])), Ok(3));
    assert_eq!(recv.wakers().woken(), woken + 1);
    assert_eq!(recv.poll(), Poll::Ready(3));
}

/// C7: a sender that was granted the room and is not polled does not stop the batches of others.
#[test]
fn a_batch_passes_a_forgotten_sender() {
    let (tx, mut rx) = queue::channel(1);
    tx.try_send(0).unwrap();
    Task::waiting(tx.send(1)).forget();
    assert_eq!(rx.try_recv(), Ok(0));
    let mut batch = VecDeque::from([2]);
    let tries = (1..=GRACE).find(|_| tx.try_send_many(&mut batch).is_ok());
    assert_eq!(tries, Some(GRACE));
    assert_eq!(rx.try_recv(), Ok(2));
}

/// A drain that finds nothing counts as a try, as `try_recv` does.
#[test]
fn a_loop_of_drains_passes_a_forgotten_sender() {
    let (tx, mut rx) = queue::channel(1);
    tx.try_send(0).unwrap();
    Task::waiting(tx.send(1)).forget();
    let next = Task::waiting(tx.send(2));
    assert_eq!(rx.drain().next(), Some(0));
    let tries = (1..=GRACE).find(|_| {
        assert_eq!(rx.drain().next(), None);
        next.is_woken()
    });
    assert_eq!(tries, Some(GRACE));
}

/// Foreign code panics after the messages are in the channel.
#[test]
fn a_waker_that_panics_loses_no_message() {
    let (tx, mut rx) = queue::channel(8);
    let mut recv = Box::pin(rx.recv());
    assert!(poll(recv.as_mut(), &panicking()).is_pending());
    let mut batch = VecDeque::from([1, 2, 3]);
    let panic = catch_unwind(AssertUnwindSafe(|| tx.try_send_many(&mut batch)));
    assert!(panic.is_err());
    assert!(batch.is_empty());
    assert_eq!(now(recv), Some(1));
    assert!(rx.drain().eq([2, 3]));
}

/// The rest of a drain that is dropped is dropped with it; its room is free from the beginning.
#[test]
fn a_drain_that_is_dropped_drops_its_messages() {
    let ledger = Ledger::new(3);
    let (tx, mut rx) = queue::channel(3);
    for _ in 0..3 {
        tx.try_send(ledger.message()).unwrap();
    }
    let mut drain = rx.drain();
    assert_eq!(drain.next().map(|message| message.id()), Some(0));
    assert_eq!(tx.capacity(), 3);
    drop(drain);
    assert_eq!(ledger.alive(), 0);
    ledger.settle();
}

/// A batch was dealt out to receivers that waited, some of which had been cancelled: what they were
/// given was lost.
#[test]
fn a_batch_loses_nothing_to_receivers_that_were_cancelled() {
    for is_before in [true, false] {
        let (tx, mut rx) = queue::channel(3);
        let mut batch = VecDeque::from([1, 2, 3, 4]);
        let recv = Task::waiting(rx.recv());
        if is_before {
            drop(recv);
            assert_eq!(tx.try_send_many(&mut batch), Ok(3));
        } else {
            assert_eq!(tx.try_send_many(&mut batch), Ok(3));
            assert!(recv.is_woken());
            // It was woken, and goes before it is polled.
            drop(recv);
        }
        assert_eq!((now(rx.recv()), batch.len()), (Some(1), 1));
        assert!(rx.drain().eq([2, 3]));
    }
}
