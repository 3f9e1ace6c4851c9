//! What channels are used for until they rely on the system call, and after.

use levada::{broadcast, mpmc, mpsc, watch};
use std::thread;

/// More than the messages after which a channel relies on the system call.
const CALM: u16 = 5_000;
/// More than the looks after which a value can be looked at without a lock.
const READS: u32 = 60_000;
const MESSAGES: u32 = 2_000;

/// A channel of this capacity over which so many messages went that nobody waited to send.
pub(crate) fn calm_mpsc(capacity: usize) -> (mpsc::Sender<u32>, mpsc::Receiver<u32>) {
    let (tx, mut rx) = mpsc::channel(capacity);
    for _ in 0..CALM {
        tx.try_send(1).unwrap();
        assert_eq!(rx.try_recv(), Ok(1));
    }
    (tx, rx)
}

/// The same of broadcast.
pub(crate) fn calm_broadcast() -> (broadcast::Sender<u32>, broadcast::Receiver<u32>) {
    let (tx, mut rx) = broadcast::channel(4);
    for _ in 0..CALM {
        tx.send(1).unwrap();
        assert_eq!(rx.try_recv(), Ok(1));
    }
    (tx, rx)
}

/// A value that was read often enough to be exposed to readers without a lock.
pub(crate) fn exposed_watch() -> (watch::Sender<u32>, watch::Receiver<u32>) {
    let (tx, rx) = watch::channel(1);
    assert_eq!((0..READS).map(|_| *rx.borrow()).sum::<u32>(), READS);
    (tx, rx)
}

/// All of these, by one thread.
pub(crate) fn on_one_thread() {
    let (tx, rx) = exposed_watch();
    tx.send(2).unwrap();
    assert_eq!(*rx.borrow(), 2);
    drop((calm_mpsc(1), calm_broadcast()));
}

/// Every message of senders that wait for a receiver that waits for them is received.
pub(crate) fn between_threads(tx: mpsc::Sender<u32>, mut rx: mpsc::Receiver<u32>) {
    thread::scope(|scope| {
        for _ in 0..2 {
            let tx = tx.clone();
            scope.spawn(move || (0..MESSAGES).for_each(|n| tx.blocking_send(n).unwrap()));
        }
        drop(tx);
        let (mut count, mut sum) = (0, 0);
        while let Some(n) = rx.blocking_recv() {
            count += 1;
            sum += u64::from(n);
        }
        assert_eq!(count, 2 * MESSAGES);
        assert_eq!(sum, u64::from(MESSAGES) * u64::from(MESSAGES - 1));
    });
}

/// Receivers that get in each other's way get every message.
pub(crate) fn among_receivers(tx: broadcast::Sender<u32>, rx: broadcast::Receiver<u32>) {
    const ROUNDS: u32 = 2_000;
    let (done, dones) = mpmc::channel(2);
    thread::scope(|scope| {
        for mut rx in [rx.resubscribe(), rx] {
            let done = done.clone();
            scope.spawn(move || {
                for n in 0..ROUNDS {
                    assert_eq!(rx.blocking_recv(), Ok(n));
                    done.blocking_send(()).unwrap();
                }
            });
        }
        for n in 0..ROUNDS {
            assert_eq!(tx.send(n).unwrap(), 2);
            (0..2).for_each(|_| dones.blocking_recv().unwrap());
        }
    });
}

/// Channels of every kind, new ones, with threads that wait for one another.
pub(crate) fn on_threads() {
    on_one_thread();
    let (tx, rx) = mpsc::channel(1);
    between_threads(tx, rx);
    let (tx, rx) = calm_broadcast();
    among_receivers(tx, rx);
}
