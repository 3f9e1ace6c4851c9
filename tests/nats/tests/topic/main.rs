//! The guarantees of topics, on real servers that fail.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod chaos;
mod cluster;
mod consumers;
mod faults;
mod lag;
mod large;
mod lossy;
mod options;
mod resume;
mod send;
mod subscribe;
mod support;
