//! Models of the protocol: what several threads may do at once.
#![forbid(unsafe_code)]

use super::error::RecvError;
use super::{Receiver, Sender};
use crate::broadcast;
use crate::prim::{Arc, UnsafeCell, block_on, model, thread};
use core::task::{Context, Waker};

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

/// Sends what has the ids from `first` to `last`, and waits each time.
fn send(tx: &Sender<Message>, ids: core::ops::Range<usize>, alive: &Arc<()>) {
    for id in ids {
        assert!(block_on(tx.send(Message::new(id, alive))).is_ok(), "there is a receiver");
    }
}

/// Receives to the end; gives how many messages came or were missed. Ids are positions.
fn drain(rx: &mut Receiver<Message>) -> (usize, RecvError) {
    let mut total = 0;
    loop {
        match block_on(rx.recv()) {
            Ok(message) => {
                assert_eq!(message.id, total, "in order, each once");
                total += 1;
            }
            Err(RecvError::Lagged(missed)) => {
                assert!(!rx.is_member(), "a member misses nothing");
                total += usize::try_from(missed).expect("few were sent");
            }
            Err(end) => return (total, end),
        }
    }
}

fn in_thread(mut rx: Receiver<Message>, expected: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || assert_eq!(drain(&mut rx), (expected, RecvError::Closed)))
}

/// Asserts that every message was dropped, once nothing can hold one any more.
fn all_dropped(mut alive: Arc<()>) {
    assert!(Arc::get_mut(&mut alive).is_some(), "every message was dropped");
}

/// I3: the sender waits for a member that moves, whenever that is, and is woken.
#[test]
fn a_sender_waits_for_a_member() {
    model(|| {
        let alive = Arc::new(());
        let (tx, rx) = broadcast::lossless(1);
        let receiver = in_thread(rx, 3);
        send(&tx, 0..3, &alive);
        drop(tx);
        receiver.join().unwrap();
        all_dropped(alive);
    });
}

/// I1, I3: it waits for both, whichever is the slower one, and both get everything.
#[test]
fn a_sender_waits_for_two_members() {
    model(|| {
        let alive = Arc::new(());
        let (tx, first) = broadcast::lossless(1);
        let second = tx.subscribe();
        send(&tx, 0..1, &alive);
        // Not to the end: that would be more executions than can be explored.
        let receivers = [first, second].map(|mut rx| {
            thread::spawn(move || {
                assert!(rx.try_recv().is_ok_and(|message| message.id == 0));
                rx
            })
        });
        send(&tx, 1..2, &alive);
        for receiver in receivers {
            let mut rx = receiver.join().unwrap();
            assert!(rx.try_recv().is_ok_and(|message| message.id == 1));
        }
        drop(tx);
        all_dropped(alive);
    });
}

/// An observer beside a member: the sender waits for one of them, and what the other missed adds
/// up.
#[test]
fn an_observer_holds_nobody_back() {
    model(|| {
        let alive = Arc::new(());
        let (tx, mut member) = broadcast::lossless(1);
        let observer = in_thread(tx.subscribe_lossy(), 2);
        for id in 0..2 {
            send(&tx, id..id + 1, &alive);
            assert_eq!(member.try_recv().map_err(drop).map(|message| message.id), Ok(id));
        }
        drop(tx);
        observer.join().unwrap();
        drop(member);
        all_dropped(alive);
    });
}

/// I3: a member that goes while the sender is about to wait for it frees the sender.
#[test]
fn a_member_goes() {
    model(|| {
        let alive = Arc::new(());
        let (tx, mut rx) = broadcast::lossless(1);
        let stuck = tx.subscribe();
        send(&tx, 0..1, &alive);
        assert!(rx.try_recv().is_ok());
        let goes = thread::spawn(move || drop(stuck));
        send(&tx, 1..2, &alive);
        goes.join().unwrap();
        assert!(rx.try_recv().is_ok());
        drop((tx, rx));
        all_dropped(alive);
    });
}

/// I4: the last receiver goes while the sender is about to wait.
#[test]
fn the_last_receiver_goes() {
    model(|| {
        let alive = Arc::new(());
        let (tx, rx) = broadcast::lossless(1);
        send(&tx, 0..1, &alive);
        let goes = thread::spawn(move || drop(rx));
        // It is sent just before, or it comes back.
        drop(block_on(tx.send(Message::new(1, &alive))));
        goes.join().unwrap();
        drop(tx);
        all_dropped(alive);
    });
}

/// A member is evicted while it receives, or waits, or is about to: the sender goes on, and the
/// member gets what it gets in order and then learns of it.
#[test]
fn a_member_is_evicted() {
    model(|| {
        let alive = Arc::new(());
        let (tx, mut rx) = broadcast::lossless(1);
        let id = rx.id();
        let observer = tx.subscribe_lossy();
        send(&tx, 0..1, &alive);
        let member = thread::spawn(move || {
            let (received, end) = drain(&mut rx);
            assert!(received <= 2 && end == RecvError::Evicted);
        });
        assert!(tx.evict(id));
        send(&tx, 1..2, &alive);
        member.join().unwrap();
        drop((tx, observer));
        all_dropped(alive);
    });
}

/// An observer is evicted while it lags. What it missed is counted once: in `Lagged`, or in `lag`
/// if it gets `Evicted`.
#[test]
fn an_observer_that_lags_is_evicted() {
    model(|| {
        let (tx, member) = broadcast::lossless(1);
        drop(member);
        let mut observer = tx.subscribe_lossy();
        for id in 0..3 {
            tx.try_send(id).unwrap();
        }
        let id = observer.id();
        let receiver = thread::spawn(move || {
            let missed = match block_on(observer.recv()) {
                Err(RecvError::Lagged(missed)) => missed,
                other => {
                    assert_eq!(other, Err(RecvError::Evicted));
                    0
                }
            };
            assert_eq!(missed + observer.lag(), 3);
            observer
        });
        assert!(tx.evict(id));
        receiver.join().unwrap();
    });
}

/// A send that was served and is cancelled passes its turn on.
#[test]
fn a_cancelled_send_passes_its_turn_on() {
    model(|| {
        let alive = Arc::new(());
        let (tx, mut rx) = broadcast::lossless(1);
        send(&tx, 0..1, &alive);
        let mut cancelled = Box::pin(tx.send(Message::new(9, &alive)));
        assert!(cancelled.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let receiver = thread::spawn(move || {
            assert!(rx.try_recv().is_ok());
            rx
        });
        let (other, alive_there) = (tx.clone(), Arc::clone(&alive));
        let sender = thread::spawn(move || send(&other, 1..2, &alive_there));
        drop(cancelled);
        sender.join().unwrap();
        let mut rx = receiver.join().unwrap();
        assert!(rx.try_recv().is_ok_and(|message| message.id == 1));
        drop((tx, rx));
        all_dropped(alive);
    });
}
