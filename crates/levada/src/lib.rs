//! Channels you can build a service on, and see into.
#![cfg_attr(
    not(test),
    allow(dead_code, reason = "the channels that use them are being built")
)]

mod prim;
mod refs;
mod storage;
mod util;
mod wait;

pub mod broadcast;
pub mod mpsc;
pub mod oneshot;
pub mod watch;
