//! What was accepted stays so: whatever kills the service, fills its disk, or keeps it busy for
//! long.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod client;
mod faults;
#[cfg(target_os = "linux")]
mod full;
mod kill;
mod ledger;
mod service;
#[cfg(target_os = "linux")]
mod soak;
#[path = "../serve/sse.rs"]
#[expect(dead_code, reason = "the other tests use the rest of it")]
mod sse;
#[path = "../serve/support.rs"]
#[expect(dead_code, reason = "the other tests use the rest of it")]
mod support;
