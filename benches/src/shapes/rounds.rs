//! How a shape holds its senders back until its receivers have caught up: the same for all
//! contenders.

use crate::cell::Round;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

/// Work in rounds: some tasks arrive at the end of each, others wait until all have. Nobody can
/// arrive twice in one round, as those who wait send what the next one needs. A round costs each
/// who arrives one read-modify-write, and one of them a lock and the wake-ups.
#[derive(Debug)]
pub(crate) struct Rounds {
    parties: u64,
    arrived: AtomicU64,
    waiting: Mutex<Vec<Waker>>,
}

impl Rounds {
    /// For so many who arrive.
    pub(crate) fn of(parties: u64) -> Arc<Self> {
        Arc::new(Self { parties, arrived: AtomicU64::new(0), waiting: Mutex::default() })
    }

    pub(crate) fn arrive(&self) {
        // AcqRel: who waits for the round sees all that was done in it.
        let arrived = self.arrived.fetch_add(1, Ordering::AcqRel) + 1;
        if arrived.is_multiple_of(self.parties) {
            let waiting = std::mem::take(&mut *self.waiting());
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// Waits until all have arrived `rounds` times.
    pub(crate) async fn done(&self, rounds: u64) {
        poll_fn(|context| {
            if self.has_done(rounds) {
                return Poll::Ready(());
            }
            let mut waiting = self.waiting();
            // Who arrives last counts first and takes the wakers then: it finds this one, or this
            // sees the count.
            if self.has_done(rounds) {
                return Poll::Ready(());
            }
            waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn has_done(&self, rounds: u64) -> bool {
        self.arrived.load(Ordering::Acquire) >= rounds * self.parties
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `n` operations take, if `done` took this long: where they come in fixed numbers, a few more
/// than `n` are done.
pub(crate) fn scaled(elapsed: Duration, done: u64, n: u64) -> Round {
    Round::Time(elapsed.mul_f64(n as f64 / done as f64))
}
