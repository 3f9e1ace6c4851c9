//! Messages that panic when they are dropped, or cloned, at each place in turn (C30).

use levada::broadcast;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::Drops;

const MESSAGES: usize = 100;

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
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
fn messages_are_dropped() {
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
fn clones_panic() {
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
