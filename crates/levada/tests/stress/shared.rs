//! Futures that are given up, and messages that are accounted for.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use ::support::thread_waker;
pub(crate) use ::support::{Dice, block_on};

/// `base` operations, times `LEVADA_STRESS`; a few under Miri.
pub(crate) fn rounds(base: u64) -> u64 {
    #[cfg(feature = "observe")]
    super::snapshots::start();
    if cfg!(miri) {
        return base / 500;
    }
    match std::env::var("LEVADA_STRESS") {
        Ok(times) => base * times.parse::<u64>().expect("LEVADA_STRESS is a whole number"),
        Err(_) => base,
    }
}

/// Polls a future at most `polls` times, whether it was woken or not, and drops it: cancelled,
/// unless it gave something.
pub(crate) fn poll_for<F: Future>(future: F, polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        // A waker of its own each time, as a combinator's may be.
        let waker = thread_waker();
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        thread::yield_now();
    }
    None
}

/// Polls a future once, and never again: it stays where it is, in whatever line it stands.
pub(crate) fn poll_and_forget<F: Future>(future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return Some(output);
    }
    ::support::forget(future);
    None
}

/// Who sent it and the how manieth it is of his; counts how many there are.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) sender: u64,
    pub(crate) number: u64,
    alive: Arc<AtomicUsize>,
}

impl Message {
    pub(crate) fn new(sender: u64, number: u64, alive: &Arc<AtomicUsize>) -> Self {
        // ORDERING: Relaxed, no pair: read after the threads were joined.
        alive.fetch_add(1, Ordering::Relaxed);
        Self { sender, number, alive: Arc::clone(alive) }
    }
}

impl Clone for Message {
    fn clone(&self) -> Self {
        Self::new(self.sender, self.number, &self.alive)
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // ORDERING: Relaxed, no pair: read after the threads were joined.
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asserts that what was received is what was sent, of each sender in its order, and that nothing
/// is left. `received` has one list for each receiver; `sent` says how many each sender sent.
pub(crate) fn account(sent: &[u64], received: Vec<Vec<Message>>, alive: &AtomicUsize) {
    account_beside(sent, received, Vec::new(), alive);
}

/// The same where each message was received or is `gone`: evicted, discarded or given back.
pub(crate) fn account_beside(
    sent: &[u64],
    received: Vec<Vec<Message>>,
    gone: Vec<Message>,
    alive: &AtomicUsize,
) {
    for own in &received {
        for sender in 0..sent.len() as u64 {
            let numbers = own.iter().filter(|message| message.sender == sender);
            assert!(numbers.is_sorted_by_key(|message| message.number), "out of order");
        }
    }
    let all = received.iter().flatten().chain(&gone);
    let mut all: Vec<_> = all.map(|message| (message.sender, message.number)).collect();
    all.sort_unstable();
    let expected =
        (0..).zip(sent).flat_map(|(sender, count)| (0..*count).map(move |n| (sender, n)));
    assert!(all.into_iter().eq(expected), "lost or doubled");
    drop((received, gone));
    // ORDERING: Relaxed, no pair: the threads were joined.
    assert_eq!(alive.load(Ordering::Relaxed), 0, "messages were never dropped");
}
