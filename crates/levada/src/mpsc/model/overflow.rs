//! The backlog between senders, which evict under the lock, and the receiver, which takes what it
//! was given without it.

use super::received;
use crate::mpsc::{Overflow, builder, channel};
use crate::prim::{block_on, model, thread};

/// A receiver that goes to sleep meets the first message of a backlog, and then the end.
#[test]
fn a_backlog_wakes_the_receiver() {
    model(|| {
        let (tx, mut rx) = builder(2).overflow(Overflow::EvictOldest).build();
        let sender = thread::spawn(move || tx.try_send(1).unwrap());
        assert_eq!(block_on(rx.recv()), Some(1));
        assert_eq!(block_on(rx.recv()), None);
        sender.join().unwrap();
    });
}

/// Each message is received or comes back, once, and the newest one always arrives.
#[test]
fn an_eviction_meets_a_receive() {
    model(|| {
        let (tx, mut rx) = builder(1).overflow(Overflow::EvictOldest).build();
        let sender = thread::spawn(move || {
            assert_eq!(tx.force_send(1), Ok(None));
            Vec::from_iter(tx.force_send(2).unwrap())
        });
        let received = received(&mut rx);
        let back = sender.join().unwrap();
        assert!(
            matches!((&received[..], &back[..]), ([1, 2], []) | ([2], [1])),
            "{received:?} {back:?}"
        );
    });
}

/// The same for a receiver that takes all it finds, and two messages.
#[test]
fn evictions_meet_a_receive_of_many() {
    model(|| {
        let (tx, mut rx) = builder(1).overflow(Overflow::EvictOldest).build();
        tx.try_send(1).unwrap();
        let sender = thread::spawn(move || {
            let back = [tx.force_send(2).unwrap(), tx.force_send(3).unwrap()];
            back.into_iter().flatten().collect::<Vec<_>>()
        });
        let mut received = Vec::from_iter(rx.drain());
        while let Some(message) = block_on(rx.recv()) {
            received.push(message);
        }
        let mut all = sender.join().unwrap();
        assert!(received.is_sorted(), "{received:?}");
        assert_eq!(received.last(), Some(&3), "the newest one");
        all.extend(received);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
    });
}

/// A receiver that only tries, at the moment at which the channel begins its backlog.
#[test]
fn the_first_eviction_meets_a_receive() {
    model(|| {
        let (tx, mut rx) = channel(1);
        tx.try_send(1).unwrap();
        let sender = thread::spawn(move || Vec::from_iter(tx.force_send(2).unwrap()));
        let mut all = Vec::from_iter(rx.try_recv());
        all.extend(received(&mut rx));
        all.extend(sender.join().unwrap());
        assert_eq!(all, [1, 2], "received, or back with its sender");
    });
}

/// A message that the receiver looks at stays while it looks.
#[test]
fn an_eviction_meets_a_look() {
    model(|| {
        let (tx, mut rx) = builder(1).overflow(Overflow::EvictOldest).build();
        tx.try_send(1).unwrap();
        let sender = thread::spawn(move || tx.force_send(2).unwrap());
        let seen = rx.peek().copied();
        assert_eq!(Vec::from_iter(seen), Vec::from_iter(rx.try_recv()));
        let back = sender.join().unwrap();
        assert!(matches!((seen, back), (Some(1), None) | (Some(2), Some(1))), "{seen:?} {back:?}");
        assert_eq!(rx.try_recv().ok(), (seen == Some(1)).then_some(2), "the newest one");
    });
}

/// The room of a message that was given goes to the sender that waits.
#[test]
fn a_backlog_hands_on_its_room() {
    model(|| {
        let (tx, mut rx) = builder(1).overflow(Overflow::Wait).build();
        tx.try_send(1).unwrap();
        let sender = thread::spawn(move || block_on(tx.send(2)).unwrap());
        assert_eq!(received(&mut rx), [1, 2]);
        sender.join().unwrap();
    });
}
