//! Every action of the sender against every action of the receiver, at the same time (C37, C38,
//! C39), and one after the other in both orders.

use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;

use levada::oneshot::{Receiver, Sender, channel, error::TryRecvError};

use super::{Drops, Payload, Task, poll, poll_closed};

/// Two tasks for one end to wait as.
type Tasks = [Arc<Task>; 2];

/// What a sender does with its end; gives whether the value is the receiver's.
struct SenderAction {
    name: &'static str,
    run: fn(Sender<Payload>, Payload, &Tasks) -> bool,
}

/// What a receiver does with its end; gives the value it got.
struct ReceiverAction {
    name: &'static str,
    /// Whether it waits for the sender.
    waits: bool,
    run: fn(Receiver<Payload>, &Tasks) -> Option<Payload>,
}

const SENDERS: [SenderAction; 5] = [
    SenderAction { name: "send", run: |tx, value, _| tx.send(value).is_ok() },
    SenderAction { name: "drop", run: |_, _, _| false },
    SenderAction {
        name: "poll closed, send",
        run: |mut tx, value, tasks| {
            let _ = poll_closed(&mut tx, &tasks[0]);
            tx.send(value).is_ok()
        },
    },
    SenderAction {
        name: "poll closed, drop",
        run: |mut tx, _, tasks| {
            let _ = poll_closed(&mut tx, &tasks[0]);
            false
        },
    },
    SenderAction {
        name: "poll closed with two wakers, send",
        run: |mut tx, value, tasks| {
            let _ = poll_closed(&mut tx, &tasks[0]);
            let _ = poll_closed(&mut tx, &tasks[1]);
            tx.send(value).is_ok()
        },
    },
];

const RECEIVERS: [ReceiverAction; 9] = [
    ReceiverAction { name: "drop", waits: false, run: |_, _| None },
    ReceiverAction { name: "blocking_recv", waits: true, run: |rx, _| rx.blocking_recv().ok() },
    ReceiverAction { name: "try_recv", waits: false, run: |mut rx, _| rx.try_recv().ok() },
    ReceiverAction {
        name: "try_recv until it is decided",
        waits: true,
        run: |mut rx, _| {
            loop {
                match rx.try_recv() {
                    Ok(value) => return Some(value),
                    Err(TryRecvError::Closed) => return None,
                    Err(TryRecvError::Empty) => thread::yield_now(),
                }
            }
        },
    },
    ReceiverAction {
        name: "poll, drop",
        waits: false,
        run: |mut rx, tasks| match poll(&mut rx, &tasks[0]) {
            Poll::Ready(value) => value,
            Poll::Pending => None,
        },
    },
    ReceiverAction {
        name: "poll, close, try_recv",
        waits: false,
        run: |mut rx, tasks| match poll(&mut rx, &tasks[0]) {
            Poll::Ready(value) => value,
            Poll::Pending => {
                rx.close();
                rx.try_recv().ok()
            }
        },
    },
    ReceiverAction {
        name: "close, drop",
        waits: false,
        run: |mut rx, _| {
            rx.close();
            None
        },
    },
    ReceiverAction {
        name: "close, blocking_recv",
        waits: false,
        run: |mut rx, _| {
            rx.close();
            rx.blocking_recv().ok()
        },
    },
    ReceiverAction {
        name: "poll with two wakers, blocking_recv",
        waits: true,
        run: |mut rx, tasks| {
            for task in tasks {
                if let Poll::Ready(value) = poll(&mut rx, task) {
                    return value;
                }
            }
            rx.blocking_recv().ok()
        },
    },
];

/// How often each pair races.
const ROUNDS: usize = if cfg!(miri) { 3 } else { 300 };

fn for_every_pair(mut f: impl FnMut(&SenderAction, &ReceiverAction)) {
    for sender in &SENDERS {
        for receiver in &RECEIVERS {
            f(sender, receiver);
        }
    }
}

/// One channel and what is counted of it.
#[derive(Default)]
struct Run {
    drops: Drops,
    sending: Tasks,
    receiving: Tasks,
}

impl Run {
    /// Every value was received, or given back, or dropped by the receiver, and once; and nothing
    /// holds a waker any more.
    fn check(self, sent: bool, received: Option<Payload>, pair: &str) {
        assert!(sent || received.is_none(), "{pair}: received but not sent");
        drop(received);
        assert_eq!(self.drops.count(), 1, "{pair}: the value is dropped once");
        for task in self.sending.iter().chain(&self.receiving) {
            assert_eq!(Arc::strong_count(task), 1, "{pair}: no waker is left");
        }
    }
}

#[test]
fn at_the_same_time() {
    for_every_pair(|sender, receiver| {
        for _ in 0..ROUNDS {
            let (run, start) = (Run::default(), Barrier::new(2));
            let (tx, rx) = channel();
            let value = run.drops.payload();
            let (sent, received) = thread::scope(|scope| {
                let sending = scope.spawn(|| {
                    start.wait();
                    (sender.run)(tx, value, &run.sending)
                });
                start.wait();
                let received = (receiver.run)(rx, &run.receiving);
                (sending.join().unwrap(), received)
            });
            run.check(sent, received, &format!("{} | {}", sender.name, receiver.name));
        }
    });
}

#[test]
fn the_sender_first() {
    for_every_pair(|sender, receiver| {
        let (run, pair) = (Run::default(), format!("{}, {}", sender.name, receiver.name));
        let (tx, rx) = channel();
        let sent = (sender.run)(tx, run.drops.payload(), &run.sending);
        assert_eq!(sent, sender.name.ends_with("send"), "{pair}: nobody has closed");
        let received = (receiver.run)(rx, &run.receiving);
        run.check(sent, received, &pair);
    });
}

#[test]
fn the_receiver_first() {
    for_every_pair(|sender, receiver| {
        if receiver.waits {
            return;
        }
        let (run, pair) = (Run::default(), format!("{}, {}", receiver.name, sender.name));
        let (tx, rx) = channel();
        let received = (receiver.run)(rx, &run.receiving);
        let sent = (sender.run)(tx, run.drops.payload(), &run.sending);
        assert!(!sent, "{pair}: the receiver has gone");
        run.check(sent, received, &pair);
    });
}
