//! The queue.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod both_ends;
mod many;
mod receive;
mod receive_dead;
mod receive_delay;
mod receive_faults;
mod receive_lease;
mod receive_process;
mod receiving;
mod send;
mod send_faults;
mod send_waits;
mod support;
