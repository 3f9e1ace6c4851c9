//! How many connections are served at the same time, and which of them makes room for another.
//!
//! ```text
//!          a request's head             its answer is handed over        every byte is written
//! Idle(n) -----------------> Working ---------------------------> Answered ------------------> Idle(m)
//! ```
//!
//! A connection is idle from the moment it is accepted: one that never says a word, and one that
//! shakes hands, is idle. When every seat is taken, the connection that has been idle the longest
//! is recalled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::sync::lock;

/// How long a recalled connection may take to give its seat back before another one is recalled. It
/// takes microseconds, unless a request came at the same moment.
const SOON: Duration = Duration::from_millis(100);

/// As many seats as there may be connections.
#[derive(Debug, Clone)]
pub(super) struct Seats {
    free: Arc<Semaphore>,
    waiting: Arc<Mutex<Waiting>>,
}

/// The idle connections by number, so the one that has been idle the longest is the first.
#[derive(Debug, Default)]
struct Waiting {
    idle: BTreeMap<u64, Arc<Notify>>,
    next: u64,
}

impl Seats {
    pub(super) fn new(count: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), waiting: Arc::default() }
    }

    /// A seat, if need be that of the connection that has been idle the longest. `None` if every
    /// connection works.
    pub(super) async fn take(&self) -> Option<Seat> {
        loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                return Some(Seat::new(self, permit));
            }
            if !self.recall() {
                return None;
            }
            if let Ok(seat) = timeout(SOON, self.wait()).await {
                return Some(seat);
            }
        }
    }

    /// A seat as soon as one is free.
    pub(super) async fn wait(&self) -> Seat {
        let permit = Arc::clone(&self.free).acquire_owned().await.expect("never closed");
        Seat::new(self, permit)
    }

    /// Has the connection that has been idle the longest end. Whether there is one.
    pub(super) fn recall(&self) -> bool {
        let longest = lock(&self.waiting).idle.pop_first();
        if let Some((_, recalled)) = &longest {
            recalled.notify_one();
        }
        longest.is_some()
    }
}

/// What a connection holds while it is served. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Seat {
    waiting: Arc<Mutex<Waiting>>,
    state: Mutex<State>,
    recalled: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No request is in progress. The number is no longer among those that wait: recalled.
    Idle(u64),
    Working,
    /// The answer is handed over, and may not be written yet.
    Answered,
}

impl Seat {
    fn new(seats: &Seats, permit: OwnedSemaphorePermit) -> Self {
        let seat = Self {
            waiting: Arc::clone(&seats.waiting),
            state: Mutex::new(State::Answered),
            recalled: Arc::default(),
            _permit: permit,
        };
        seat.written();
        seat
    }

    /// A request's head has come. `false` if the connection is recalled and has to end after an
    /// answer.
    pub(super) fn work(&self) -> bool {
        let mut state = lock(&self.state);
        let stays = match *state {
            State::Idle(number) => lock(&self.waiting).idle.remove(&number).is_some(),
            State::Working | State::Answered => true,
        };
        *state = State::Working;
        stays
    }

    /// The answer is handed over to be written.
    pub(super) fn answered(&self) {
        *lock(&self.state) = State::Answered;
    }

    /// Everything that was handed over is written.
    pub(super) fn written(&self) {
        let mut state = lock(&self.state);
        if *state == State::Answered {
            let mut waiting = lock(&self.waiting);
            let number = waiting.next;
            waiting.next += 1;
            waiting.idle.insert(number, Arc::clone(&self.recalled));
            *state = State::Idle(number);
        }
    }

    /// Another connection needs the seat, and no request is in progress on this one.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: a recalled connection stays recalled.
    pub(super) async fn recalled(&self) {
        loop {
            let is_recalled = match *lock(&self.state) {
                State::Idle(number) => !lock(&self.waiting).idle.contains_key(&number),
                State::Working | State::Answered => false,
            };
            if is_recalled {
                return;
            }
            self.recalled.notified().await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let State::Idle(number) = *lock(&self.state) {
            lock(&self.waiting).idle.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    /// The seat's connection ends if it is recalled.
    fn end_if_recalled(seat: Seat) -> Result<(), Seat> {
        let is_recalled = pin!(seat.recalled()).now_or_never().is_some();
        if is_recalled { Ok(()) } else { Err(seat) }
    }

    fn answer(seat: &Seat) {
        seat.answered();
        seat.written();
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_connection_makes_room() {
        let seats = Seats::new(2);
        let first = seats.take().await.unwrap();
        let second = seats.take().await.unwrap();
        // The first was idle earlier, and then again later than the second.
        assert!(first.work());
        answer(&first);
        let (third, ended) = tokio::join!(seats.take(), async { end_if_recalled(second) });
        assert!(third.is_some());
        ended.expect("the second was idle the longest");
        end_if_recalled(first).expect_err("the first stays");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_works_is_not_recalled() {
        let seats = Seats::new(2);
        let (first, second) = (seats.take().await.unwrap(), seats.take().await.unwrap());
        assert!(first.work() && second.work());
        assert!(seats.take().await.is_none());
        first.answered();
        assert!(seats.take().await.is_none(), "its answer is not written yet");
        first.written();
        let (third, ended) = tokio::join!(seats.take(), async { end_if_recalled(first) });
        assert!(third.is_some() && ended.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_comes_with_the_recall_is_told_and_another_connection_makes_room() {
        let seats = Seats::new(2);
        let (first, second) = (seats.take().await.unwrap(), seats.take().await.unwrap());
        let (third, ended) = tokio::join!(seats.take(), async {
            assert!(!first.work(), "it was recalled before");
            let first = end_if_recalled(first).expect_err("it owes an answer");
            tokio::time::sleep(SOON * 3 / 2).await;
            (first, end_if_recalled(second))
        });
        let (first, ended) = ended;
        assert!(third.is_some() && ended.is_ok());
        answer(&first);
        end_if_recalled(first).expect_err("another one made room");
    }

    #[tokio::test(start_paused = true)]
    async fn seats_come_back() {
        let seats = Seats::new(1);
        for works in [false, true, false] {
            let seat = seats.take().await.unwrap();
            assert!(seat.work());
            if !works {
                answer(&seat);
            }
            drop(seat);
            assert!(lock(&seats.waiting).idle.is_empty());
        }
        let only = seats.take().await.unwrap();
        assert!(only.work());
        assert!(seats.wait().now_or_never().is_none());
        drop(only);
        assert!(seats.wait().now_or_never().is_some());
    }
}
