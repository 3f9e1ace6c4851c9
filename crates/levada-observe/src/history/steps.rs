//! What is remembered of a row, in steps of the window.

use std::collections::VecDeque;
use std::time::Duration;

use super::Change;
use crate::report;

/// How long a step was, and how many samples were taken in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StepTime {
    pub(super) time: Duration,
    pub(super) samples: u64,
}

/// The steps of a row, the oldest first. The last one is the last one of the window.
#[derive(Debug, Default)]
pub(super) struct Steps {
    steps: VecDeque<Step>,
}

/// Sums over the samples of all channels of the row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    /// One for each channel at each sample.
    pub(super) samples: u64,
    pub(super) full: u64,
    pub(super) empty: u64,
    pub(super) senders_waiting: u64,
    pub(super) receivers_waiting: u64,
    pub(super) depth: u64,
    pub(super) sent: i64,
    pub(super) received: i64,
    pub(super) evicted: i64,
    pub(super) missed: u64,
}

impl Step {
    pub(super) fn add(&mut self, sampled: &Self, change: Change) {
        self.samples += sampled.samples;
        self.full += sampled.full;
        self.empty += sampled.empty;
        self.senders_waiting += sampled.senders_waiting;
        self.receivers_waiting += sampled.receivers_waiting;
        self.depth += sampled.depth;
        self.add_change(change);
    }

    pub(super) fn add_change(&mut self, change: Change) {
        self.sent += change.sent;
        self.received += change.received;
        self.evicted += change.evicted;
        self.missed += change.missed;
    }

    fn plus(mut self, other: &Self) -> Self {
        let Self { sent, received, evicted, missed, .. } = *other;
        self.add(other, Change { sent, received, evicted, missed });
        self
    }
}

impl Steps {
    /// The last step; the first one, if the row is new.
    pub(super) fn current(&mut self) -> &mut Step {
        if self.steps.is_empty() {
            self.steps.push_back(Step::default());
        }
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    /// A step begins; there are at most so many.
    pub(super) fn push(&mut self, at_most: usize) {
        self.steps.push_back(Step::default());
        if self.steps.len() > at_most {
            self.steps.pop_front();
        }
    }

    /// Whether the row was there during the window.
    pub(super) fn has_samples(&self) -> bool {
        self.steps.iter().any(|step| step.samples > 0)
    }

    fn sum(&self) -> Step {
        self.steps.iter().fold(Step::default(), Step::plus)
    }

    /// How many messages were missed.
    pub(super) fn missed(&self) -> u64 {
        self.sum().missed
    }

    /// Shares of all samples.
    pub(super) fn shares(&self) -> report::Shares {
        let sum = self.sum();
        let share = |count: u64| count as f64 / sum.samples.max(1) as f64;
        report::Shares {
            full: share(sum.full),
            empty: share(sum.empty),
            senders_waiting: share(sum.senders_waiting),
            receivers_waiting: share(sum.receivers_waiting),
        }
    }

    /// Rates since the row is known, in a window of `times`.
    pub(super) fn rates(&self, times: &[StepTime]) -> report::Rates {
        let sum = self.sum();
        let time = self.beside(times).map(|(_, time)| time.time).sum();
        report::Rates {
            sent: rate(sum.sent, time),
            received: Some(rate(sum.received, time)),
            evicted: Some(rate(sum.evicted, time)),
        }
    }

    /// All steps of a window of `times`; zeros where the row was not known.
    pub(super) fn history(&self, times: &[StepTime], step: Duration) -> report::History {
        let unknown = times.len().saturating_sub(self.steps.len());
        let list = |of: fn(&Step, StepTime) -> f64| {
            let zeros = core::iter::repeat_n(0.0, unknown);
            zeros.chain(self.beside(times).map(|(step, time)| of(step, time))).collect()
        };
        report::History {
            step_seconds: step.as_secs_f64(),
            depth: list(|step, time| step.depth as f64 / time.samples.max(1) as f64),
            sent: list(|step, time| rate(step.sent, time.time)),
            received: list(|step, time| rate(step.received, time.time)),
        }
    }

    /// The steps, and the time of each.
    fn beside<'a>(&'a self, times: &'a [StepTime]) -> impl Iterator<Item = (&'a Step, StepTime)> {
        let skip = times.len().saturating_sub(self.steps.len());
        self.steps.iter().zip(times[skip..].iter().copied())
    }
}

/// So many in a second.
fn rate(count: i64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count.max(0) as f64 / time.as_secs_f64() }
}
