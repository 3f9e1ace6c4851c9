//! Models of the protocol: what several threads may do at once.
#![forbid(unsafe_code)]

use super::error::{RecvError, TryRecvError};
use super::{Receiver, channel};
use crate::prim::{Arc, UnsafeCell, block_on, model, thread};

/// A message whose clones must not be made at the same time, as that of any type that is not
/// `Sync`, and which tells when it is dropped.
struct Message {
    id: usize,
    cell: UnsafeCell<()>,
    _alive: Arc<()>,
}

impl Message {
    fn new(id: usize, alive: &Arc<()>) -> Self {
        let _alive = Arc::clone(alive);
        Self { id, cell: UnsafeCell::new(()), _alive }
    }
}

impl Clone for Message {
    fn clone(&self) -> Self {
        // The model checker complains of two of these at a time, or of one with a move.
        self.cell.with_mut(|_| ());
        Self::new(self.id, &self._alive)
    }
}

/// Receives to the end; gives how many messages came or were missed. Ids are positions.
fn drain(rx: &mut Receiver<Message>) -> usize {
    let mut total = 0;
    loop {
        match block_on(rx.recv()) {
            Ok(message) => {
                assert_eq!(message.id, total, "in order, each once");
                total += 1;
            }
            Err(RecvError::Lagged(missed)) => {
                assert!(missed > 0, "a lag is of something");
                total += usize::try_from(missed).unwrap();
            }
            Err(RecvError::Closed) => return total,
        }
    }
}

fn in_thread(mut rx: Receiver<Message>, expected: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || assert_eq!(drain(&mut rx), expected))
}

/// Asserts that every message was dropped, once nothing can hold one any more.
fn all_dropped(mut alive: Arc<()>) {
    assert!(Arc::get_mut(&mut alive).is_some(), "every message was dropped");
}

/// I1, I3, I5: two receivers get both messages, and then learn of the end.
#[test]
fn each_receiver_gets_everything() {
    model(|| {
        let alive = Arc::new(());
        let (tx, first) = channel(2);
        let second = tx.subscribe();
        // One before they come: with both after, which was explored once, it is 1.7 million
        // executions.
        tx.send(Message::new(0, &alive)).ok().unwrap();
        let receivers = [in_thread(first, 2), in_thread(second, 2)];
        tx.send(Message::new(1, &alive)).ok().unwrap();
        drop(tx);
        for receiver in receivers {
            receiver.join().unwrap();
        }
        all_dropped(alive);
    });
}

/// C50: what is missed and what comes adds up, whenever the sender laps.
#[test]
fn a_lapped_receiver_can_count() {
    model(|| {
        let alive = Arc::new(());
        let (tx, rx) = channel(1);
        let receiver = in_thread(rx, 3);
        for id in 0..3 {
            tx.send(Message::new(id, &alive)).ok().unwrap();
        }
        drop(tx);
        receiver.join().unwrap();
        all_dropped(alive);
    });
}

/// I2 of the ring, I6: with one slot, a value is borrowed, waited for and overwritten at the same
/// time.
#[test]
fn a_borrowed_value_is_overwritten() {
    model(|| {
        let alive = Arc::new(());
        let (tx, first) = channel(1);
        let second = tx.subscribe();
        tx.send(Message::new(0, &alive)).ok().unwrap();
        let receivers = [in_thread(first, 2), in_thread(second, 2)];
        tx.send(Message::new(1, &alive)).ok().unwrap();
        drop(tx);
        for receiver in receivers {
            receiver.join().unwrap();
        }
        all_dropped(alive);
    });
}

/// I6: a receiver that finds the value borrowed waits for it, and is woken.
#[test]
fn try_recv_waits_for_a_clone() {
    model(|| {
        let alive = Arc::new(());
        let (tx, mut first) = channel(1);
        let mut second = tx.subscribe();
        let _third = tx.subscribe();
        tx.send(Message::new(0, &alive)).ok().unwrap();
        let receiver = thread::spawn(move || {
            assert_eq!(first.try_recv().ok().unwrap().id, 0);
            assert_eq!(first.try_recv().err(), Some(TryRecvError::Empty));
        });
        assert_eq!(second.try_recv().ok().unwrap().id, 0);
        receiver.join().unwrap();
    });
}

/// C17: two senders, of which the last to go closes the channel after everything is in it.
#[test]
fn senders_close_after_their_messages() {
    model(|| {
        let (tx, mut rx) = channel(2);
        let other = tx.clone();
        let sender = thread::spawn(move || other.send(1).unwrap());
        tx.send(2).unwrap();
        drop(tx);
        let (first, second) = (block_on(rx.recv()), block_on(rx.recv()));
        assert_eq!(first.unwrap() + second.unwrap(), 3);
        assert_eq!(block_on(rx.recv()), Err(RecvError::Closed));
        sender.join().unwrap();
    });
}

