//! Registering, reading and ending beside each other, in every interleaving.

use crate::mpsc;
use crate::observe::{Channel, Op, snapshot};
use crate::prim::{block_on, model, thread};

/// The channels of one model, known by the type of its messages: natively, other tests run beside.
fn own(message: &str) -> Vec<Channel> {
    let mut channels = snapshot().channels;
    channels.retain(|channel| channel.origin.message() == message);
    channels
}

/// A snapshot beside a channel that is used and ends: what it reads is the channel, alive.
#[test]
fn a_channel_that_ends_is_read_before_or_not_at_all() {
    model(|| {
        let user = thread::spawn(|| {
            let (tx, mut rx) = mpsc::channel(1);
            tx.try_send(1_i8).unwrap();
            assert_eq!(rx.try_recv(), Ok(1));
        });
        for channel in own("i8") {
            assert_eq!(channel.capacity, Some(1));
            assert_eq!(channel.depth, Some((channel.sent - channel.received.unwrap()) as usize));
        }
        user.join().unwrap();
        assert!(own("i8").is_empty());
        let ended = snapshot().ended;
        assert!(ended.iter().any(|ended| ended.origin.message() == "i8" && ended.sent >= 1));
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
        let waiters = || own("i16").into_iter().flat_map(|channel| channel.waiters);
        assert!(waiters().all(|waiter| waiter.op == Op::Recv));
        tx.try_send(1_i16).unwrap();
        let rx = receiver.join().unwrap();
        assert_eq!(waiters().count(), 0);
        drop(rx);
    });
}
