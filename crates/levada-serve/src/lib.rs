//! `levada serve -- COMMAND`: a bounded queue with backpressure in front of any command.
//!
//! Each `POST /` becomes a job: the body goes to the command's standard input, its standard output
//! comes back as the response. Four kinds of channel carry it, each where it belongs:
//!
//! | channel     | carries                                           | file               |
//! |-------------|---------------------------------------------------|--------------------|
//! | `mpmc`      | accepted jobs, from the handlers to the workers   | `jobs/queue.rs`    |
//! | `oneshot`   | "a worker took it" and the outcome, back          | `jobs/job.rs`      |
//! | `broadcast` | what happens, to every `GET /events`              | `jobs/feed.rs`     |
//! | `watch`     | progress, and the phase of the shutdown           | `jobs/feed.rs`, `shutdown.rs` |
//!
//! `jobs` knows no HTTP, `routes` knows no processes; `server.rs` puts them together.
#![forbid(unsafe_code)]

#[cfg(not(unix))]
compile_error!("levada serve stops jobs through Unix process groups and signals: build it on Unix");

mod app;
pub mod cli;
mod guard;
mod jobs;
mod problem;
mod routes;
mod server;
mod shutdown;

use std::fmt;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Cli, Command};

/// Runs what the command line asks for, and returns the program's exit code.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let Command::Serve(args) = cli.command;
    match log_to_stderr().and_then(|()| server::run(args)) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("levada: {fault}");
            ExitCode::from(fault.code)
        }
    }
}

/// Why the program could not do what it was asked for, and the exit code that says so.
#[derive(Debug)]
struct Fault {
    /// 2: the command line asks for something impossible; 1: the system refused.
    code: u8,
    message: String,
}

impl Fault {
    fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    fn system(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Logs to standard error, so that standard output keeps the one line that scripts read.
/// `RUST_LOG` chooses the level (`debug`) or levels (`levada_serve=debug,hyper=warn`).
fn log_to_stderr() -> Result<(), Fault> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) => filter.parse::<Targets>().map_err(|error| {
            Fault::usage(format!("RUST_LOG={filter:?}: {error}; try RUST_LOG=debug"))
        })?,
        Err(_) => Targets::new().with_default(LevelFilter::INFO),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_filter(filter);
    tracing_subscriber::registry().with(lines).init();
    Ok(())
}
