//! mpmc, by question: every bug that channels are known to have had is a test here (`C` and its
//! number stand for the list that the project keeps of them).
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod api;
mod bombs;
mod close;
mod fairness;
mod futurelock;
mod hostile;
mod many;
#[cfg(target_pointer_width = "64")]
// What the channels record of themselves has a size of its own: tests/observe_memory.
#[cfg(not(feature = "observe"))]
mod memory;
mod promises;
mod receivers;
mod regressions;
mod runtimes;
#[cfg(feature = "stream")]
mod stream;
mod stress;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
