//! What a cell guarantees, on real servers.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod cluster;
mod faults;
mod leaks;
mod support;
mod values;
mod writes;
