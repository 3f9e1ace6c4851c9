//! The races between several receivers, the senders and the end: every interleaving under loom, as
//! a stress natively. A lost wake-up is a deadlock, which loom reports.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use super::{Receiver, channel, unbounded_channel};
use crate::prim::atomic::{AtomicUsize, Ordering};
use crate::prim::{block_on, model, thread};

/// Counts how often it was woken.
struct Task {
    woken: AtomicUsize,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        // ORDERING: Relaxed, no pair: read after the threads were joined.
        self.woken.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    fn new() -> Arc<Self> {
        Arc::new(Self { woken: AtomicUsize::new(0) })
    }

    fn was_woken(&self) -> bool {
        // ORDERING: Relaxed, no pair: the threads were joined.
        self.woken.load(Ordering::Relaxed) > 0
    }
}

fn poll<F: Future>(future: &mut Pin<Box<F>>, task: &Arc<Task>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(task));
    future.as_mut().poll(&mut Context::from_waker(&waker))
}

/// A message that counts the drops of its kind.
struct Payload(Arc<AtomicUsize>);

impl Payload {
    fn counter() -> Arc<AtomicUsize> {
        Arc::new(AtomicUsize::new(0))
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // ORDERING: Relaxed, no pair: read after the threads were joined.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn drops(counter: &AtomicUsize) -> usize {
    // ORDERING: Relaxed, no pair: the threads were joined.
    counter.load(Ordering::Relaxed)
}

/// Receives to the end, and gives the sum.
fn sum(rx: &Receiver<usize>) -> usize {
    let mut sum = 0;
    while let Some(message) = block_on(rx.recv()) {
        sum += message;
    }
    sum
}

/// Conservation: what a sender that has to wait sends, two receivers get, one each (C17).
#[test]
fn two_receivers_share_what_one_sends() {
    model(|| {
        let (tx, rx) = channel(1);
        tx.try_send(1).expect("it is empty");
        let receivers = [rx.clone(), rx]
            .map(|rx| thread::spawn(move || block_on(rx.recv()).expect("there is one for each")));
        block_on(tx.send(2)).expect("there are receivers");
        let received: usize = receivers.map(|receiver| receiver.join().unwrap()).iter().sum();
        assert_eq!(received, 3);
    });
}

/// Conservation: two receivers get all there is, and both see the end (C17, C18).
#[test]
fn two_receivers_come_to_the_end() {
    model(|| {
        let (tx, rx) = channel(1);
        let other = rx.clone();
        let receiver = thread::spawn(move || sum(&other));
        tx.try_send(3).expect("it is empty");
        drop(tx);
        assert_eq!(sum(&rx) + receiver.join().unwrap(), 3);
    });
}

/// The receiver takes one message and does not come again: the room it made wakes the sender.
#[test]
fn room_wakes_a_sender() {
    model(|| {
        let (tx, rx) = channel(1);
        tx.try_send(1).expect("it is empty");
        let sender = thread::spawn(move || block_on(tx.send(2)));
        assert_eq!(rx.try_recv(), Ok(1));
        assert!(sender.join().unwrap().is_ok());
        assert_eq!(rx.try_recv(), Ok(2));
    });
}

/// C2: a receiver that was woken and is cancelled wakes the next, which is asleep or about to be.
#[test]
fn a_cancelled_receiver_hands_on_its_message() {
    model(|| {
        let (tx, rx) = channel(1);
        let other = rx.clone();
        let sender = thread::spawn(move || {
            let mut recv = Box::pin(other.recv());
            assert!(poll(&mut recv, &Task::new()).is_pending(), "nothing has been sent");
            tx.try_send(1).expect("it is empty");
            drop(recv);
            tx
        });
        assert_eq!(block_on(rx.recv()), Some(1));
        drop(sender.join().unwrap());
    });
}

/// The end wakes both, also the one that finds the last message gone.
#[test]
fn the_end_comes_to_who_got_no_message() {
    model(|| {
        let (tx, rx) = channel(1);
        let other = rx.clone();
        let receiver = thread::spawn(move || sum(&other));
        let sender = thread::spawn(move || tx.try_send(1).expect("it is empty"));
        assert_eq!(sum(&rx) + receiver.join().unwrap(), 1);
        sender.join().unwrap();
    });
}

/// A receiver that closes the channel wakes another that sleeps, although a sender is alive.
#[test]
fn a_close_wakes_a_receiver() {
    model(|| {
        let (tx, rx) = channel::<usize>(1);
        let other = rx.clone();
        let receiver = thread::spawn(move || block_on(other.recv()));
        rx.close();
        assert_eq!(receiver.join().unwrap(), None);
        drop(tx);
    });
}

/// C2: the receiver that is woken is cancelled at that moment; the message wakes the other one.
#[test]
fn cancelled_when_woken_meets_another_that_sleeps() {
    model(|| {
        let (tx, rx) = unbounded_channel();
        let (first, second) = (Task::new(), Task::new());
        let mut cancelled = Box::pin(rx.recv());
        let mut recv = Box::pin(rx.recv());
        assert!(poll(&mut cancelled, &first).is_pending());
        assert!(poll(&mut recv, &second).is_pending());
        let sender = thread::spawn(move || {
            tx.send(1).expect("there are receivers");
            tx
        });
        drop(cancelled);
        let tx = sender.join().unwrap();
        assert!(second.was_woken(), "the wake of the first is passed on");
        assert_eq!(poll(&mut recv, &second), Poll::Ready(Some(1)));
        drop(tx);
    });
}

/// C3: one receiver sleeps, another takes the message it was woken for; the next one is for it.
#[test]
fn a_thief_leaves_the_next_message() {
    model(|| {
        let (tx, rx) = unbounded_channel();
        let thief = rx.clone();
        let thief = thread::spawn(move || thief.try_recv().is_ok());
        let sleeper = thread::spawn(move || block_on(rx.recv()));
        tx.send(1).expect("there are receivers");
        if thief.join().unwrap() {
            // Unless this one arrives at the sleeper, it is never joined.
            tx.send(2).expect("there are receivers");
            assert_eq!(sleeper.join().unwrap(), Some(2));
        } else {
            assert_eq!(sleeper.join().unwrap(), Some(1));
        }
    });
}

/// C18: the last sender goes while two receivers fall asleep.
#[test]
fn the_last_sender_ends_all_receivers() {
    model(|| {
        let (tx, rx) = channel::<usize>(1);
        let other = rx.clone();
        let other = thread::spawn(move || block_on(other.recv()));
        let sender = thread::spawn(move || drop(tx));
        assert_eq!(block_on(rx.recv()), None);
        assert_eq!(other.join().unwrap(), None);
        sender.join().unwrap();
    });
}

/// Either the channel was closed first and the message comes back, or it is received.
#[test]
fn close_meets_send() {
    model(|| {
        let (tx, rx) = channel(1);
        let closer = rx.clone();
        let closer = thread::spawn(move || closer.close());
        let sender = thread::spawn(move || block_on(tx.send(1)).is_ok());
        let received = block_on(rx.recv());
        assert_eq!(sender.join().unwrap(), received == Some(1));
        closer.join().unwrap();
        assert_eq!(block_on(rx.recv()), None);
    });
}

/// C24: the channel is closed with a permit out, and two receivers wait for what becomes of it. The
/// one that does not get the message sees the end.
#[test]
fn a_permit_after_close_ends_both_receivers() {
    model(|| {
        let (tx, rx) = channel(1);
        let permit = tx.try_reserve_owned().expect("it is empty");
        rx.close();
        let other = rx.clone();
        let other = thread::spawn(move || sum(&other));
        // The sender stays: the end of the last would wake them, too.
        let sender = thread::spawn(move || permit.send(1));
        let own = sum(&rx);
        assert_eq!(own + other.join().unwrap(), 1);
        drop(sender.join().unwrap());
    });
}

/// The same with a permit that is given back (C22, C23).
#[test]
fn a_permit_given_back_after_close_ends_both_receivers() {
    model(|| {
        let (tx, rx) = channel::<usize>(1);
        let permit = tx.clone().try_reserve_owned().expect("it is empty");
        rx.close();
        let other = rx.clone();
        let other = thread::spawn(move || block_on(other.recv()));
        let sender = thread::spawn(move || drop(permit));
        assert_eq!(block_on(rx.recv()), None);
        assert_eq!(other.join().unwrap(), None);
        sender.join().unwrap();
        drop(tx);
    });
}

/// C19, C20: the last receiver goes while a message is sent, with a permit and without. Each is
/// dropped once, while the sender lives.
#[test]
fn the_last_receiver_meets_sends() {
    model(|| {
        let counter = Payload::counter();
        let (tx, rx) = channel(2);
        let permit = tx.try_reserve().expect("it is empty");
        let other = rx.clone();
        let receivers = thread::spawn(move || drop(other));
        permit.send(Payload(Arc::clone(&counter)));
        drop(rx);
        drop(tx.try_send(Payload(Arc::clone(&counter))));
        receivers.join().unwrap();
        assert_eq!(drops(&counter), 2);
        assert!(tx.is_closed());
        drop(tx);
    });
}

/// As above, with the receiver's end in another thread and two senders beside it.
#[test]
fn the_last_receiver_meets_two_senders() {
    model(|| {
        let counter = Payload::counter();
        let (tx, rx) = channel(1);
        let message = Payload(Arc::clone(&counter));
        let other = tx.clone();
        let other = thread::spawn(move || drop(block_on(other.send(message))));
        let receiver = thread::spawn(move || drop(rx));
        drop(block_on(tx.send(Payload(Arc::clone(&counter)))));
        other.join().unwrap();
        receiver.join().unwrap();
        assert_eq!(drops(&counter), 2);
        drop(tx);
    });
}

/// A waiting sender is cancelled as its turn comes; the other one gets it.
#[test]
fn a_cancelled_sender_passes_its_turn_on() {
    model(|| {
        let (tx, rx) = channel(1);
        tx.try_send(1).expect("it is empty");
        let task = Task::new();
        let mut cancelled = Box::pin(tx.reserve());
        assert!(poll(&mut cancelled, &task).is_pending());
        let other = tx.clone();
        let sender = thread::spawn(move || block_on(other.send(2)));
        let receiver = thread::spawn(move || {
            assert_eq!(block_on(rx.recv()), Some(1));
            block_on(rx.recv())
        });
        drop(cancelled);
        assert!(sender.join().unwrap().is_ok());
        assert_eq!(receiver.join().unwrap(), Some(2));
        drop(tx);
    });
}

/// A receive of a batch beside a receiver that sleeps: one of the two gets each message.
#[test]
fn a_batch_meets_a_receiver_that_sleeps() {
    model(|| {
        let (tx, rx) = channel(2);
        let other = rx.clone();
        let other = thread::spawn(move || sum(&other));
        let sender = thread::spawn(move || {
            for message in [1, 2] {
                tx.try_send(message).expect("there is room");
            }
        });
        let mut batch = Vec::new();
        while block_on(rx.recv_many(&mut batch, 2)) > 0 {}
        sender.join().unwrap();
        assert_eq!(batch.iter().sum::<usize>() + other.join().unwrap(), 3);
    });
}

/// C7: the receiver that was woken for the first message is never polled. The sender that waits for
/// room behind that message wakes the other receiver.
#[test]
fn a_receiver_that_does_not_come_holds_up_nobody() {
    model(|| {
        let (tx, rx) = channel(1);
        let mut stalled = Box::pin(rx.recv());
        assert!(poll(&mut stalled, &Task::new()).is_pending());
        let other = rx.clone();
        let receiver = thread::spawn(move || [block_on(other.recv()), block_on(other.recv())]);
        for message in [1, 2] {
            block_on(tx.send(message)).expect("there are receivers");
        }
        assert_eq!(receiver.join().unwrap(), [Some(1), Some(2)]);
    });
}

/// C7: a message is promised to a receiver that never comes. A newcomer has it when the promise
/// expires, also if it is there before the message.
#[test]
fn a_promise_that_is_not_taken_lapses() {
    model(|| {
        let (tx, rx) = unbounded_channel();
        let mut stalled = Box::pin(rx.recv());
        assert!(poll(&mut stalled, &Task::new()).is_pending());
        let sender = thread::spawn(move || {
            tx.send(1).expect("there are receivers");
            tx
        });
        let other = rx.clone();
        let receiver = thread::spawn(move || {
            // The first time it is perhaps asleep already when the message comes.
            while other.is_empty() {
                thread::yield_now();
            }
            block_on(other.recv())
        });
        assert_eq!(receiver.join().unwrap(), Some(1));
        drop(sender.join().unwrap());
    });
}

/// A promise is given back (the granted receiver is cancelled) while another receiver asks and the
/// last sender goes: the message comes before the end.
#[test]
fn a_cancelled_promise_meets_the_end() {
    model(|| {
        let (tx, rx) = channel(1);
        let mut granted = Box::pin(rx.recv());
        assert!(poll(&mut granted, &Task::new()).is_pending());
        let other = rx.clone();
        let receiver = thread::spawn(move || [block_on(other.recv()), block_on(other.recv())]);
        let sender = thread::spawn(move || tx.try_send(1).expect("it is empty"));
        drop(granted);
        sender.join().unwrap();
        assert_eq!(receiver.join().unwrap(), [Some(1), None]);
    });
}

/// The same with a close, which wakes all, and a receiver that only tries.
#[test]
fn a_cancelled_promise_meets_a_close() {
    model(|| {
        let (tx, rx) = channel(1);
        let mut granted = Box::pin(rx.recv());
        assert!(poll(&mut granted, &Task::new()).is_pending());
        tx.try_send(1).expect("it is empty");
        let closer = rx.clone();
        let closer = thread::spawn(move || closer.close());
        let tried = rx.try_recv();
        assert_eq!(tried, Err(super::error::TryRecvError::Empty), "it is the other one's");
        drop(granted);
        closer.join().unwrap();
        assert_eq!(block_on(rx.recv()), Some(1));
        assert_eq!(block_on(rx.recv()), None);
    });
}

/// Senders that wait for room and receivers that wait for messages, one of which gives its promise
/// back.
#[test]
fn promises_on_both_sides() {
    model(|| {
        let (tx, rx) = channel(1);
        let mut cancelled = Box::pin(rx.recv());
        assert!(poll(&mut cancelled, &Task::new()).is_pending());
        let other = rx.clone();
        let receiver = thread::spawn(move || [block_on(other.recv()), block_on(other.recv())]);
        let sender = thread::spawn(move || {
            for message in [1, 2] {
                block_on(tx.send(message)).expect("there are receivers");
            }
        });
        drop(cancelled);
        assert_eq!(receiver.join().unwrap(), [Some(1), Some(2)]);
        sender.join().unwrap();
    });
}

/// In an empty channel, a receiver that sees the last sender gone receives the end.
#[test]
fn an_end_that_was_seen_has_come() {
    model(|| {
        let (tx, rx) = channel::<usize>(1);
        let sender = thread::spawn(move || drop(tx));
        if rx.is_closed() {
            assert_eq!(rx.try_recv(), Err(super::error::TryRecvError::Disconnected));
        }
        sender.join().unwrap();
    });
}

/// A batch wakes as many receivers as it has messages.
#[test]
fn a_batch_wakes_two_receivers() {
    model(|| {
        let (tx, rx) = channel(2);
        let other = rx.clone();
        let receiver = thread::spawn(move || block_on(other.recv()));
        tx.try_send_many(&mut [1, 2].into()).unwrap();
        let received = [block_on(rx.recv()), receiver.join().unwrap()];
        assert_eq!(received.into_iter().flatten().sum::<usize>(), 1 + 2);
    });
}

/// Each message is received or evicted, once; a receiver that was promised one gets one.
#[test]
fn an_eviction_meets_two_receivers() {
    model(|| {
        let (tx, rx) = channel(1);
        let other = rx.clone();
        let receiver = thread::spawn(move || block_on(other.recv()));
        let evicted = [1, 2].map(|i| tx.force_send(i).unwrap());
        drop(tx);
        let received = [block_on(rx.recv()), receiver.join().unwrap()];
        let all = evicted.into_iter().chain(received).flatten();
        assert_eq!(all.sum::<usize>(), 1 + 2);
    });
}
