//! What is recorded is freed with the channels, but for tables of the program, which keep the size
//! that they once needed.
//!
//! A program of its own: a snapshot in another thread may be the last to hold what it reads.
#![cfg(feature = "observe")]

use levada::{broadcast, mpmc, mpsc, observe, oneshot, watch};
use std::ops::Range;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use support::{counted, poll_now};

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;

/// Both tests look at tables of the program.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that is recorded of a channel, and then its end.
fn use_all() {
    let (tx, mut rx) = mpsc::channel(1);
    let other = tx.clone();
    assert!(poll_now(pin!(rx.recv())).is_pending());
    for message in 0..200 {
        assert!(tx.try_send(message).is_ok());
        assert!(poll_now(pin!(other.send(0))).is_pending());
        assert!(rx.try_recv().is_ok());
    }
    let (tx, rx) = mpmc::channel(1);
    assert!(poll_now(pin!(rx.recv())).is_pending());
    assert!(tx.try_send(1).is_ok());
    let (tx, mut rx) = broadcast::channel(2);
    assert!(poll_now(pin!(rx.recv())).is_pending());
    assert!(tx.send(1).is_ok());
    let (tx, mut rx) = watch::channel(0);
    assert!(poll_now(pin!(rx.changed())).is_pending());
    assert!(tx.send(1).is_ok());
    let (_tx, rx) = oneshot::channel::<u32>();
    assert!(poll_now(pin!(rx)).is_pending());
}

#[test]
fn nothing_stays_of_a_channel() {
    let _turn = turn();
    // The tables grow, in all their shards.
    for _ in 0..100 {
        use_all();
    }
    let (_, bytes, allocations) = counted(|| (0..100).for_each(|_| use_all()));
    assert!(allocations >= 500, "{allocations}");
    assert_eq!(bytes, 0, "something stays");
}

/// Of channels that ended, the totals stay; but not of names without end.
#[test]
fn many_names_share_the_total_of_their_line() {
    const FULL: u64 = 40_000;
    const MORE: u64 = 1_000;
    let _turn = turn();
    let use_names = |names: Range<u64>| {
        for name in names {
            let (tx, _rx) = mpsc::builder(1).named(format!("connection {name}")).build();
            assert!(tx.try_send(name).is_ok());
        }
    };
    use_names(0..FULL);
    let (_, bytes, _) = counted(|| use_names(FULL..FULL + MORE));
    assert_eq!(bytes, 0, "something stays");
    let mut ended = observe::snapshot().ended;
    ended.retain(|ended| ended.origin.message() == "u64");
    assert!((256..FULL as usize).contains(&ended.len()), "{}", ended.len());
    assert_eq!(ended.iter().map(|ended| ended.channels).sum::<u64>(), FULL + MORE);
    assert_eq!(ended.iter().map(|ended| ended.sent).sum::<u64>(), FULL + MORE);
}
