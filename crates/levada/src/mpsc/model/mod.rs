//! Every interleaving of the few steps that do not simply go through the lock.

mod batch;
mod end;
mod overflow;

use super::{Receiver, Sender, channel, unbounded_channel};
use crate::prim::{Arc, block_on, model, thread};
use crate::queue::chan::UNFENCE_AFTER;
use core::task::{Context, Waker};
#[cfg(loom)]
use std::future::Future;

/// A message that is alive as long as it is counted.
fn counted() -> (std::sync::Arc<()>, std::sync::Arc<()>) {
    let count = std::sync::Arc::new(());
    (std::sync::Arc::clone(&count), count)
}

fn alive(count: &std::sync::Arc<()>) -> usize {
    std::sync::Arc::strong_count(count) - 1
}

/// A channel of capacity 1 with a message in it.
fn full() -> (Sender<usize>, Receiver<usize>) {
    let (tx, rx) = channel(1);
    tx.try_send(0).unwrap();
    (tx, rx)
}

/// All that is received until the end.
fn received(rx: &mut Receiver<usize>) -> Vec<usize> {
    let mut received = Vec::new();
    while let Some(message) = block_on(rx.recv()) {
        received.push(message);
    }
    received
}

#[test]
fn messages_wake_the_receiver() {
    model(|| {
        let (tx, mut rx) = unbounded_channel();
        let sender = thread::spawn(move || {
            tx.send(1).unwrap();
            tx.send(2).unwrap();
        });
        assert_eq!(block_on(rx.recv()), Some(1));
        assert_eq!(block_on(rx.recv()), Some(2));
        assert_eq!(block_on(rx.recv()), None);
        sender.join().unwrap();
    });
}

/// C5: a waker is replaced while a message comes.
#[test]
fn messages_wake_the_latest_waker() {
    model(|| {
        let (tx, mut rx) = channel(1);
        let sender = thread::spawn(move || tx.try_send(1).unwrap());
        let first = rx.poll_recv(&mut Context::from_waker(Waker::noop()));
        if first.is_pending() {
            assert_eq!(block_on(rx.recv()), Some(1));
        }
        sender.join().unwrap();
    });
}

/// The receiver takes one message and does not come again: it must have seen that the sender
/// sleeps, or the sender that there is room.
#[test]
fn room_wakes_a_sender() {
    model(|| {
        let (tx, mut rx) = full();
        let sender = thread::spawn(move || block_on(tx.send(1)).unwrap());
        assert_eq!(rx.try_recv(), Ok(0));
        sender.join().unwrap();
        assert_eq!(rx.try_recv(), Ok(1));
    });
}

/// As [`full`], with a 7; the receiver does without its fence, as no sender has waited for a while.
fn full_after_a_calm() -> (Sender<usize>, Receiver<usize>) {
    let (tx, mut rx) = channel(1);
    for message in 0..usize::from(UNFENCE_AFTER) {
        tx.try_send(message).unwrap();
        assert_eq!(rx.try_recv(), Ok(message));
    }
    tx.try_send(7).unwrap();
    (tx, rx)
}

/// The same once the receiver does without its fence.
#[test]
fn room_wakes_a_sender_after_a_calm() {
    model(|| {
        let (tx, mut rx) = full_after_a_calm();
        let sender = thread::spawn(move || block_on(tx.send(8)));
        assert_eq!(rx.try_recv(), Ok(7));
        sender.join().unwrap().unwrap();
        assert_eq!(rx.try_recv(), Ok(8));
    });
}

/// The same while the heavy fence is refused, and nothing orders what the receiver does: the sender
/// is woken until it has seen the room.
#[test]
#[cfg(loom)]
fn room_comes_to_senders_whose_fence_is_refused() {
    crate::prim::asymmetric::refuse();
    model(|| {
        let (tx, mut rx) = full_after_a_calm();
        let sender = thread::spawn(move || {
            let woken = std::sync::Arc::new(Woken::default());
            let waker = Waker::from(std::sync::Arc::clone(&woken));
            let mut send = Box::pin(tx.send(8));
            while send.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                // ORDERING: SeqCst, no pair: std's own atomic, in one thread of the system.
                while !woken.0.swap(false, std::sync::atomic::Ordering::SeqCst) {
                    thread::yield_now();
                }
                thread::yield_now();
            }
        });
        assert_eq!(rx.try_recv(), Ok(7));
        sender.join().unwrap();
        assert_eq!(rx.try_recv(), Ok(8));
    });
}

/// Whether it was woken. loom does not see it.
#[cfg(loom)]
#[derive(Default)]
struct Woken(std::sync::atomic::AtomicBool);

#[cfg(loom)]
impl std::task::Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        // ORDERING: SeqCst, no pair: as above.
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

/// Both are in line already: three threads that begin at once are too many for a model.
#[test]
fn room_wakes_two_senders() {
    model(|| {
        let (tx, mut rx) = channel(2);
        tx.try_send(0).unwrap();
        tx.try_send(0).unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let senders = [1, 2].map(|message| {
            let mut reserve = Box::pin(tx.clone().reserve_owned());
            assert!(reserve.as_mut().poll(&mut cx).is_pending());
            (reserve, message)
        });
        let senders = senders.map(|(reserve, message)| {
            thread::spawn(move || drop(block_on(reserve).unwrap().send(message)))
        });
        assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(0), Ok(0)));
        for sender in senders {
            sender.join().unwrap();
        }
        let mut received = [rx.try_recv().unwrap(), rx.try_recv().unwrap()];
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
    });
}

