//! What the scenarios in `tests` have in common: running one under many schedules, counting what
//! becomes of every message, and cancelling.
//!
//! Everything here is for `--cfg levada_shuttle`; without it the crate is empty.
#![cfg(levada_shuttle)]
#![forbid(unsafe_code)]

pub use futures_util::future::Either;

mod cancel;
mod ledger;
mod run;

pub use cancel::{Alarm, cut, first, forget, race};
pub use ledger::{Counts, Ledger, Parcel, Reader};
pub use run::{Task, below, check, finish, join, pause, tasks};
