//! One file for each thing that can be asked for: parse, call, render; no logic.

pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod jobs;
