//! The rendezvous channel from outside; the numbers are those of its guarantees.

mod close;
mod contract;
mod hostile;
// What the channels record of themselves has a size of its own: tests/observe_memory.
#[cfg(not(feature = "observe"))]
mod memory;
#[cfg(feature = "observe")]
mod observe;
mod regressions;
#[cfg(feature = "stream")]
mod stream;
mod stress;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
