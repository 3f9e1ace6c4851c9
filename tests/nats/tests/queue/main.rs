//! The queue.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod many;
mod send;
mod send_faults;
mod send_waits;
mod support;
