//! The watch channel from outside. Numbers like C52 name a class of bugs that channels have had.

mod bombs;
mod contract;
mod fairness;
mod futurelock;
mod handles;
mod hostile;
mod many;
mod map;
// What the channels record of themselves has a size of its own: tests/observe_memory.
#[cfg(not(feature = "observe"))]
mod memory;
mod reads;
mod send;
mod shared;
#[cfg(feature = "stream")]
mod stream;
mod threads;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
