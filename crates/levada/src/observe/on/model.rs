//! Registering, reading and ending beside each other, in every interleaving.

use crate::mpsc;
use crate::observe::{Channel, Op, Waiter, snapshot};
use crate::prim::{block_on, model, thread};

/// The channels of these models: other tests of the program may run beside them.
fn own(channels: Vec<Channel>) -> Vec<Channel> {
    channels.into_iter().filter(|channel| channel.origin.location().file() == file!()).collect()
}

fn waiters() -> Vec<Waiter> {
    own(snapshot().channels).into_iter().flat_map(|channel| channel.waiters).collect()
}

/// A snapshot beside a channel that is used and ends: what it reads is the channel, alive.
#[test]
fn a_channel_that_ends_is_read_before_or_not_at_all() {
    model(|| {
        let user = thread::spawn(|| {
            let (tx, mut rx) = mpsc::channel(1);
            tx.try_send(1).unwrap();
            assert_eq!(rx.try_recv(), Ok(1));
        });
        for channel in own(snapshot().channels) {
            assert_eq!(channel.capacity, Some(1));
            assert_eq!(channel.depth, Some((channel.sent - channel.received.unwrap()) as usize));
        }
        user.join().unwrap();
        let snapshot = snapshot();
        assert!(own(snapshot.channels).is_empty());
        let ended = snapshot.ended.iter().find(|ended| ended.origin.location().file() == file!());
        assert!(ended.unwrap().sent >= 1);
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
        for waiter in waiters() {
            assert_eq!(waiter.op, Op::Recv);
        }
        tx.try_send(1).unwrap();
        let rx = receiver.join().unwrap();
        assert!(waiters().is_empty());
        drop(rx);
    });
}
