//! mpsc, by question: every bug that channels are known to have had is a test here (`C` and its
//! number stand for the list that the project keeps of them).

mod bombs;
mod cancel;
mod close;
mod futurelock;
mod hostile;
mod many;
mod memory;
mod misuse;
mod regressions;
#[cfg(feature = "tokio")]
mod runtimes;
#[cfg(feature = "stream")]
mod stream;
#[cfg(feature = "stream")]
mod stream_memory;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
