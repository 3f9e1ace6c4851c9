//! The batching worker: when it flushes, and that it loses nothing.
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod back;
mod ends;
mod failures;
mod flushed;
mod threads;
mod weight;
mod when;
