//! The harness does what it says.

mod cluster;
mod proxy;
mod server;
mod support;
