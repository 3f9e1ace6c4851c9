//! The broadcast channel from outside. Numbers like C33 name a class of bugs that channels had.

mod bombs;
mod contract;
mod drops;
mod futurelock;
mod hostile;
mod many;
// What the channels record of themselves has a size of its own: tests/observe_memory.
#[cfg(not(feature = "observe"))]
mod memory;
mod model;
#[cfg(feature = "stream")]
mod stream;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
