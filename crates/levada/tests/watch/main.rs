//! The watch channel from outside. Numbers like C52 name a class of bugs that channels have had.

mod contract;
mod fairness;
mod handles;
mod hostile;
mod memory;
mod shared;
#[cfg(feature = "stream")]
mod stream;
mod threads;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
