//! The races between the two ends: every interleaving under loom, as a stress natively.
//!
//! Whether the memory is used after it was freed is not asserted here; `life` in the header makes
//! loom check it at every access.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use super::error::{ReplyError, TryRecvError};
use super::{Pool, Receiver, Reusable, Sender, channel};
use crate::prim::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::prim::{block_on, model, thread};

/// Counts how often it was woken; the strong count of its `Arc` counts the wakers there are.
struct Task {
    woken: AtomicUsize,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
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

/// A value that counts the drops of its kind.
#[derive(Debug)]
struct Payload(Arc<AtomicUsize>);

impl Drop for Payload {
    fn drop(&mut self) {
        // ORDERING: Relaxed, no pair: read after the threads were joined.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll_receiver<T>(rx: &mut Receiver<T>, task: &Arc<Task>) -> Poll<Option<T>> {
    let waker = Waker::from(Arc::clone(task));
    let poll = Pin::new(rx).poll(&mut Context::from_waker(&waker));
    poll.map(Result::ok)
}

fn poll_closed<T>(tx: &mut Sender<T>, task: &Arc<Task>) -> Poll<()> {
    let waker = Waker::from(Arc::clone(task));
    tx.poll_closed(&mut Context::from_waker(&waker))
}

/// The waiting receiver gets the value, and what the sender wrote before is visible.
#[test]
fn send_meets_await() {
    model(|| {
        let (tx, rx) = channel();
        let sender = thread::spawn(move || tx.send(Box::new(7)).expect("the receiver waits"));
        assert_eq!(block_on(rx), Ok(Box::new(7)));
        sender.join().unwrap();
    });
}

#[test]
fn drop_of_the_sender_meets_await() {
    model(|| {
        let (tx, rx) = channel::<u8>();
        let sender = thread::spawn(move || drop(tx));
        assert!(block_on(rx).is_err());
        sender.join().unwrap();
    });
}

/// C39: of a send and a close that race, exactly one wins; the value is never lost, nor doubled.
#[test]
fn send_meets_close_and_try_recv() {
    model(|| {
        let (tx, mut rx) = channel();
        let sender = thread::spawn(move || tx.send(7));
        rx.close();
        let received = rx.try_recv();
        match sender.join().unwrap() {
            Ok(()) => assert_eq!(received, Ok(7)),
            Err(7) => assert_eq!(received, Err(TryRecvError::Closed)),
            Err(other) => panic!("{other} was never sent"),
        }
    });
}

/// C37, C40: polled, then dropped while the sender sends. The value is dropped once; the sender
/// got it back, or the receiver's side dropped it.
#[test]
fn send_meets_drop_of_a_polled_receiver() {
    model(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let task = Task::new();
        let (tx, mut rx) = channel();
        assert!(poll_receiver(&mut rx, &task).is_pending());
        let payload = Payload(Arc::clone(&drops));
        let sender = thread::spawn(move || tx.send(payload));
        drop(rx);
        let sent = sender.join().unwrap();
        // ORDERING: Relaxed, no pair: the thread was joined.
        let dropped = drops.load(Ordering::Relaxed);
        assert_eq!(dropped, usize::from(sent.is_ok()));
        drop(sent);
        assert_eq!(Arc::strong_count(&drops), 1, "dropped exactly once");
        assert_eq!(Arc::strong_count(&task), 1, "no waker is left");
    });
}

/// C6: the receiver changes its waker while the sender sends. It learns of the value from the later
/// waker or from its own poll, and neither waker is left.
#[test]
fn send_meets_another_waker() {
    model(|| {
        let (first, second) = (Task::new(), Task::new());
        let (tx, mut rx) = channel();
        assert!(poll_receiver(&mut rx, &first).is_pending());
        let sender = thread::spawn(move || tx.send(7));
        let polled = poll_receiver(&mut rx, &second);
        assert_eq!(sender.join().unwrap(), Ok(()));
        match polled {
            Poll::Ready(value) => assert_eq!(value, Some(7)),
            Poll::Pending => {
                assert!(second.was_woken(), "the latest waker is woken");
                assert_eq!(poll_receiver(&mut rx, &second), Poll::Ready(Some(7)));
            }
        }
        assert_eq!(Arc::strong_count(&first), 1, "no waker is left");
        assert_eq!(Arc::strong_count(&second), 1, "no waker is left");
    });
}

/// The copy of a waker that was replaced twice, so that its bit is set again, is not used.
#[test]
fn send_meets_two_other_wakers() {
    model(|| {
        let tasks = [Task::new(), Task::new()];
        let (tx, mut rx) = channel::<u8>();
        assert!(poll_receiver(&mut rx, &tasks[0]).is_pending());
        let sender = thread::spawn(move || drop(tx));
        let told = (1..=2).any(|i| poll_receiver(&mut rx, &tasks[i % 2]).is_ready());
        sender.join().unwrap();
        assert!(told || tasks[0].was_woken(), "the latest waker is woken");
        drop(rx);
        for task in tasks {
            assert_eq!(Arc::strong_count(&task), 1, "no waker is left");
        }
    });
}

/// A sender in `closed` is woken, whether the receiver closes or is dropped first.
#[test]
fn closed_meets_close_and_drop() {
    model(|| {
        let (mut tx, mut rx) = channel::<u8>();
        let receiver = thread::spawn(move || {
            rx.close();
            drop(rx);
        });
        block_on(tx.closed());
        assert_eq!(tx.send(7), Err(7));
        receiver.join().unwrap();
    });
}

/// The same with a waker that is replaced: the sender learns of the drop from the later waker or
/// from its own poll, and no waker is left.
#[test]
fn drop_of_the_receiver_meets_another_waker() {
    model(|| {
        let (first, second) = (Task::new(), Task::new());
        let (mut tx, rx) = channel::<u8>();
        assert!(poll_closed(&mut tx, &first).is_pending());
        let receiver = thread::spawn(move || drop(rx));
        let polled = poll_closed(&mut tx, &second);
        receiver.join().unwrap();
        assert!(polled.is_ready() || second.was_woken());
        drop(tx);
        assert_eq!(Arc::strong_count(&first), 1, "no waker is left");
        assert_eq!(Arc::strong_count(&second), 1, "no waker is left");
    });
}

/// Both sides wait and both are dropped: no waker is left, in either order.
#[test]
fn both_ends_go() {
    model(|| {
        let (sending, receiving) = (Task::new(), Task::new());
        let (mut tx, mut rx) = channel::<u8>();
        assert!(poll_closed(&mut tx, &sending).is_pending());
        assert!(poll_receiver(&mut rx, &receiving).is_pending());
        let sender = thread::spawn(move || drop(tx));
        drop(rx);
        sender.join().unwrap();
        let woken = (sending.was_woken(), receiving.was_woken());
        assert!(woken.0 != woken.1, "the one that went first woke the other");
        assert_eq!(Arc::strong_count(&sending), 1, "no waker is left");
        assert_eq!(Arc::strong_count(&receiving), 1, "no waker is left");
    });
}

/// The sender stores its waker while the receiver stores its own, then the value is sent.
#[test]
fn both_ends_wait() {
    model(|| {
        let (sending, receiving) = (Task::new(), Task::new());
        let (mut tx, mut rx) = channel();
        let sender = thread::spawn({
            let sending = Arc::clone(&sending);
            move || {
                assert!(poll_closed(&mut tx, &sending).is_pending());
                tx.send(7)
            }
        });
        let polled = poll_receiver(&mut rx, &receiving);
        assert_eq!(sender.join().unwrap(), Ok(()));
        if polled.is_pending() {
            assert!(receiving.was_woken());
            assert_eq!(poll_receiver(&mut rx, &receiving), Poll::Ready(Some(7)));
        }
        assert!(!sending.was_woken(), "the receiver is not closed");
        assert_eq!(Arc::strong_count(&sending), 1, "no waker is left");
        assert_eq!(Arc::strong_count(&receiving), 1, "no waker is left");
    });
}

/// The next round begins while the sender of the last one is sending: either it sent in time and
/// its value is dropped, or it gets the value back. The next round receives its own.
#[test]
fn a_stale_send_meets_the_next_round() {
    model(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let mut reply = Reusable::new();
        let stale = reply.sender();
        let payload = Payload(Arc::clone(&drops));
        let sender = thread::spawn(move || stale.send(payload).is_ok());
        let next = reply.sender();
        assert!(matches!(reply.try_recv(), Ok(None)), "nothing was sent in this round");
        assert!(next.send(Payload(Arc::clone(&drops))).is_ok());
        let _ = sender.join().unwrap();
        // ORDERING: Relaxed, no pair: the thread was joined.
        assert_eq!(drops.load(Ordering::Relaxed), 1, "the stale one, once");
        assert!(matches!(reply.try_recv(), Ok(Some(_))));
    });
}

