//! Running the cells: a process for each contender, rounds in turn.

pub(crate) mod calibrate;
pub(crate) mod child;
pub(crate) mod process;
pub(crate) mod protocol;
pub(crate) mod run;
pub(crate) mod smoke;