/// Room for two messages, and one sender in line: `try_send` gets the second place at once, even
/// before the sender in line has been granted the first.
#[test]
fn room_that_was_not_handed_on_yet_is_room() {
    model(|| {
        let (tx, mut rx) = channel(2);
        for message in 0..2 {
            tx.try_send(message).unwrap();
        }
        let sender = tx.clone();
        let sender = thread::spawn(move || block_on(sender.send(2)));
        assert_eq!([rx.try_recv(), rx.try_recv()], [Ok(0), Ok(1)]);
        assert!(rx.capacity() > 0, "two messages are out, one is to come");
        assert_eq!(tx.try_send(3), Ok(()));
        sender.join().unwrap().unwrap();
        drop(tx);
        let mut rest = received(&mut rx);
        rest.sort_unstable();
        assert_eq!(rest, [2, 3]);
    });
}

/// A sender that waits for several permits sleeps until there are enough.
#[test]
fn room_wakes_who_waits_for_several_permits() {
    model(|| {
        let (tx, mut rx) = channel(2);
        tx.try_send(0).unwrap();
        tx.try_send(1).unwrap();
        let sender = thread::spawn(move || block_on(tx.reserve_many(2)).unwrap().len());
        assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(0), Ok(1)));
        assert_eq!(sender.join().unwrap(), 2);
    });
}

/// C3, C4: a cancelled sender passes its grant on to the next in line.
#[test]
fn a_cancelled_sender_hands_on_its_turn() {
    model(|| {
        let (tx, mut rx) = full();
        let mut first = Box::pin(tx.clone().reserve_owned());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        let mut second = Box::pin(tx.clone().reserve_owned());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        let cancelled = thread::spawn(move || drop(first));
        let sender = thread::spawn(move || drop(block_on(second).unwrap().send(1)));
        assert_eq!(rx.try_recv(), Ok(0));
        cancelled.join().unwrap();
        sender.join().unwrap();
        assert_eq!(rx.try_recv(), Ok(1));
    });
}

#[test]
fn a_cancelled_receiver_loses_nothing() {
    model(|| {
        let (tx, mut rx) = channel(1);
        let sender = thread::spawn(move || tx.try_send(1).unwrap());
        let mut recv = Box::pin(rx.recv());
        let mut cx = Context::from_waker(Waker::noop());
        let first = recv.as_mut().poll(&mut cx);
        drop(recv);
        if first.is_pending() {
            assert_eq!(block_on(rx.recv()), Some(1));
        }
        sender.join().unwrap();
    });
}

/// C28: the length is that of some moment, whatever happens beside it.
#[test]
fn len_stays_within_bounds() {
    model(|| {
        let (tx, mut rx) = channel(2);
        tx.try_send(0).unwrap();
        let sender = thread::spawn(move || tx.try_send(1).is_ok());
        let before = rx.len();
        assert!((1..=2).contains(&before));
        assert_eq!(rx.try_recv(), Ok(0));
        rx.close();
        assert!(rx.len() <= 1 && rx.len() + 1 >= before);
        let sent = sender.join().unwrap();
        assert_eq!(rx.len(), usize::from(sent));
    });
}

/// Two senders add storage at the same time for one place: one of them gets it.
#[test]
fn capacity_holds_while_storage_grows() {
    model(|| {
        let (tx, mut rx) = channel(1);
        let other = tx.clone();
        let sender = thread::spawn(move || other.try_send(1).is_ok());
        let sent = tx.try_send(2).is_ok();
        assert!(sent != sender.join().unwrap(), "one of the two");
        assert_eq!(rx.len(), 1);
        assert!(rx.try_recv().is_ok());
    });
}

/// The same for three senders and two places: a sender that was slower to add storage keeps its
/// place reserved while it frees the memory that it does not need.
#[test]
fn capacity_holds_while_storage_is_freed() {
    model(|| {
        let (tx, rx) = channel(2);
        let senders = [tx.clone(), tx.clone()]
            .map(|tx| thread::spawn(move || usize::from(tx.try_send(1).is_ok())));
        let mut sent = usize::from(tx.try_send(2).is_ok());
        for sender in senders {
            sent += sender.join().unwrap();
        }
        assert_eq!((sent, rx.len()), (2, 2));
    });
}

/// A permit that comes back wakes a sender that waits for it, though nothing is received.
#[test]
fn a_permit_given_back_wakes_a_sender() {
    model(|| {
        let (tx, mut rx) = channel(1);
        let permit = tx.clone().try_reserve_owned().unwrap();
        let sender = thread::spawn(move || block_on(tx.send(1)).unwrap());
        drop(permit);
        sender.join().unwrap();
        assert_eq!(rx.try_recv(), Ok(1));
    });
}

/// The message itself wakes the receiver, not the end of the channel.
#[test]
fn a_message_alone_wakes_the_receiver() {
    model(|| {
        let (tx, mut rx) = channel(1);
        let receiver = thread::spawn(move || {
            assert_eq!(block_on(rx.recv()), Some(1));
            rx
        });
        tx.try_send(1).unwrap();
        let rx = receiver.join().unwrap();
        drop((tx, rx));
    });
}
