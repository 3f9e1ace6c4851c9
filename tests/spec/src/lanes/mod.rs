//! Channels of lanes, with one receiver and with many: their operations.

mod family;
mod model;
mod run;

pub use family::{Family, Mpmc, Mpsc};
pub use run::{run, run_tampered};

use proptest_derive::Arbitrary;

use crate::check::Key;
use crate::queue;
pub use crate::queue::Answer;

/// How many lanes a channel has.
pub const LANES: usize = 3;

/// How many messages each lane gives in a round, of a channel that serves in turns.
pub const WEIGHTS: [u32; LANES] = [3, 1, 2];

/// A channel's life.
#[derive(Arbitrary, Clone, Debug)]
pub struct Case {
    #[proptest(strategy = "proptest::array::uniform3(1..=4_usize)")]
    pub capacities: [usize; LANES],
    pub serve: Discipline,
    /// What is done to it.
    #[proptest(strategy = "crate::operations()")]
    pub ops: Vec<Op>,
}

/// How the lanes are served.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Discipline {
    Strict,
    Weighted,
    /// Aged, and no lane is ever passed over for long enough.
    Patient,
    /// Aged, and each lane that is passed over is due at once.
    Impatient,
}

/// One operation. The first number picks one of the handles or futures that there are; where there
/// is none, nothing happens. The second one picks a lane.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Op {
    CloneSender(u8),
    DropSender(u8),
    /// The sender of one lane, beside those of all.
    CloneLane(u8, u8),
    DropLane(u8),
    /// `into_lanes`
    Split(u8),
    #[proptest(weight = 14)]
    TrySend(u8, u8),
    #[proptest(weight = 12)]
    StartSend(u8, u8),
    /// With the number of the lane, or without.
    #[proptest(weight = 8)]
    StartRecv(u8, bool),
    /// The receiver as a stream.
    StartNext(u8),
    /// With the number of the lane, or without.
    #[proptest(weight = 8)]
    TryRecv(u8, bool),
    /// Where it does not block.
    BlockingRecv(u8),
    #[proptest(weight = 2)]
    CloneReceiver(u8),
    DropReceiver(u8),
    Close(u8),
    #[proptest(weight = 20)]
    Poll(u8),
    /// With another waker than before.
    #[proptest(weight = 2)]
    PollElsewhere(u8),
    /// Polls each future that was woken, as an executor does.
    #[proptest(weight = 4)]
    PollWoken,
    #[proptest(weight = 2)]
    Cancel(u8),
    Forget(u8),
}

/// An operation with all of its choices made.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Of one lane.
    In(usize, queue::Action),
    /// Of each lane.
    InAll(queue::Action),
    TryRecv,
    PollRecv {
        key: Key,
    },
}
