//! Drives the `levada` binary as a process, over real sockets.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod answers;
mod client_gone;
mod commands;
mod events;
mod limits;
mod overload;
mod shutdown;
mod startup;
mod support;
