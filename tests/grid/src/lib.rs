//! A grid: every action of a sender against every action of a receiver, from every state of the
//! channel, at every interleaving of their polls, and as two threads.
//!
//! A [`Table`] names the states and the actions of one kind of channel; everything else follows
//! from it. A *cell* is a state, an action of the sender, an action of the receiver, each with the
//! [`Stage`] up to which its future is polled, and an [`End`]. A *run* is a cell with one
//! interleaving. After it, everybody who is woken runs until all are at rest; the channel ends; and
//! the run is checked:
//!
//! - whoever sleeps is polled again, with a new waker: if that is ready, a wake-up was lost;
//! - nobody still waits when the channel has ended;
//! - each message was received, given back or dropped with the channel, and dropped once;
//! - what a receiver received is in the order in which it was sent;
//! - no waker is kept for an end that has gone, and the heap is as it was.
//!
//! What is seen on the way is written down, so that two implementations can be compared.
//!
//! To run it: `cargo test -p levada-grid -- --nocapture`, which says how many cells ran. Under Miri
//! one cell in 499 runs; what is forgotten leaks on purpose:
//! `MIRIFLAGS=-Zmiri-ignore-leaks cargo +nightly miri test -p levada-grid`.

mod action;
mod compare;
mod journal;
mod party;
mod race;
mod run;
mod schedule;
mod table;
mod world;

pub use action::{Action, Stage, pause, staged};
pub use compare::{Difference, Tested, check, check_races};
pub use party::{Answer, Side, Steps, steps};
pub use race::Racers;
pub use run::{End, Run};
pub use table::{Cell, Grid, Others, State, Table};
pub use world::{Shelf, World};
