//! The pages of `levada serve` and of `levada-observe` in a real browser. `cargo xtask page` runs
//! this.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]
#![forbid(unsafe_code)]

mod access;
mod browser;
mod channels;
mod inside;
mod job;
mod overview;
mod service;
mod submit;
mod token;
