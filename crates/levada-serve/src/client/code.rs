//! The exit codes, besides those of commands: those of `sysexits.h`, and those of shells and of
//! `timeout`.

pub(super) const FAILED: u8 = 1;
pub(super) const USAGE: u8 = 2;
pub(super) const NO_INPUT: u8 = 66;
pub(super) const UNAVAILABLE: u8 = 69;
pub(super) const IO: u8 = 74;
pub(super) const NOT_NOW: u8 = 75;
pub(super) const NO_PERMISSION: u8 = 77;
pub(super) const TIMED_OUT: u8 = 124;
pub(super) const NOT_RUN: u8 = 126;
/// What is added to the number of a signal that ended a command.
pub(super) const SIGNAL: u8 = 128;
/// As a program has that Ctrl-C ends.
pub(super) const CANCELLED: u8 = 130;
/// As a program has that `SIGPIPE` ends.
pub(super) const NOBODY_READS: u8 = 141;
