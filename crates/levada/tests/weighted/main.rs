//! The weighted channel from outside; the numbers are those of its guarantees.

mod close;
mod contract;
mod futurelock;
mod hostile;
// What the channels record of themselves has a size of its own: tests/observe_memory.
#[cfg(not(feature = "observe"))]
mod memory;
#[cfg(feature = "observe")]
mod observe;
mod order;
mod regressions;
#[cfg(feature = "stream")]
mod stream;

use levada::mpsc::{self, weighted};

/// A channel of numbers that weigh what they say.
fn numbers(max: usize) -> (weighted::Sender<usize>, weighted::Receiver<usize>) {
    mpsc::weighted(max, |n: &usize| *n)
}

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
