//! What a job is and how it gets done; knows nothing of HTTP.
//!
//! Reading order: [`job`] (the states, and who holds what in each), [`queue`] (the waiting room),
//! [`pool`] (the workers), [`process`] (one run
//! of the command) on its [`group`] and [`pipes`], [`feed`] (what others see of it),
//! [`pace`] (how fast it goes).

pub(crate) mod feed;
mod group;
pub(crate) mod job;
pub(crate) mod pace;
mod pipes;
pub(crate) mod pool;
pub(crate) mod process;
pub(crate) mod queue;