/// Two rounds on one allocation: what the first sender wrote, wakers included, does not come into
/// the second.
#[test]
fn two_rounds_in_a_row() {
    model(|| {
        let task = Task::new();
        let mut reply = Reusable::new();
        for round in 0..2 {
            let mut tx = reply.sender();
            let closing = Arc::clone(&task);
            let sender = thread::spawn(move || {
                assert!(poll_closed(&mut tx, &closing).is_pending());
                tx.send(Box::new(round)).expect("the receiver waits");
            });
            assert_eq!(block_on(reply.recv()), Ok(Box::new(round)));
            sender.join().unwrap();
        }
        drop(reply);
        assert_eq!(Arc::strong_count(&task), 1, "no waker is left");
        assert!(!task.was_woken());
    });
}

/// A sender that is dropped meets the receiver that waits, ends the round or begins another.
#[test]
fn the_drop_of_a_sender_meets_rounds() {
    model(|| {
        let mut reply = Reusable::<u8>::new();
        let tx = reply.sender();
        let sender = thread::spawn(move || drop(tx));
        assert_eq!(block_on(reply.recv()), Err(ReplyError::Dropped));
        sender.join().unwrap();
        let tx = reply.sender();
        let sender = thread::spawn(move || drop(tx));
        reply.cancel();
        drop(reply.sender());
        sender.join().unwrap();
    });
}

/// Two threads get and give back; one of them gives up its request. A model has one slot, so that
/// one of two at a time is kept beside it.
#[test]
fn a_pool_is_shared() {
    model(|| {
        let shared = crate::prim::Arc::new((Pool::new(2), AtomicBool::new(false)));
        let other = crate::prim::Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let (pool, step) = &*other;
            let mut reply = pool.get();
            // ORDERING: Relaxed, no pair: a step at which the other one may come.
            step.swap(true, Ordering::Relaxed);
            assert!(reply.sender().send(1).is_ok());
            assert_eq!(reply.try_recv(), Ok(Some(1)));
        });
        let (pool, step) = &*shared;
        let mut reply = pool.get();
        // ORDERING: Relaxed, no pair: as above.
        step.swap(true, Ordering::Relaxed);
        let tx = reply.sender();
        drop(reply);
        assert_eq!(tx.send(2), Err(2));
        thread.join().unwrap();
        assert!(pool.idle() <= 2);
    });
}
