//! `mpsc::lanes` and `mpmc::lanes`: two queues, and receivers that ask both.

mod program;
mod spec;

pub use program::{mpmc, mpsc};
pub use spec::{LANES, Lanes, Op, State};
