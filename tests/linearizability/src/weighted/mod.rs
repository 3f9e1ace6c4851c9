//! `mpsc::weighted`: a queue whose bound is a sum of weights, and a line of senders that wait.

mod program;
mod spec;

pub use program::run;
pub use spec::{Op, Refused, State, Weighted, weight};
