//! Whole channels under random schedules: `cargo xtask shuttle`.
#![cfg(levada_shuttle)]
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod broadcast;
mod harness;
mod lanes;
mod lossless;
mod mpmc;
mod mpsc;
mod oneshot;
mod rendezvous;
mod unbounded;
mod watch;
mod weighted;
