//! `levada serve -- COMMAND`: a bounded queue with backpressure in front of any command.
//!
//! Each `POST /` becomes a job: the body goes to the command's standard input, its standard output
//! comes back as the response. Four kinds of channel carry it, each where it belongs:
//!
//! | channel     | carries                                                            | file                  |
//! |-------------|--------------------------------------------------------------------|-----------------------|
//! | `mpsc`      | changes, from all tasks to the one writer of the store             | `store/writer.rs`     |
//! | `oneshot`   | "it is on disk", back; the right to run, to a worker               | `store/writer.rs`, `jobs/scheduler.rs` |
//! | `mpmc`      | jobs in line, to the workers                                       | `jobs/queue.rs`       |
//! | `watch`     | a job's state, the configuration, the phase of the shutdown         | `jobs/active.rs`, `settings.rs`, `levada_work::shutdown` |
//! | `broadcast` | events, and what a command writes, to all clients that watch       | `jobs/events.rs`, `jobs/active.rs` |
//!
//! ```text
//! job <- store <- jobs <- http <- run        each uses what stands to its left
//! ```
//!
//! `job` is data, and steps from one state to the next. `store` keeps jobs, `jobs` runs them and
//! knows no HTTP, `http` knows no processes, and `run` puts them together as `cli`, `config` and
//! `secure` say. ARCHITECTURE.md has the whole line, and a job's way through the files.
//!
//! `client` is the other side: the tools that ask a running server, of which they know
//! `docs/http.md` alone.
#![forbid(unsafe_code)]

#[cfg(not(unix))]
compile_error!("levada serve stops jobs through Unix process groups and signals: build it on Unix");

pub mod cli;
mod client;
#[cfg(feature = "nats")]
mod cluster;
mod config;
mod descriptors;
mod fault;
mod http;
mod job;
mod jobs;
mod log;
mod metrics;
#[cfg(not(feature = "nats"))]
mod no_cluster;
mod outbound;
mod run;
mod secure;
mod server;
mod settings;
mod signals;
mod store;
mod sync;
mod telemetry;
mod time_limit;
mod transient;

use std::io::{self, Write};
use std::process::ExitCode;

use tracing::warn;

use crate::cli::{Cli, Command};
use crate::config::{Role, Source};
use crate::fault::Fault;
use crate::log::Log;
#[cfg(not(feature = "nats"))]
use crate::no_cluster as cluster;
use crate::settings::Settings;

/// Runs what the command line asks for, and returns the program's exit code.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let (program, source, role) = match cli.command {
        Command::Serve(args) => (args.program.clone(), args.source(), Role::FrontEnd),
        Command::Work(args) => (args.program.clone(), args.source(), Role::Worker),
        Command::Submit(args) => return client::submit(&args),
        Command::Status(args) => return client::status(&args),
        Command::Result(args) => return client::result(&args),
        Command::Cancel(args) => return client::cancel(&args),
        Command::Retry(args) => return client::retry(&args),
        Command::Queues(args) => return client::queues(&args),
        Command::Top(args) => return client::top(&args),
        Command::Completions(args) => return client::completions(&args),
        Command::Man(args) => return client::man(&args),
    };
    let log = match Log::start(program.log_format) {
        Ok(log) => log,
        Err(fault) => {
            // That nothing reads it is no reason to panic.
            drop(writeln!(io::stderr(), "levada: {fault}"));
            return ExitCode::from(fault.code);
        }
    };
    let code = serve(source, role, program.check).unwrap_or_else(|fault| {
        log.fault(&fault);
        ExitCode::from(fault.code)
    });
    log.flush();
    code
}

fn serve(source: Source, role: Role, check: bool) -> Result<ExitCode, Fault> {
    let settings = Settings::load(source)?;
    let warning = match role {
        Role::FrontEnd => secure::check(&settings.service, settings.tokens.is_some()),
        Role::Worker => secure::check_worker(&settings.service, &settings.config.borrow()),
    };
    let warning = warning.map_err(Fault::usage)?;
    if let Some(warning) = warning {
        warn!("{warning}");
    }
    if check {
        let text = settings.to_toml();
        // If standard output is closed, the text is not wanted.
        drop(io::stdout().write_all(text.as_bytes()));
        return Ok(ExitCode::SUCCESS);
    }
    run::serve(settings, role)
}
