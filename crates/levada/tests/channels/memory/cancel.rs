//! Waits that are given up, a million of each: the heap is as before, and nobody keeps a waker
//! (C9, C10, C29).

use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use support::{Tally, counted};

const ROUNDS: usize = if cfg!(miri) { 50 } else { 1_000_000 };

/// Two wakers, one after the other, as a future sees them that moves from task to task.
struct Tasks {
    tallies: [Arc<Tally>; 2],
    wakers: [Waker; 2],
}

impl Tasks {
    fn new() -> Self {
        let tallies = [Arc::new(Tally::default()), Arc::new(Tally::default())];
        let wakers = [0, 1].map(|i| Waker::from(Arc::clone(&tallies[i])));
        Self { tallies, wakers }
    }

    /// Starts a wait and gives it up: before its first poll, after it, or on another task.
    fn give_up<F: Future>(&self, round: usize, wait: F) {
        let mut wait = pin!(wait);
        for waker in &self.wakers[..round % 3] {
            assert!(wait.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
        }
    }

    /// Starts a wait, lets it be granted what it waits for, and gives it up all the same.
    fn give_up_granted<F: Future>(&self, wait: F, grant: impl FnOnce()) {
        let mut wait = pin!(wait);
        assert!(wait.as_mut().poll(&mut Context::from_waker(&self.wakers[0])).is_pending());
        grant();
    }

    /// How many wakers somebody else keeps.
    fn kept(&self) -> usize {
        self.tallies.iter().map(|tally| Arc::strong_count(tally) - 2).sum()
    }

    #[track_caller]
    fn assert_none_kept(&self) {
        assert_eq!(self.kept(), 0, "wakers are kept");
    }
}

/// Runs the rounds while the ends of the channel live on.
#[track_caller]
fn leaves_nothing(name: &str, round: impl FnMut(&Tasks, usize)) {
    let (tasks, bytes) = run(round);
    assert_eq!(bytes, 0, "{name}: the heap grew in {ROUNDS} rounds");
    tasks.assert_none_kept();
}

/// The same for waits that look at a value of watch, as often as makes the thread put up a board:
/// one, of a cache line, once in its life.
#[track_caller]
fn leaves_a_board(name: &str, round: impl FnMut(&Tasks, usize)) {
    // The first thread that does so also asks, for the process, what the system can do.
    let first = thread::spawn(|| {
        let (_tx, rx) = watch::channel(0);
        (0..ROUNDS).for_each(|_| drop(rx.borrow()));
    });
    first.join().expect("it only looks");
    let (tasks, bytes) = run(round);
    assert!((0..=64).contains(&bytes), "{name}: the heap grew by {bytes} in {ROUNDS} rounds");
    tasks.assert_none_kept();
}

/// The same where the endpoint itself, not the wait, keeps the last waker (as tokio's does): it
/// goes with the endpoint.
#[track_caller]
fn leaves_one_waker<E>(name: &str, mut endpoint: E, mut round: impl FnMut(&mut E, &Tasks, usize)) {
    let (tasks, bytes) = run(|tasks, i| round(&mut endpoint, tasks, i));
    assert_eq!(bytes, 0, "{name}: the heap grew in {ROUNDS} rounds");
    assert!(tasks.kept() <= 1, "{name}: {} wakers are kept", tasks.kept());
    drop(endpoint);
    tasks.assert_none_kept();
}

/// Runs the rounds, and tells by how many bytes the heap grew.
fn run(mut round: impl FnMut(&Tasks, usize)) -> (Tasks, isize) {
    let tasks = Tasks::new();
    // What the first wait allocates once, and keeps until the channel goes, is not growth; nor what
    // a process does once, for a channel that many messages went through.
    (0..2_000).for_each(|i| round(&tasks, i));
    let ((), bytes, _) = counted(|| (0..ROUNDS).for_each(|i| round(&tasks, i)));
    (tasks, bytes)
}

#[test]
fn mpsc_receives() {
    let (_tx, rx) = mpsc::channel::<u64>(4);
    leaves_one_waker("recv", rx, |rx, tasks, i| tasks.give_up(i, rx.recv()));
    let (_tx, rx) = mpsc::channel::<u64>(4);
    let mut buffer = Vec::with_capacity(4);
    leaves_one_waker("recv_many", rx, |rx, tasks, i| {
        tasks.give_up(i, rx.recv_many(&mut buffer, 4));
    });
    let (tx, rx) = mpsc::channel(4);
    leaves_one_waker("recv, woken", rx, |rx, tasks, i| {
        tasks.give_up_granted(rx.recv(), || tx.try_send(i).unwrap());
        assert_eq!(rx.try_recv(), Ok(i));
    });
    let (_tx, rx) = mpsc::unbounded_channel::<u64>();
    leaves_one_waker("unbounded recv", rx, |rx, tasks, i| tasks.give_up(i, rx.recv()));
}

#[test]
fn mpsc_sends() {
    let (tx, mut rx) = mpsc::channel(2);
    leaves_nothing("closed", |tasks, i| tasks.give_up(i, tx.closed()));
    while tx.try_send(Box::new(0)).is_ok() {}
    leaves_nothing("send", |tasks, i| tasks.give_up(i, tx.send(Box::new(i))));
    leaves_nothing("reserve", |tasks, i| tasks.give_up(i, tx.reserve()));
    leaves_nothing("reserve_many", |tasks, i| tasks.give_up(i, tx.reserve_many(1 + i % 2)));
    leaves_nothing("reserve_owned", |tasks, i| tasks.give_up(i, tx.clone().reserve_owned()));
    leaves_nothing("send, granted", |tasks, i| {
        tasks.give_up_granted(tx.send(Box::new(i)), || drop(rx.try_recv().unwrap()));
        tx.try_send(Box::new(i)).unwrap();
    });
    assert_eq!(tx.strong_count(), 1);
    let (tx, _rx) = mpsc::unbounded_channel::<u64>();
    leaves_nothing("unbounded closed", |tasks, i| tasks.give_up(i, tx.closed()));
}

#[test]
fn mpmc_receives() {
    let (tx, rx) = mpmc::channel::<u64>(4);
    let mut buffer = Vec::with_capacity(4);
    leaves_nothing("recv", |tasks, i| tasks.give_up(i, rx.recv()));
    leaves_nothing("recv_many", |tasks, i| tasks.give_up(i, rx.recv_many(&mut buffer, 4)));
    leaves_nothing("recv, woken", |tasks, i| {
        tasks.give_up_granted(rx.recv(), || tx.try_send(i as u64).unwrap());
        assert_eq!(rx.try_recv(), Ok(i as u64));
    });
    let (_tx, rx) = mpmc::unbounded_channel::<u64>();
    leaves_nothing("unbounded recv", |tasks, i| tasks.give_up(i, rx.clone().recv()));
}

#[test]
fn mpmc_sends() {
    let (tx, rx) = mpmc::channel(2);
    leaves_nothing("closed", |tasks, i| tasks.give_up(i, tx.closed()));
    while tx.try_send(Box::new(0)).is_ok() {}
    leaves_nothing("send", |tasks, i| tasks.give_up(i, tx.send(Box::new(i))));
    leaves_nothing("reserve", |tasks, i| tasks.give_up(i, tx.reserve()));
    leaves_nothing("reserve_many", |tasks, i| tasks.give_up(i, tx.reserve_many(1 + i % 2)));
    leaves_nothing("reserve_owned", |tasks, i| tasks.give_up(i, tx.clone().reserve_owned()));
    leaves_nothing("send, granted", |tasks, i| {
        tasks.give_up_granted(tx.send(Box::new(i)), || drop(rx.try_recv().unwrap()));
        tx.try_send(Box::new(i)).unwrap();
    });
}

/// A oneshot's `recv` is the receiver itself, so giving it up is letting go of the channel.
#[test]
fn oneshot_waits() {
    let (tx, _rx) = oneshot::channel::<Box<usize>>();
    leaves_one_waker("closed", tx, |tx, tasks, i| tasks.give_up(i, tx.closed()));
    leaves_nothing("recv", |tasks, i| {
        let (_tx, rx) = oneshot::channel::<Box<usize>>();
        tasks.give_up(i, rx);
    });
    leaves_nothing("recv, sent", |tasks, i| {
        let (tx, rx) = oneshot::channel();
        tasks.give_up_granted(rx, || tx.send(Box::new(i)).unwrap());
    });
    leaves_nothing("both wait, the sender goes last", |tasks, i| {
        let (mut tx, rx) = oneshot::channel::<Box<usize>>();
        tasks.give_up_granted(tx.closed(), || tasks.give_up(i, rx));
    });
}

#[test]
fn broadcast_waits() {
    let (tx, mut rx) = broadcast::channel(2);
    leaves_nothing("recv", |tasks, i| tasks.give_up(i, rx.recv()));
    leaves_nothing("closed", |tasks, i| tasks.give_up(i, tx.closed()));
    leaves_nothing("recv, woken", |tasks, i| {
        tasks.give_up_granted(rx.recv(), || drop(tx.send(i)));
        assert_eq!(rx.try_recv(), Ok(i));
    });
    leaves_nothing("a subscription", |tasks, i| tasks.give_up(i, tx.subscribe().recv()));
}

#[test]
fn watch_waits() {
    let (tx, mut rx) = watch::channel(0_usize);
    leaves_nothing("changed", |tasks, i| tasks.give_up(i, rx.changed()));
    leaves_a_board("wait_for", |tasks, i| tasks.give_up(i, rx.wait_for(|n| *n == usize::MAX)));
    leaves_nothing("closed", |tasks, i| tasks.give_up(i, tx.closed()));
    leaves_nothing("changed, woken", |tasks, i| {
        tasks.give_up_granted(rx.changed(), || tx.send(i).unwrap());
        assert!(rx.has_changed().unwrap());
        rx.mark_unchanged();
    });
    leaves_nothing("a subscription", |tasks, i| tasks.give_up(i, tx.subscribe().changed()));
}

/// A receiver that is polled by `poll_recv`, without a future, has a waker of its own: it goes with
/// the receiver, though the channel stays. So it is at both ends of a oneshot.
#[test]
fn no_waker_outlives_its_endpoint() {
    let tasks = Tasks::new();
    let mut cx = Context::from_waker(&tasks.wakers[0]);
    let (tx, mut rx) = mpsc::channel::<u64>(1);
    assert!(rx.poll_recv(&mut cx).is_pending());
    drop(rx);
    tasks.assert_none_kept();
    drop(tx);
    let (tx, mut rx) = mpsc::unbounded_channel::<u64>();
    assert!(rx.poll_recv(&mut cx).is_pending());
    drop(rx);
    tasks.assert_none_kept();
    drop(tx);
    let (tx, rx) = oneshot::channel::<u64>();
    let mut rx = Box::pin(rx);
    assert!(rx.as_mut().poll(&mut cx).is_pending());
    drop(rx);
    tasks.assert_none_kept();
    drop(tx);
    let (mut tx, rx) = oneshot::channel::<u64>();
    assert!(tx.poll_closed(&mut cx).is_pending());
    drop(tx);
    tasks.assert_none_kept();
    drop(rx);
}
