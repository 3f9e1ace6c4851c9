//! The command line: what can be asked for, and within which bounds. One file for each subcommand.

pub mod cancel;
pub mod common;
pub mod completions;
pub mod man;
pub mod queues;
pub mod result;
pub mod retry;
pub mod serve;
pub mod status;
pub mod submit;

use clap::{Parser, Subcommand};

use self::cancel::CancelArgs;
use self::completions::CompletionsArgs;
use self::man::ManArgs;
use self::queues::QueuesArgs;
use self::result::ResultArgs;
use self::retry::RetryArgs;
use self::serve::ServeArgs;
use self::status::StatusArgs;
use self::submit::SubmitArgs;

/// A durable job queue in front of any command, over HTTP, and its tools.
#[derive(Debug, Parser)]
#[command(name = "levada", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a command for jobs over HTTP, from bounded queues that survive a restart
    Serve(Box<ServeArgs>),
    /// Give a server a job, wait for its end, and write its output
    Submit(Box<SubmitArgs>),
    /// Show the newest jobs of a server, or some of them
    Status(StatusArgs),
    /// Write the output of a job
    Result(ResultArgs),
    /// Cancel jobs that wait or run
    Cancel(CancelArgs),
    /// Run jobs that failed or were cancelled again
    Retry(RetryArgs),
    /// Show the queues of a server
    Queues(QueuesArgs),
    /// Write a script that lets a shell complete levada's command line
    Completions(CompletionsArgs),
    /// Write a manual page
    Man(ManArgs),
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The options of `levada serve` with these arguments.
    pub(crate) fn serve(arguments: &[&str]) -> Result<ServeArgs, clap::Error> {
        let line = ["levada", "serve"].iter().chain(arguments);
        Cli::try_parse_from(line).map(|cli| {
            let Command::Serve(args) = cli.command else { panic!("`serve` is another") };
            *args
        })
    }

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn an_option_that_would_be_ignored_is_refused() {
        for bad in [
            &["retry", "ID", "--queue", "q"][..],
            &["retry", "--queue", "q"],
            &["submit", "--data", "text", "--output-dir", "d"],
            &["submit", "--output-dir", "d"],
        ] {
            let line = ["levada"].iter().chain(bad);
            assert!(Cli::try_parse_from(line).is_err(), "{bad:?} was accepted");
        }
        for good in [
            &["retry", "--all-failed", "--queue", "q"][..],
            &["retry", "ID"],
            &["submit", "--file", "f", "--output-dir", "d"],
        ] {
            let line = ["levada"].iter().chain(good);
            assert!(Cli::try_parse_from(line).is_ok(), "{good:?} was refused");
        }
    }
}
