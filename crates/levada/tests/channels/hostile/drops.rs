//! Messages that panic when they are dropped, or cloned, at each place in turn: the others are
//! dropped once each, and whoever waits is told (C30).

use levada::{broadcast, mpmc, mpsc, oneshot};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// A message that can be cloned, and panics at a place in its life.
struct Fragile {
    value: usize,
    panics_when_dropped: bool,
    panics_when_cloned: bool,
    clones: Arc<AtomicUsize>,
    _alive: Drops,
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(!self.panics_when_cloned, "this message panics");
        // ORDERING: SeqCst, no pair: a test counts.
        self.clones.fetch_add(1, Ordering::SeqCst);
        Self {
            panics_when_dropped: false,
            clones: Arc::clone(&self.clones),
            _alive: self._alive.message(),
            ..*self
        }
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(!self.panics_when_dropped, "this message panics");
    }
}

/// What becomes of the sender's original when it panics on being overwritten, or with the channel.
#[test]
fn broadcast_messages_are_dropped() {
    const CAPACITY: usize = 16;
    for armed in 0..3 * CAPACITY {
        let (alive, clones) = (Drops::default(), Arc::default());
        let (tx, mut rx) = broadcast::channel(CAPACITY);
        let mut slow = tx.subscribe();
        let mut panicked = 0;
        for value in 0..3 * CAPACITY {
            let message = Fragile {
                value,
                panics_when_dropped: value == armed,
                panics_when_cloned: false,
                clones: Arc::clone(&clones),
                _alive: alive.message(),
            };
            panicked += usize::from(panics(|| assert!(tx.send(message).is_ok())));
            // It arrived, whether the one it came in place of panicked or not.
            assert_eq!(rx.try_recv().unwrap().value, value);
        }
        assert!(matches!(slow.try_recv(), Err(broadcast::error::TryRecvError::Lagged(_))));
        panicked += usize::from(panics(|| drop(rx)));
        panicked += usize::from(panics(|| drop(slow)));
        panicked += usize::from(panics(|| drop(tx)));
        assert_eq!((panicked, alive.alive()), (1, 0), "message {armed} is armed");
    }
}

/// A clone that panics is its receiver's misfortune: it has passed the message, the others get
/// theirs.
#[test]
fn broadcast_clones_panic() {
    const RECEIVERS: usize = 8;
    for armed in 0..MESSAGES {
        let (alive, clones) = (Drops::default(), Arc::default());
        let (tx, rx) = broadcast::channel(MESSAGES);
        let mut receivers: Vec<_> = (0..RECEIVERS).map(|_| rx.resubscribe()).collect();
        drop(rx);
        for value in 0..MESSAGES {
            let sent = tx.send(Fragile {
                value,
                panics_when_dropped: false,
                panics_when_cloned: value == armed,
                clones: Arc::clone(&clones),
                _alive: alive.message(),
            });
            assert!(sent.is_ok());
        }
        let mut panicked = 0;
        for rx in &mut receivers {
            for value in 0..MESSAGES {
                let mut received = None;
                if panics(|| received = rx.try_recv().ok()) {
                    assert_eq!(value, armed, "only the armed one panics");
                    panicked += 1;
                } else {
                    assert_eq!(received.map(|message| message.value), Some(value));
                }
            }
        }
        assert!(panicked >= RECEIVERS - 1, "all but the last have to clone it");
        drop((tx, receivers));
        assert_eq!(alive.alive(), 0, "message {armed} is armed");
    }
}
