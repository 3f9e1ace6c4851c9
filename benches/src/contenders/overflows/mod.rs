//! The crates that give a message up when a queue is full: by a policy, by a send that evicts, or
//! as a broadcast with one receiver, which overwrites what it has not seen. The sender of such a
//! broadcast does not learn which message went; its receiver learns how many.

pub(crate) mod broadcasts;
pub(crate) mod levada;
pub(crate) mod others;
