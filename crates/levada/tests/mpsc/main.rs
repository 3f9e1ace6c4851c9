//! mpsc, by question: every bug that channels are known to have had is a test here (`C` and its
//! number stand for the list that the project keeps of them).

mod cancel;
mod close;
mod futurelock;
mod hostile;
mod memory;
mod misuse;
mod regressions;
#[cfg(feature = "tokio")]
mod runtimes;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
