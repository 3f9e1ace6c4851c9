//! mpmc, by question: every bug that channels are known to have had is a test here (`C` and its
//! number stand for the list that the project keeps of them).
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod api;
mod close;
mod fairness;
mod futurelock;
mod hostile;
mod receivers;
mod regressions;
mod runtimes;
mod stress;

/// As `levada::wait::permits::GRACE`: the polls a promise outlives.
const GRACE: usize = 8;

/// As in `levada::queue::many::line`: the polls that the promise of a message outlives.
const PATIENCE: usize = 64;
