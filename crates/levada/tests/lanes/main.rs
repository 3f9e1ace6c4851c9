//! Channels of lanes from outside, with one receiver and with many; the numbers are those of their
//! guarantees.

mod end;
mod hostile;
mod many;
// What the channels record of themselves has a size of its own: tests/observe_memory.
#[cfg(not(feature = "observe"))]
mod memory;
#[cfg(feature = "observe")]
mod observe;
mod order;
mod regressions;
#[cfg(feature = "stream")]
mod stream;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
