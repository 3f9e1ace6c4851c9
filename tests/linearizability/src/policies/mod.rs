//! mpsc and mpmc with an overflow policy: which message goes when one too many is sent.

mod program;
mod spec;

pub use program::{mpmc, mpsc};
pub use spec::{Op, Policies, State};
