//! `levada serve --nats` and `levada work --nats` as processes, beside real servers.
//!
//! `cargo xtask nats` builds the program, and sets `LEVADA`.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]
// The states of processes are read from /proc.
#![cfg(target_os = "linux")]

mod batches;
mod chaos;
mod clock;
mod clocks;
mod credentials;
mod deleted;
mod ends;
mod front_ends;
mod http;
mod limits;
mod member;
mod members;
mod poison;
mod servers;
mod site;
mod soak;
mod sse;
mod startup;
mod workers;
