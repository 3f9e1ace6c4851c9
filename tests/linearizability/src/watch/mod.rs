//! watch: a value with a version, and receivers that each know which version they have seen.

mod program;
mod spec;

pub use program::run;
pub use spec::{Op, State, Watch};
