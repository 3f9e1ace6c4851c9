//! Messages that panic when they are dropped, or cloned, at each place in turn: the others are
//! dropped once each, and whoever waits is told (C30).

use levada::{broadcast, mpmc, mpsc, oneshot};
use std::panic::{AssertUnwindSafe, catch_unwind};
use support::{Drops, Ledger, Message, Task};

/// Past the eight that fit into the channel itself, and past the first segments.
const MESSAGES: usize = 100;

/// Panics when it is dropped, if it is armed; its message is counted all the same.
struct Bomb {
    armed: bool,
    _message: Message,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.armed, "this message panics");
    }
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// Runs `check` with the bombs of a ledger, one of them armed, for each place.
fn each_place(check: impl Fn(Vec<Bomb>)) {
    for armed in 0..MESSAGES {
        let ledger = Ledger::new(MESSAGES);
        check((0..MESSAGES).map(|i| bomb(&ledger, i == armed)).collect());
        assert_eq!(ledger.made(), MESSAGES);
        ledger.settle();
    }
}

fn bomb(ledger: &Ledger, armed: bool) -> Bomb {
    Bomb { armed, _message: ledger.message() }
}

#[test]
fn mpsc_receiver_goes() {
    each_place(|bombs| {
        let (tx, rx) = mpsc::unbounded_channel();
        bombs.into_iter().for_each(|bomb| assert!(tx.send(bomb).is_ok()));
        let mut closed = Task::waiting(tx.closed());
        assert!(panics(|| drop(rx)));
        assert!(closed.is_woken() && closed.poll().is_ready());
    });
    each_place(|bombs| {
        let (tx, rx) = mpsc::channel(MESSAGES);
        bombs.into_iter().for_each(|bomb| assert!(tx.try_send(bomb).is_ok()));
        let mut reserve = Task::waiting(tx.reserve());
        assert!(panics(|| drop(rx)));
        assert!(reserve.is_woken() && reserve.poll().is_ready());
    });
}

/// The messages are the last receiver's to drop, or the late sender's.
#[test]
fn mpsc_sender_goes_last() {
    each_place(|bombs| {
        let (tx, mut rx) = mpsc::channel(MESSAGES);
        let mut permits = tx.try_reserve_many(MESSAGES).unwrap();
        rx.close();
        drop(rx);
        let mut panicked = 0;
        for bomb in bombs {
            let permit = permits.next().unwrap();
            panicked += usize::from(panics(|| permit.send(bomb)));
        }
        drop(permits);
        panicked += usize::from(panics(|| drop(tx)));
        assert_eq!(panicked, 1, "one is armed");
    });
}

#[test]
fn mpmc_last_receiver_goes() {
    each_place(|bombs| {
        let (tx, rx) = mpmc::unbounded_channel();
        bombs.into_iter().for_each(|bomb| assert!(tx.send(bomb).is_ok()));
        let other = rx.clone();
        drop(rx);
        let mut closed = Task::waiting(tx.closed());
        assert!(panics(|| drop(other)));
        assert!(closed.is_woken() && closed.poll().is_ready());
    });
}

/// A batch that is received is the receiver's, also the message it panics with.
#[test]
fn a_batch_is_dropped_by_its_owner() {
    each_place(|bombs| {
        let (tx, mut rx) = mpsc::channel(MESSAGES);
        bombs.into_iter().for_each(|bomb| assert!(tx.try_send(bomb).is_ok()));
        let mut batch = Vec::new();
        assert!(support::poll_now(rx.recv_many(&mut batch, MESSAGES)).is_ready());
        assert_eq!(batch.len(), MESSAGES);
        assert!(panics(|| drop(batch)));
        assert_eq!((tx.capacity(), rx.len()), (MESSAGES, 0));
    });
}

/// A receiver that is dropped by a panic drops its messages there and then, although senders are
/// left.
#[test]
fn a_panic_drops_the_receiver() {
    fn unwound<R>(receiver: R) {
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _receiver = receiver;
            panic!("first");
        }));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"first"));
    }
    let alive = Drops::default();
    let messages = || std::iter::repeat_with(|| alive.message()).take(MESSAGES);
    let (bounded, rx) = mpsc::channel(MESSAGES);
    messages().for_each(|message| assert!(bounded.try_send(message).is_ok()));
    unwound(rx);
    let (unbounded, rx) = mpsc::unbounded_channel();
    messages().for_each(|message| assert!(unbounded.send(message).is_ok()));
    unwound(rx);
    let (shared, rx) = mpmc::channel(MESSAGES);
    messages().for_each(|message| assert!(shared.try_send(message).is_ok()));
    unwound([rx.clone(), rx]);
    let (to_all, rx) = broadcast::channel(MESSAGES);
    messages().for_each(|message| assert!(to_all.send(message).is_ok()));
    unwound([rx.resubscribe(), rx]);
    let (once, rx) = oneshot::channel();
    assert!(once.send(alive.message()).is_ok());
    unwound(rx);
    assert_eq!(alive.alive(), 0);
    assert!(bounded.is_closed() && unbounded.is_closed() && shared.is_closed());
}

/// A message that always panics when it is dropped.
#[derive(Debug)]
struct Live;

impl Drop for Live {
    fn drop(&mut self) {
        panic!("a message is dropped");
    }
}

/// tokio #8560: the message of a permit is dropped, since no receiver is left, and panics. The
/// permit comes back once.
#[test]
fn a_permit_whose_message_panics_comes_back_once() {
    let (tx, rx) = mpsc::channel(2);
    let (first, second) = (tx.try_reserve().unwrap(), tx.try_reserve().unwrap());
    drop(rx);
    assert!(catch_unwind(AssertUnwindSafe(|| first.send(Live))).is_err());
    assert_eq!(tx.capacity(), 1);
    drop(second);
    assert_eq!(tx.capacity(), 2);

    let (tx, rx) = mpmc::channel(2);
    let (first, second) = (tx.try_reserve().unwrap(), tx.try_reserve().unwrap());
    drop(rx);
    assert!(catch_unwind(AssertUnwindSafe(|| first.send(Live))).is_err());
    assert_eq!(tx.capacity(), 1);
    drop(second);
    assert_eq!(tx.capacity(), 2);
}
