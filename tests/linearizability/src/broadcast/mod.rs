//! broadcast: a log, and receivers that each read it from where they joined.

mod program;
mod spec;

pub(crate) use program::Message;
pub use program::run;
pub use spec::{Broadcast, Op, State};
