//! Where is the value. Nothing here knows a task.
//!
//! - [`ring`]: first in, first out, as large as what is in it: mpsc and mpmc

pub(crate) mod ring;
