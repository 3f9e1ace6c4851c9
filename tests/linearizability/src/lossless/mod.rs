//! Lossless broadcast: a log, members that hold the senders back, and observers that lag.

mod program;
mod spec;

pub use program::run;
pub use spec::{Lossless, Op, Refused, State};
