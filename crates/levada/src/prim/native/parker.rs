//! How a thread waits to be woken: awake at first, then asleep. Written over its parent's atomics
//! and threads, so that it can be modelled, too: the loom backend compiles this file a second time,
//! for `model`.
//!
//! # States
//! | state    | the thread                     | how it is woken                           |
//! |----------|--------------------------------|-------------------------------------------|
//! | EMPTY    | polls, or looks at the state   | NOTIFIED is written                       |
//! | NOTIFIED | will look at the state         | it is already                             |
//! | PARKED   | sleeps, or is about to         | NOTIFIED is written, and it is unparked   |
//!
//! # Transitions
//! | from            | to       | by             | in       |
//! |-----------------|----------|----------------|----------|
//! | any             | NOTIFIED | a waking thread | `wake`  |
//! | EMPTY           | PARKED   | the thread     | `wait`, `wait_while` |
//! | PARKED, NOTIFIED | EMPTY   | the thread     | `sleep_while`, when no time is left |
//! | NOTIFIED        | EMPTY    | the thread     | `take`   |
//! | EMPTY, NOTIFIED | NOTIFIED | the thread     | `retain` |
//!
//! Each is one read-modify-write.
//!
//! # Invariants
//! - **I1** Only the thread itself leaves NOTIFIED, and by a read-modify-write: so it sees what all
//!   threads that have woken it until then did before.
//! - **I2** Only the waking thread that finds PARKED unparks: once for each time the thread goes to
//!   sleep.
//! - **I3** The thread leaves `wait` only by way of NOTIFIED, and `wait_while` also when its time
//!   is over. So what unparks it for other reasons, or late, costs a look at the state, and no
//!   more.
//!
//! # Progress
//! A waking thread never waits, and makes a system call only if the other thread sleeps.
//!
//! # Checked by
//! `model` below, and the tests of `park_on`.
#![forbid(unsafe_code)]

use super::Patience;
use super::atomic::{AtomicU8, Ordering};
use super::thread::{self, Thread};
use core::time::Duration;

const EMPTY: u8 = 0;
const NOTIFIED: u8 = 1;
const PARKED: u8 = 2;

/// Where one thread waits, again and again. Every thread with a reference may wake it, at any time.
#[derive(Debug)]
pub(crate) struct Parker {
    state: AtomicU8,
    thread: Thread,
}

impl Parker {
    /// For the calling thread, which alone calls what is not [`wake`](Self::wake).
    pub(crate) fn new() -> Self {
        Self { state: AtomicU8::new(EMPTY), thread: thread::current() }
    }

    /// Ends the current [`wait`](Self::wait), or else the next.
    pub(crate) fn wake(&self) {
        // ORDERING: Release pairs with the Acquire swap in `take`: the thread sees what we did
        // before. If it finds PARKED the thread went to sleep before this, and else it finds
        // NOTIFIED in `wait`.
        if self.state.swap(NOTIFIED, Ordering::Release) == PARKED {
            self.thread.unpark();
        }
    }

    /// Waits to be woken. Answers whether the thread slept, and so may have used up an `unpark`
    /// that was not for this.
    pub(crate) fn wait(&self) -> bool {
        let mut patience = Patience::default();
        while !self.take() {
            if patience.is_left() {
                continue;
            }
            // ORDERING: Relaxed pairs with the swap in `wake`, on success and on failure: it finds
            // PARKED, or we find NOTIFIED; what was done before is made visible by `take`.
            let parked =
                self.state.compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed);
            if parked.is_ok() {
                patience.asleep(|| self.sleep());
                return true;
            }
        }
        patience.was_worth_it();
        false
    }

    /// Sleeps until it was woken by `wake`. Other unparks of this thread do not end the sleep.
    #[cold]
    fn sleep(&self) {
        loop {
            thread::park();
            if self.take() {
                return;
            }
        }
    }

    /// Waits as [`wait`](Self::wait) does, but only while there is `time_left`.
    pub(crate) fn wait_while(&self, time_left: impl FnMut() -> Option<Duration>) -> bool {
        let mut patience = Patience::default();
        while !self.take() {
            if patience.is_left() {
                continue;
            }
            // ORDERING: Relaxed pairs with the swap in `wake`, as in `wait`.
            let parked =
                self.state.compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed);
            if parked.is_ok() {
                patience.asleep(|| self.sleep_while(time_left));
                return true;
            }
        }
        patience.was_worth_it();
        false
    }

    #[cold]
    fn sleep_while(&self, mut time_left: impl FnMut() -> Option<Duration>) {
        while let Some(left) = time_left() {
            thread::park_timeout(left);
            if self.take() {
                return;
            }
        }
        self.forget();
    }

    /// Forgets that the thread was woken, if it was; and answers that.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // ORDERING: Relaxed, no pair: a look, which the swap confirms.
        if self.state.load(Ordering::Relaxed) != NOTIFIED {
            return false;
        }
        self.forget();
        true
    }

    /// Forgets that the thread was woken or sleeps: the next wait does not end because of it.
    #[inline]
    fn forget(&self) {
        // ORDERING: Acquire pairs with the Release swap in `wake`: what all waking threads did is
        // visible.
        self.state.swap(EMPTY, Ordering::Acquire);
    }

    /// Makes the next wait end at once, for one that was woken in place of another.
    pub(crate) fn retain(&self) {
        // ORDERING: Relaxed, no pair: this thread has already seen what the threads did that woke
        // it; and a read-modify-write keeps the release sequence of a later one intact for `take`.
        self.state.swap(NOTIFIED, Ordering::Relaxed);
    }

    /// Gives an `unpark` back that the thread may have used up.
    pub(crate) fn give_back(&self) {
        self.thread.unpark();
    }
}

