//! Drives the tools of the `levada` binary as processes, against `levada serve`, or against a
//! server that says what no `levada serve` would.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod accepted;
mod hostile;
mod jobs;
mod outputs;
mod pace;
mod pages;
mod proxies;
mod pty;
mod queues;
mod reconnect;
mod refusals;
mod submit;
mod support;
mod terminal;
mod tls;
mod top;
