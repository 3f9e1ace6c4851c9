//! Whole channels under random schedules: `cargo xtask shuttle`.
#![cfg(shuttle)]
#![forbid(unsafe_code)]

mod broadcast;
mod harness;
mod mpmc;
mod mpsc;
mod oneshot;
mod unbounded;
mod watch;