#[cfg(test)]
mod model {
    use super::super::atomic::{AtomicU8, Ordering};
    use super::*;
    use crate::prim::{Arc, model};

    /// A wake-up is never lost, and shows what was done before it.
    #[test]
    fn wake_meets_wait() {
        model(|| {
            let parker = Arc::new(Parker::new());
            let done = Arc::new(AtomicU8::new(0));
            let other = (Arc::clone(&parker), Arc::clone(&done));
            let waker = thread::spawn(move || {
                // ORDERING: Relaxed pairs with the load in `wake_meets_wait`, by way of the parker.
                other.1.store(1, Ordering::Relaxed);
                other.0.wake();
            });
            parker.wait();
            // ORDERING: Relaxed pairs with the store in `wake_meets_wait`, by way of the parker.
            assert_eq!(done.load(Ordering::Relaxed), 1);
            waker.join().unwrap();
        });
    }

    /// With two that wake there may be one wait or two, after which both are seen.
    #[test]
    fn two_wake() {
        model(|| {
            let parker = Arc::new(Parker::new());
            let done = Arc::new(AtomicU8::new(0));
            let wakers = [1, 2].map(|bit| {
                let other = (Arc::clone(&parker), Arc::clone(&done));
                thread::spawn(move || {
                    // ORDERING: Relaxed pairs with the load in `two_wake`, by way of the parker.
                    other.1.fetch_add(bit, Ordering::Relaxed);
                    other.0.wake();
                })
            });
            // ORDERING: Relaxed pairs with the addition in `two_wake`, by way of the parker.
            while done.load(Ordering::Relaxed) != 3 {
                parker.wait();
            }
            wakers.into_iter().for_each(|waker| waker.join().unwrap());
        });
    }

    /// A wake-up that comes as the time ends is seen by a look after it, or ends the next wait.
    #[test]
    fn wake_meets_the_end_of_time() {
        model(|| {
            let parker = Arc::new(Parker::new());
            let done = Arc::new(AtomicU8::new(0));
            let other = (Arc::clone(&parker), Arc::clone(&done));
            let waker = thread::spawn(move || {
                // ORDERING: Relaxed pairs with the load in `wake_meets_the_end_of_time`, by way
                // of the parker.
                other.1.store(1, Ordering::Relaxed);
                other.0.wake();
            });
            let mut looks = 2;
            parker.wait_while(|| {
                looks -= 1;
                (looks > 0).then_some(Duration::ZERO)
            });
            // ORDERING: Relaxed pairs with the store in `wake_meets_the_end_of_time`, by way of
            // the parker.
            if done.load(Ordering::Relaxed) == 0 {
                parker.wait();
            }
            // ORDERING: Relaxed pairs with the store in `wake_meets_the_end_of_time`, by way of
            // the parker.
            assert_eq!(done.load(Ordering::Relaxed), 1);
            waker.join().unwrap();
        });
    }

    /// What unparks the thread for reasons of its own does not end its wait, and the next one
    /// neither.
    #[test]
    fn unpark_meets_wait() {
        model(|| {
            let parker = Arc::new(Parker::new());
            let done = Arc::new(AtomicU8::new(0));
            let this = thread::current();
            let other = (Arc::clone(&parker), Arc::clone(&done));
            let waker = thread::spawn(move || {
                this.unpark();
                for turn in 1..=2 {
                    // ORDERING: Relaxed pairs with the load in `unpark_meets_wait`, by way of the
                    // parker.
                    other.1.store(turn, Ordering::Relaxed);
                    other.0.wake();
                }
            });
            parker.wait();
            // ORDERING: Relaxed pairs with the store in `unpark_meets_wait`, by way of the parker.
            while done.load(Ordering::Relaxed) != 2 {
                parker.wait();
            }
            waker.join().unwrap();
        });
    }
}
