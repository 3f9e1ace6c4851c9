//! Every channel where there is neither a thread nor a clock: `cargo xtask targets wasm32` compiles this
//! to WebAssembly and calls [`run`]; a check that fails ends it. `cargo xtask test` runs the same at home.
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts its wakes.
#[derive(Default)]
struct Tally(AtomicU32);

impl Wake for Tally {
    fn wake(self: Arc<Self>) {
        // ORDERING: Relaxed, no pair: one thread.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls `future`, which waits; does `event`, which wakes it; and gives what it gives then.
fn wait_for<F: Future>(future: F, event: impl FnOnce()) -> F::Output {
    let mut future = pin!(future);
    let tally = Arc::<Tally>::default();
    let waker = Waker::from(Arc::clone(&tally));
    let mut cx = Context::from_waker(&waker);
    assert!(future.as_mut().poll(&mut cx).is_pending(), "there is nothing yet");
    event();
    // ORDERING: Relaxed, no pair: one thread.
    assert_eq!(tally.0.load(Ordering::Relaxed), 1, "woken once");
    match future.poll(&mut cx) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("woken for nothing"),
    }
}

/// Polls `future` once and drops it.
fn cancel<F: Future>(future: F) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(future).poll(&mut cx).is_pending(), "there is nothing yet");
}

fn mpsc_works() {
    let (tx, mut rx) = mpsc::channel(2);
    assert_eq!(wait_for(rx.recv(), || tx.try_send(1).unwrap()), Some(1));
    // Past the first segment, which is in the channel itself, and round.
    for i in 0..1_000 {
        tx.try_send(i).unwrap();
        tx.try_send(i + 1).unwrap();
        cancel(tx.send(0));
        assert_eq!(rx.try_recv(), Ok(i));
        assert_eq!(rx.try_recv(), Ok(i + 1));
    }
    let permits = tx.try_reserve_many(2).unwrap();
    let reserved = wait_for(tx.reserve(), || drop(permits));
    reserved.unwrap().send(7);
    assert_eq!(rx.try_recv(), Ok(7));
    assert_eq!(wait_for(rx.recv(), || drop(tx)), None);

    let (tx, mut rx) = mpsc::unbounded_channel();
    (0..10_000).for_each(|i: u64| tx.send(i).unwrap());
    assert!((0..10_000).all(|i| rx.try_recv() == Ok(i)));
}

fn mpmc_works() {
    let (tx, rx) = mpmc::channel(1);
    let other = rx.clone();
    cancel(rx.recv());
    assert_eq!(wait_for(other.recv(), || tx.try_send(1).unwrap()), Some(1));
    tx.try_send(2).unwrap();
    wait_for(tx.send(3), || assert_eq!(rx.try_recv(), Ok(2))).unwrap();
    assert_eq!(other.try_recv(), Ok(3));
    wait_for(tx.closed(), || rx.close());
    assert!(tx.try_send(4).is_err());
}

fn oneshot_works() {
    let (tx, rx) = oneshot::channel();
    assert_eq!(wait_for(rx, || tx.send(5).unwrap()), Ok(5));
    let (mut tx, rx) = oneshot::channel::<u8>();
    wait_for(tx.closed(), || drop(rx));
    assert_eq!(tx.send(6), Err(6));
}

fn broadcast_works() {
    let (tx, mut rx) = broadcast::channel(2);
    let mut other = tx.subscribe();
    assert_eq!(wait_for(rx.recv(), || assert_eq!(tx.send(1).unwrap(), 2)), Ok(1));
    for i in 2..100 {
        tx.send(i).unwrap();
        assert_eq!(rx.try_recv(), Ok(i));
    }
    assert_eq!(other.try_recv(), Err(broadcast::error::TryRecvError::Lagged(97)));
    assert_eq!(other.try_recv(), Ok(98));
}

fn watch_works() {
    let (tx, mut rx) = watch::channel(1);
    wait_for(rx.changed(), || tx.send(2).unwrap()).unwrap();
    let old = rx.borrow();
    tx.send(3).unwrap();
    tx.send_modify(|value| *value += 1);
    assert_eq!((*old, *rx.borrow()), (2, 4));
    drop(old);
    wait_for(tx.closed(), || drop(rx));
}

const CHECKS: [fn(); 5] = [mpsc_works, mpmc_works, oneshot_works, broadcast_works, watch_works];

/// Checks every channel, and gives how many there are.
// No other function of this name is linked in: this library is the whole program.
#[unsafe(no_mangle)]
pub extern "C" fn run() -> u32 {
    CHECKS.iter().map(|check| check()).count() as u32
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_channel_works() {
        assert_eq!(super::run(), 5);
    }
}
