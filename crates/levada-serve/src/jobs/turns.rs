//! The turns that a queue's workers take for jobs that they do not have yet.
//!
//! A worker takes its next job out of the line a moment after it gave back the slot of the last
//! one. So that the slot does not go to a less urgent queue in that moment, it lines up again
//! first, and leaves the turn here, to the worker that takes the next job.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::queue::Queue;
use super::slots::{Slot, Slots, Turn};

/// The turns of one queue that no worker has taken yet.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many workers have a job.
    at_work: usize,
    /// Not more than there are jobs in line, nor than workers without a job: so a worker takes each
    /// at once.
    left: VecDeque<Turn>,
}

/// A worker has a job, and perhaps its turn or its slot. Dropping it passes them on.
#[derive(Debug)]
pub(super) struct AtWork<'a> {
    queue: &'a Queue,
    slots: &'a Slots,
    turn: Option<Turn>,
    slot: Option<Slot>,
}

impl<'a> AtWork<'a> {
    /// A worker of `queue` took a job out of the line.
    pub(super) fn begin(queue: &'a Queue, slots: &'a Slots) -> Self {
        Self { queue, slots, turn: queue.turns.begin(), slot: None }
    }

    /// Waits for a slot to run the job in.
    pub(super) async fn take_slot(&mut self) {
        let turn = self.turn.take().unwrap_or_else(|| self.line_up());
        self.slot = Some(turn.slot().await);
    }

    fn line_up(&self) -> Turn {
        self.slots.line_up(self.queue.config().priority)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let unused = self.turn.take();
        let turn = || unused.unwrap_or_else(|| self.line_up());
        let workers = self.queue.config().workers;
        self.queue.turns.end(workers, || self.queue.in_line(), turn);
        // And only then the slot is passed on.
    }
}

impl Turns {
    fn begin(&self) -> Option<Turn> {
        let mut state = self.state();
        state.at_work += 1;
        state.left.pop_front()
    }

    fn end(&self, workers: usize, in_line: impl FnOnce() -> usize, turn: impl FnOnce() -> Turn) {
        let mut state = self.state();
        state.at_work -= 1;
        let turns = state.left.len();
        // Called under the lock: a worker that takes a job out of the line then takes a turn.
        if state.at_work + turns < workers && turns < in_line() {
            state.left.push_back(turn());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(turn: &Turn) -> bool {
        matches!(turn, Turn::Later(slot) if slot.is_empty())
    }

    #[tokio::test]
    async fn a_worker_keeps_its_turn_before_less_urgent_ones() {
        let (slots, turns) = (Slots::new(Some(1)), Turns::default());
        assert!(turns.begin().is_none());
        let slot = slots.line_up(7).slot().await;
        let low = slots.line_up(0);
        turns.end(1, || 1, || slots.line_up(7));
        drop(slot);
        let next = turns.begin().expect("it was left for the next job").slot().await;
        turns.end(1, || 0, || unreachable!("nobody is in line"));
        assert!(waits(&low));
        drop(next);
        assert!(!waits(&low));
    }

    #[test]
    fn no_turn_is_left_that_nobody_takes() {
        let (slots, turns) = (Slots::new(None), Turns::default());
        let turn = || slots.line_up(0);
        for _ in 0..4 {
            assert!(turns.begin().is_none());
        }
        turns.end(3, || 9, || unreachable!("three others are at work: it has to leave"));
        turns.end(3, || 9, turn);
        turns.end(3, || 1, || unreachable!("one turn is left, for the one job"));
        turns.end(3, || 9, turn);
        assert_eq!(turns.state().left.len(), 2);
        assert!(turns.begin().is_some() && turns.begin().is_some() && turns.begin().is_none());
    }
}