/// I5 of the ring: the sender comes to the end of the first chunk, and starts again there or adds
/// the second, while one receiver reads and one leaves.
#[test]
fn the_ring_grows_and_starts_again() {
    model(|| {
        let alive = Arc::new(());
        let (tx, rx) = channel(4);
        let leaving = tx.subscribe();
        for id in 0..2 {
            tx.send(Message::new(id, &alive)).ok().unwrap();
        }
        let receiver = in_thread(rx, 4);
        let leaver = thread::spawn(move || drop(leaving));
        for id in 2..4 {
            tx.send(Message::new(id, &alive)).ok().unwrap();
        }
        drop(tx);
        receiver.join().unwrap();
        leaver.join().unwrap();
        all_dropped(alive);
    });
}

/// I1: a receiver that goes releases what it has not read, while another one reads it.
#[test]
fn a_receiver_leaves_while_another_reads() {
    model(|| {
        let alive = Arc::new(());
        let (tx, mut rx) = channel(2);
        let leaving = tx.subscribe();
        tx.send(Message::new(0, &alive)).ok().unwrap();
        let leaver = thread::spawn(move || drop(leaving));
        assert_eq!(rx.try_recv().ok().unwrap().id, 0);
        leaver.join().unwrap();
        assert!(tx.is_empty());
        all_dropped(alive);
    });
}

/// I1: a receiver that joins while a message is sent gets it or does not, and all later ones.
#[test]
fn a_receiver_joins_while_messages_are_sent() {
    model(|| {
        let alive = Arc::new(());
        let (tx, mut rx) = channel(4);
        let sender = tx.clone();
        let alive_too = Arc::clone(&alive);
        let sender = thread::spawn(move || {
            for id in 0..2 {
                sender.send(Message::new(id, &alive_too)).ok().unwrap();
            }
        });
        let mut late = tx.subscribe();
        let first = late.len();
        sender.join().unwrap();
        assert!(late.len() >= first);
        // Takes away what is not meant for the late one, too.
        for id in 0..2 {
            assert_eq!(rx.try_recv().ok().unwrap().id, id);
        }
        while let Ok(message) = late.try_recv() {
            assert_eq!(message.id, 1 - late.len(), "without a gap");
        }
        drop((late, rx));
        all_dropped(alive);
    });
}

/// The last receiver to go wakes `closed`, and from then on nothing can be sent.
#[test]
fn closed_learns_of_the_last_receiver() {
    model(|| {
        let (tx, first) = channel::<()>(1);
        let second = tx.subscribe();
        let leavers = [first, second].map(|rx| thread::spawn(move || drop(rx)));
        block_on(tx.closed());
        assert!(tx.send(()).is_err());
        for leaver in leavers {
            leaver.join().unwrap();
        }
    });
}

/// I5: a receiver that sleeps is woken by the message itself, not by the end of the channel.
#[test]
fn a_sleeping_receiver_is_woken() {
    model(|| {
        let (tx, mut rx) = channel(1);
        let receiver = thread::spawn(move || {
            assert_eq!(block_on(rx.recv()), Ok(7));
            rx
        });
        tx.send(7).unwrap();
        let rx = receiver.join().unwrap();
        drop((tx, rx));
    });
}

/// I5 of the ring: a receiver that leaves finds what it has to skip, although the ring started
/// again.
#[test]
fn a_receiver_leaves_while_the_ring_starts_again() {
    model(|| {
        let mut alive = Arc::new(());
        let (tx, mut rx) = channel(4);
        let leaving = tx.subscribe();
        for id in 0..2 {
            tx.send(Message::new(id, &alive)).ok().unwrap();
        }
        let leaver = thread::spawn(move || drop(leaving));
        for id in 0..4 {
            if id >= 2 {
                tx.send(Message::new(id, &alive)).ok().unwrap();
            }
            assert_eq!(rx.try_recv().ok().unwrap().id, id);
            if id > 0 {
                assert_eq!(rx.try_recv().err(), Some(TryRecvError::Empty));
            }
        }
        leaver.join().unwrap();
        assert!(Arc::get_mut(&mut alive).is_some(), "nothing is left in the ring");
        drop((tx, rx));
    });
}

/// In an empty channel, a receiver that sees the last sender gone receives the end.
#[test]
fn an_end_that_was_seen_has_come() {
    model(|| {
        let (tx, mut rx) = channel::<usize>(1);
        let sender = thread::spawn(move || drop(tx));
        if rx.is_closed() {
            assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
        }
        sender.join().unwrap();
    });
}
