//! Bugs of other channels that belong to no other file here: who makes a message visible, who
//! spins, who is confused by looking, and by a place in the ring that stays empty.

use levada::mpsc::{self, error::TryRecvError};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use support::{Ledger, Task};

const ROUNDS: u32 = if cfg!(miri) { 10 } else { 200 };

/// C16: a message and what happened before it are visible to whoever has the message; the channel
/// does not rely on wakers for it, here one that does nothing at all.
#[test]
fn a_message_is_visible_to_whom_no_waker_told() {
    for round in 1..=ROUNDS {
        let before = AtomicU32::new(0);
        let (tx, mut rx) = mpsc::channel(1);
        thread::scope(|scope| {
            scope.spawn(|| {
                // ORDERING: Relaxed on purpose: the channel orders it before the receive.
                before.store(round, Ordering::Relaxed);
                tx.try_send(Box::new(round)).unwrap();
            });
            let mut recv = pin!(rx.recv());
            let message = loop {
                match recv.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(message) => break message,
                    Poll::Pending => thread::yield_now(),
                }
            };
            assert_eq!(message, Some(Box::new(round)));
            // ORDERING: Relaxed on purpose, as above.
            assert_eq!(before.load(Ordering::Relaxed), round);
        });
    }
}

/// C16, for room: what the receiver did before it made room is visible to the sender that has it.
#[test]
fn room_is_visible_to_whom_no_waker_told() {
    for round in 1..=ROUNDS {
        let before = AtomicU32::new(0);
        let (tx, mut rx) = mpsc::channel(1);
        tx.try_send(0).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                // ORDERING: Relaxed on purpose: the channel orders it before the send.
                before.store(round, Ordering::Relaxed);
                assert_eq!(rx.try_recv(), Ok(0));
            });
            let mut send = pin!(tx.send(1));
            while send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                thread::yield_now();
            }
            // ORDERING: Relaxed on purpose, as above.
            assert_eq!(before.load(Ordering::Relaxed), round);
        });
    }
}

/// C35: whoever waits for a slow other side sleeps until it is woken, and is woken once.
#[test]
fn waiting_is_not_spinning() {
    let (tx, mut rx) = mpsc::channel(1);
    for i in 0..100 {
        let mut recv = Task::waiting(rx.recv());
        assert!(!recv.is_woken(), "the receiver wakes itself");
        tx.try_send(i).unwrap();
        assert_eq!(recv.run(), (1, Poll::Ready(Some(i))));
        drop(recv);
        tx.try_send(i).unwrap();
        let mut send = Task::waiting(tx.send(i));
        assert!(!send.is_woken(), "the sender wakes itself");
        assert_eq!(rx.try_recv(), Ok(i));
        assert_eq!(send.run(), (1, Poll::Ready(Ok(()))));
        assert_eq!(rx.try_recv(), Ok(i));
    }
}

/// C45: a channel is the same with one sender and with many, so nothing changes under a receiver
/// that works, or goes, while its sender is cloned.
#[test]
fn cloning_a_sender_beside_the_receiver() {
    const CLONES: usize = 3;
    let mut all_received = 0;
    for round in 0..ROUNDS {
        let ledger = Ledger::new(2 * (CLONES + 1));
        let (tx, mut rx) = mpsc::unbounded_channel();
        tx.send(ledger.message()).unwrap();
        let receiver = thread::spawn(move || {
            let limit = if round % 2 == 0 { usize::MAX } else { 2 };
            std::iter::from_fn(|| rx.blocking_recv()).take(limit).count()
        });
        let others: Vec<_> = (0..CLONES)
            .map(|_| {
                let (tx, message) = (tx.clone(), ledger.message());
                thread::spawn(move || tx.send(message).is_ok())
            })
            .collect();
        let sent = others.into_iter().map(|other| other.join().unwrap());
        let sent = 1 + sent.filter(|sent| *sent).count();
        drop(tx);
        let received = receiver.join().unwrap();
        assert!(received <= sent && (round % 2 == 1 || received == CLONES + 1));
        ledger.settle();
        all_received += received;
    }
    assert!(all_received >= 2 * ROUNDS as usize);
}

/// C48: room that is reserved and not used stays reserved while everything else goes round, over
/// every edge of the storage.
#[test]
fn a_permit_that_is_held_while_the_ring_goes_round() {
    for capacity in [2, 3, 8, 9, 33, 1_000] {
        let (tx, mut rx) = mpsc::channel(capacity);
        let held = tx.try_reserve().unwrap();
        let room = capacity - 1;
        for lap in 0..3 {
            for i in 0..room {
                tx.try_send(lap * room + i).unwrap();
            }
            assert!(tx.try_send(0).is_err(), "{room} of {capacity} are in use, one is held");
            let mut send = Task::waiting(tx.send(0));
            assert_eq!(rx.try_recv(), Ok(lap * room));
            assert!(send.is_woken() && send.poll().is_ready());
            for i in 1..room {
                assert_eq!(rx.try_recv(), Ok(lap * room + i));
            }
            assert_eq!(rx.try_recv(), Ok(0));
        }
        held.send(usize::MAX);
        assert_eq!((rx.try_recv(), tx.capacity()), (Ok(usize::MAX), capacity));
    }
}

/// C57: to look into a channel changes nothing in it. There is no `peek`; this is all there is to
/// look.
#[test]
fn looking_changes_nothing() {
    let (tx, mut rx) = mpsc::channel(2);
    for i in 0..10 {
        assert_eq!((rx.len(), rx.is_empty(), rx.is_closed(), rx.capacity()), (0, true, false, 2));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert!(Task::new(rx.recv()).poll().is_pending());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        let mut recv = Task::waiting(rx.recv());
        tx.try_send(i).unwrap();
        assert!(recv.is_woken());
        assert_eq!(recv.poll(), Poll::Ready(Some(i)));
        drop(recv);
        tx.try_send(i).unwrap();
        assert_eq!((rx.len(), rx.is_empty(), rx.is_closed(), rx.capacity()), (1, false, false, 1));
        assert_eq!(Task::new(rx.recv()).poll(), Poll::Ready(Some(i)));
    }
    assert!(!tx.is_closed());
}
