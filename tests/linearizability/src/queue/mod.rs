//! mpsc and mpmc: a queue with a capacity, and a line of senders that wait for it.

mod program;
mod spec;

pub(crate) use program::steps;
pub use program::{mpmc, mpsc};
pub use spec::{Op, Queue, Refused, State};
