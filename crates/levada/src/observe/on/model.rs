//! Registering, reading and ending beside each other, in every interleaving.

use crate::mpsc;
use crate::observe::{Op, snapshot};
use crate::prim::{block_on, model, thread};

/// A snapshot beside a channel that is used and ends: what it reads is the channel, alive.
#[test]
fn a_channel_that_ends_is_read_before_or_not_at_all() {
    model(|| {
        let user = thread::spawn(|| {
            let (tx, mut rx) = mpsc::channel(1);
            tx.try_send(1).unwrap();
            assert_eq!(rx.try_recv(), Ok(1));
        });
        for channel in snapshot().channels {
            assert_eq!(channel.capacity, Some(1));
            assert_eq!(channel.depth, Some((channel.sent - channel.received.unwrap()) as usize));
        }
        user.join().unwrap();
        let snapshot = snapshot();
        assert!(snapshot.channels.is_empty());
        assert_eq!((snapshot.ended[0].sent, snapshot.ended[0].received), (1, 1));
    });
}

/// A snapshot beside a task that waits and is woken.
#[test]
fn a_wait_is_there_until_it_ends() {
    model(|| {
        let (tx, mut rx) = mpsc::channel(1);
        let receiver = thread::spawn(move || {
            assert_eq!(block_on(rx.recv()), Some(1));
            rx
        });
        for waiter in &snapshot().channels[0].waiters {
            assert_eq!(waiter.op, Op::Recv);
        }
        tx.try_send(1).unwrap();
        let rx = receiver.join().unwrap();
        assert!(snapshot().channels[0].waiters.is_empty());
        drop(rx);
    });
}
