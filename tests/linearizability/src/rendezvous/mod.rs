//! `mpsc::rendezvous`: a line of senders, each with its message, and nothing in between.

mod program;
mod spec;

pub use program::run;
pub use spec::{Op, Rendezvous, State};
