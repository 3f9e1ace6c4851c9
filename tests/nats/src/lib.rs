//! Real NATS servers for tests: started, killed, paused, cut off, restarted on what they stored.
//!
//! [`Server`] is one node, [`Cluster`] are several, [`Proxy`] is a TCP connection that a test
//! breaks, [`Process`] any other program. Every server is a process with a folder of its own, and
//! ends with the test, also when the test's process is killed. [`until`] waits for a condition.
//!
//! The programs are those of [`DIR_VARIABLE`]; `cargo xtask nats` installs them, sets it, and runs
//! the tests.
//!
//! ```no_run
//! # async fn example() {
//! use levada_nats_test::Server;
//!
//! let server = Server::start().await;
//! // A client connects to `server.url()` and stores messages.
//! server.kill();
//! server.restart().await; // The same port, the same messages.
//! # }
//! ```

#![forbid(unsafe_code)]

mod builder;
mod cluster;
mod jwt;
mod ports;
mod process;
mod program;
mod proxy;
mod request;
mod server;
mod tls;
mod wait;

pub use builder::Builder;
pub use cluster::Cluster;
pub use jwt::Operator;
pub use process::Process;
pub use program::{DEEP_VARIABLE, DEFAULT_VERSION, DIR_VARIABLE, VERSION_VARIABLE, is_deep};
pub use proxy::{Counts, Proxy};
pub use request::request;
pub use server::Server;
pub use tls::Certificates;
pub use wait::{PATIENCE, until};
