//! What a cell is: one line of the tables.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A shape of work with its parameters, and who can do it.
#[derive(Debug)]
pub(crate) struct Cell {
    /// Unique, as a path: `mpsc/bounded/mt-4-1/cap-128/u64`.
    pub(crate) name: String,
    /// The line below the table's head: what one operation is.
    pub(crate) about: &'static str,
    pub(crate) unit: Unit,
    pub(crate) work: Work,
    pub(crate) contenders: Vec<Contender>,
}

impl Cell {
    /// A cell whose result is the time for one operation.
    pub(crate) fn timed(
        name: impl Into<String>,
        about: &'static str,
        contenders: Vec<Contender>,
    ) -> Self {
        let (unit, work) = (Unit::NanosecondsPerOperation, Work::Calibrated);
        Self { name: name.into(), about, unit, work, contenders }
    }
}

/// Somebody who can do a cell's work.
pub(crate) struct Contender {
    /// The crate's name, perhaps with a variant behind it: `fibre (spmc)`. Whoever's name begins
    /// with `levada` is not a peer.
    pub(crate) name: &'static str,
    /// Does `n` operations. It panics if a message is lost, doubled or changed.
    pub(crate) run: Box<dyn Fn(u64) -> Round>,
}

impl Contender {
    pub(crate) fn new(name: &'static str, run: impl Fn(u64) -> Round + 'static) -> Self {
        Self { name, run: Box::new(run) }
    }
}

impl std::fmt::Debug for Contender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What one round of `n` operations gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Round {
    /// For all `n` operations.
    Time(Duration),
    /// One value for each of [`Unit::columns`].
    Values(Vec<f64>),
}

/// What a cell's figures are. Less is better, always.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unit {
    /// The round is a [`Round::Time`].
    NanosecondsPerOperation,
    /// The round is [`Round::Values`]; so are those below.
    Nanoseconds(&'static [&'static str]),
    Bytes(&'static [&'static str]),
    Allocations(&'static [&'static str]),
}

impl Unit {
    /// The names of the values of one round; one without a name for a time.
    pub(crate) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::NanosecondsPerOperation => &[""],
            Self::Nanoseconds(columns) | Self::Bytes(columns) | Self::Allocations(columns) => {
                columns
            }
        }
    }

    /// As a table's head says it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NanosecondsPerOperation => "ns/op",
            Self::Nanoseconds(_) => "ns",
            Self::Bytes(_) => "bytes",
            Self::Allocations(_) => "allocations",
        }
    }
}

/// How many operations a round has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Work {
    /// As many as take a few milliseconds, the same number for all contenders.
    Calibrated,
    /// This many, for what depends on the number; `--smoke` does not shorten it.
    Fixed(u64),
}

/// Makes a list of [`Contender`]s that do the same: `contenders!(C => |n| f::<C>(n); [A, B])` is
/// one for `A` and one for `B`, each with the closure in which `C` stands for it. Its name is
/// `C::NAME`.
macro_rules! contenders {
    ($alias:ident => $run:expr; [$($kind:ty),* $(,)?]) => {
        vec![$({
            type $alias = $kind;
            $crate::cell::Contender::new($alias::NAME, $run)
        }),*]
    };
}
pub(crate) use contenders;
