//! The harness does what it says.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod cluster;
mod proxy;
mod server;
mod support;
mod with_nats;
