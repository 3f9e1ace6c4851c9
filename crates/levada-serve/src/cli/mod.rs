//! The command line: what can be asked for, and within which bounds. One file for each subcommand.

pub mod cancel;
pub mod common;
pub mod completions;
pub mod man;
pub mod program;
pub mod queues;
pub mod result;
pub mod retry;
pub mod serve;
pub mod status;
pub mod submit;
pub mod top;
pub mod work;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand};

use self::cancel::CancelArgs;
use self::completions::CompletionsArgs;
use self::man::ManArgs;
use self::queues::QueuesArgs;
use self::result::ResultArgs;
use self::retry::RetryArgs;
use self::serve::ServeArgs;
use self::status::StatusArgs;
use self::submit::SubmitArgs;
use self::top::TopArgs;
use self::work::WorkArgs;

/// A durable job queue in front of any command, over HTTP, and the tools to use it.
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
    /// Serve a command over HTTP: run it for each job of a bounded queue that survives a restart
    Serve(Box<ServeArgs>),
    /// Run a command for the jobs that the front ends of a cluster (`levada serve --nats`) accept
    Work(Box<WorkArgs>),
    /// Submit a job to a server, wait for its end, and write its output
    Submit(Box<SubmitArgs>),
    /// List the newest jobs of a server, or show particular ones
    Status(StatusArgs),
    /// Write the output of a job
    Result(ResultArgs),
    /// Cancel jobs that wait or run
    Cancel(CancelArgs),
    /// Run jobs again that failed or were cancelled
    Retry(RetryArgs),
    /// Show the queues of a server
    Queues(QueuesArgs),
    /// Watch the channels of a program in the terminal: depths, rates, and which line waits where
    Top(TopArgs),
    /// Write a script with which a shell completes levada's command line
    Completions(CompletionsArgs),
    /// Write a manual page
    Man(ManArgs),
}

/// The command line of this process. If it is wrong, the program ends here, with code 2.
#[must_use]
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| with_advice(error).exit())
}

/// What to do with an argument that `levada serve` or `levada work` does not know: a command
/// without `--` in front of it, and an option of a front end that is given to a worker.
fn with_advice(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let argument = argument.clone();
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let program =
        ["serve", "work"].into_iter().find(|name| usage.contains(&format!("levada {name}")));
    let (ErrorKind::UnknownArgument, Some(program)) = (error.kind(), program) else {
        return error;
    };
    if !argument.starts_with('-') {
        let tip = format!("a command stands after `--`: levada {program} -- {argument} ...");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    } else if is_of_front_ends(&argument) {
        let message = format!(
            "{argument} is an option of the front ends: give it to `levada serve --nats`. A worker \
             takes the settings of its queues from them, and takes no jobs from clients\n"
        );
        return clap::Error::raw(ErrorKind::UnknownArgument, message);
    }
    error
}

fn is_of_front_ends(option: &str) -> bool {
    let serve = <ServeArgs as Args>::augment_args(clap::Command::new("serve"));
    let mut known = serve.get_arguments().filter_map(clap::Arg::get_long);
    option.strip_prefix("--").is_some_and(|name| known.any(|known| known == name))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::common::ServerOptions;
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

    /// What a wrong command line is answered with.
    fn said(line: &[&str]) -> String {
        with_advice(Cli::try_parse_from(line).unwrap_err()).to_string()
    }

    #[test]
    fn a_worker_refuses_the_options_of_front_ends_and_says_where_they_belong() {
        let mut command = <Cli as clap::CommandFactory>::command();
        command.build();
        let options = |name: &str| {
            let arguments = command.find_subcommand(name).unwrap().get_arguments();
            arguments.filter_map(clap::Arg::get_long).collect::<Vec<_>>()
        };
        let (serve, work) = (options("serve"), options("work"));
        assert!(work.iter().all(|option| serve.contains(option)), "{work:?}");
        for own in ["nats", "nats-credentials", "cluster", "workers", "listen", "tls-cert"] {
            assert!(work.contains(&own), "{own} is missing in {work:?}");
        }
        let of_front_ends: Vec<_> =
            serve.iter().filter(|option| !work.contains(option)).copied().collect();
        for option in ["queue", "durability", "keep-jobs", "store", "timeout", "quota"] {
            assert!(of_front_ends.contains(&option), "{option} is in {work:?}");
        }
        for option in of_front_ends {
            for argument in [format!("--{option}"), format!("--{option}=1")] {
                let text = said(&["levada", "work", "--nats=n", &argument, "--", "wc"]);
                let expected = format!("error: --{option} is an option of the front ends: ");
                assert!(text.starts_with(&expected), "{text}");
            }
        }
        let unknown = said(&["levada", "work", "--no-such", "--", "wc"]);
        assert!(!unknown.contains("front end"), "{unknown}");
    }

    fn document(name: &str) -> String {
        let path = format!("{}/docs/{name}.md", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn documentation_names_the_subcommands_and_the_options_of_the_server() {
        let text = document("cli");
        let mut command = <Cli as clap::CommandFactory>::command();
        command.build();
        let tools = command.get_subcommands().map(clap::Command::get_name);
        for name in tools.filter(|name| !["serve", "help"].contains(name)) {
            assert!(text.contains(&format!("\n| `levada {name}")), "docs/cli.md has no {name}");
        }
        let server = <ServerOptions as Args>::augment_args(clap::Command::new("server"));
        let with_value = server.get_arguments().filter(|option| option.get_action().takes_values());
        for option in with_value {
            let (flag, name) = (option.get_long().unwrap(), &option.get_value_names().unwrap()[0]);
            assert!(
                text.contains(&format!("\n| `--{flag} {name}` |")),
                "docs/cli.md has no --{flag}"
            );
        }
    }

    #[test]
    fn documented_options_exist() {
        // Those of cargo, curl, docker, grep, nats-server, sort and systemd, in examples.
        let others = [
            "data-binary",
            "example",
            "features",
            "jetstream",
            "kill-whom",
            "locked",
            "path",
            "signal",
            "stop-timeout",
            "unbuffered",
            "unique",
        ];
        let mut command = <Cli as clap::CommandFactory>::command();
        command.build();
        let options = command.get_subcommands().flat_map(clap::Command::get_arguments);
        let mut known: Vec<_> = options.filter_map(clap::Arg::get_long).collect();
        known.extend(others);
        let mut seen = 0;
        for name in ["cli", "cluster", "config", "serve", "http", "top"] {
            let text = document(name);
            let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '-');
            for option in words.filter_map(|word| word.strip_prefix("--")) {
                let is_option = option.starts_with(|c: char| c.is_ascii_lowercase());
                assert!(!is_option || known.contains(&option), "docs/{name}.md: --{option}");
                seen += usize::from(is_option);
            }
        }
        assert!(seen > 100, "{seen} options are in the docs");
    }

    #[test]
    fn command_without_dashes_gets_the_advice() {
        let advice = "tip: a command stands after `--`: levada serve -- wc ...";
        assert!(said(&["levada", "serve", "wc", "-c"]).contains(advice));
        assert!(said(&["levada", "serve", "--workers", "2", "wc"]).contains(advice));
        assert!(said(&["levada", "work", "wc"]).contains("levada work -- wc ..."));
        for other in [&["levada", "serve", "--wc"][..], &["levada", "queues", "wc"]] {
            assert!(!said(other).contains("a command stands"), "{other:?}");
        }
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
