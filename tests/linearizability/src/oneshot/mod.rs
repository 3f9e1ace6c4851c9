//! oneshot: one value, once.

mod program;
mod spec;

pub use program::run;
pub use spec::{Oneshot, Op, State};
