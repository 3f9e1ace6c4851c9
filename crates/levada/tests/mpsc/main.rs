//! mpsc, by question: every bug that channels are known to have had is a test here (`C` and its
//! number stand for the list that the project keeps of them).

mod bombs;
mod cancel;
mod close;
mod futurelock;
mod hostile;
mod looking;
mod many;
// What the channels record of themselves has a size of its own: tests/observe_memory.
#[cfg(not(feature = "observe"))]
mod memory;
mod misuse;
mod regressions;
#[cfg(feature = "tokio")]
mod runtimes;
#[cfg(feature = "stream")]
mod stream;
#[cfg(all(feature = "stream", not(feature = "observe")))]
mod stream_memory;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
