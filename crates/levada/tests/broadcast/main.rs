//! The broadcast channel from outside. Numbers like C33 name a class of bugs that channels had.

mod contract;
mod hostile;
mod memory;
mod model;
#[cfg(feature = "stream")]
mod stream;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
