//! `levada serve`: its options, and what they change in a configuration.

use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use http::{HeaderValue, StatusCode};

use crate::config::values::{
    MAX_ATTEMPTS, MAX_CAPACITY, MAX_WORKERS, count, duration, duration_or_zero, kept_size, size,
    size_or_zero,
};
use crate::config::{Config, Mode, OnDisconnect, QueueConfig};

/// Options of `levada serve`.
///
/// The doc of each field is its `--help` text.
#[derive(Debug, Clone, Args)]
#[command(override_usage = "\
levada serve [OPTIONS] -- COMMAND [ARGUMENTS]
       levada serve [OPTIONS] --config FILE [-- COMMAND [ARGUMENTS]]")]
#[command(after_help = "\
Durations are written as 30s, 5m, 1h30m or 250ms, or as a number of seconds; sizes in bytes, or \
with KiB, MiB, GiB, TiB.

Examples: levada serve --workers 4 -- wc -c
          curl --data-binary @file http://127.0.0.1:8080/

          levada serve --config levada.toml --check")]
pub struct ServeArgs {
    /// The command of the queue `default` and its arguments, after `--`; no shell is involved
    #[arg(last = true, required_unless_present = "config", num_args = 1.., value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,

    /// Read queues from this TOML file; it is read again when it changes, and on SIGHUP
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Print the configuration that would hold, secrets hidden, and exit: 0, or 2 with what is
    /// wrong
    #[arg(long)]
    pub(crate) check: bool,

    #[command(flatten)]
    pub(crate) queue: QueueOptions,

    #[command(flatten)]
    pub(crate) service: ServiceOptions,

    #[command(flatten)]
    pub(crate) access: AccessOptions,
}

/// Options of the queue `default`; in a file each queue has keys of nearly the same names.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "The queue of the command after `--`")]
pub(crate) struct QueueOptions {
    /// How many commands run at the same time [default: the number of CPUs]
    #[arg(long, value_name = "N", requires = "command", value_parser = count(MAX_WORKERS))]
    workers: Option<usize>,

    /// How many accepted jobs can wait for a worker; when that many wait, more are refused
    /// [default: 64]
    #[arg(long, value_name = "N", requires = "command", value_parser = count(MAX_CAPACITY))]
    queue: Option<usize>,

    /// How long a client waits for the outcome before it gets 202 and the job's address; 0: not at
    /// all [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "command", value_parser = duration_or_zero)]
    wait: Option<Duration>,

    /// How long a command may run; then it is stopped [default: 60s]
    #[arg(long, value_name = "DURATION", requires = "command", value_parser = duration)]
    timeout: Option<Duration>,

    /// How long what is left of a command has at most between SIGTERM (or its end) and SIGKILL
    /// [default: 5s]
    #[arg(long, value_name = "DURATION", requires = "command", value_parser = duration)]
    grace: Option<Duration>,

    /// How often a job is run at most, when its exit code says that it may succeed another time, or
    /// the command cannot be started [default: 3]
    #[arg(long, value_name = "N", requires = "command", value_parser = count(MAX_ATTEMPTS))]
    max_attempts: Option<usize>,

    /// How often in a row the service may die while a job runs, before the job is given up: it may
    /// be what kills the service [default: 3]
    #[arg(long, value_name = "N", requires = "command", value_parser = count(MAX_ATTEMPTS))]
    max_interruptions: Option<usize>,

    /// Whether each job has a process, or one process does job after job: each a line that it
    /// answers with a line, or a frame (length and bytes) that it answers with a frame [default:
    /// process]
    #[arg(
        long,
        requires = "command",
        value_enum,
        hide_possible_values = true,
        value_name = "process|lines|frames"
    )]
    mode: Option<Mode>,

    /// What becomes of the job of a client that hangs up while it waits [default: cancel]
    #[arg(
        long,
        requires = "command",
        value_enum,
        hide_possible_values = true,
        value_name = "cancel|finish"
    )]
    on_disconnect: Option<OnDisconnect>,

    /// Which queue goes first where --max-running binds: the greatest, from -128 to 127 [default:
    /// 0]
    #[arg(long, value_name = "N", requires = "command", allow_negative_numbers = true)]
    priority: Option<i8>,

    /// Largest request body [default: 8MiB]
    #[arg(long, value_name = "SIZE", requires = "command", value_parser = size)]
    max_body: Option<usize>,

    /// Largest output of a command; beyond it, it is stopped [default: 64MiB]
    #[arg(long, value_name = "SIZE", requires = "command", value_parser = size)]
    max_output: Option<usize>,

    /// How much of the end of standard error is kept [default: 4KiB]
    #[arg(long, value_name = "SIZE", requires = "command", value_parser = size)]
    stderr_tail: Option<usize>,

    /// Content type of the command's output [default: application/octet-stream]
    #[arg(long, value_name = "TYPE", requires = "command")]
    content_type: Option<HeaderValue>,
}

/// Options of the service as a whole.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The service")]
pub(crate) struct ServiceOptions {
    /// Where accepted jobs are kept: a directory of its own for each service, or `memory`, which
    /// lasts as long as the process
    #[arg(long, value_name = "DIR|memory", default_value = "levada-data")]
    pub(crate) store: StoreOption,

    /// How long jobs are kept that have ended [default: 7days]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    keep_jobs: Option<Duration>,

    /// How many bytes inputs, outputs and standard error of jobs that have ended may take; the
    /// oldest are given up first [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = kept_size)]
    keep_bytes: Option<u64>,

    /// How many commands of all queues run at the same time [default: as many as have workers]
    #[arg(long, value_name = "N", value_parser = count(MAX_WORKERS))]
    max_running: Option<usize>,

    /// How many unfinished jobs a client may have; beyond it the answer is 429 [default: any
    /// number]
    #[arg(long, value_name = "N", value_parser = count(MAX_CAPACITY))]
    quota: Option<usize>,

    /// The status that says that a queue is full: 503 for load balancers, 429 for clients that know
    /// only that
    #[arg(long, value_name = "503|429", default_value = "503", value_parser = full_status)]
    pub(crate) full_status: StatusCode,

    /// How long a client may take to send a request's head, or keep a connection idle
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub(crate) header_timeout: Duration,

    /// How long a client may send nothing of a request's body; then the answer is 408
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) body_timeout: Duration,

    /// How many bytes a second of a request's body have to come on average, after a first
    /// --body-timeout; else the answer is 408. 0: any number
    #[arg(long, value_name = "SIZE", default_value = "500", value_parser = size_or_zero)]
    pub(crate) body_min_rate: usize,

    /// How the log on standard error is written: lines of text, or one JSON object a line
    #[arg(
        long,
        value_name = "text|json",
        default_value = "text",
        value_enum,
        hide_possible_values = true,
        env = "LEVADA_LOG_FORMAT",
        hide_env_values = true
    )]
    pub(crate) log_format: LogFormat,

    /// How many connections are served at the same time; for another one, the longest idle one ends
    #[arg(long, value_name = "N", default_value = "1024", value_parser = count(1_000_000))]
    pub(crate) max_connections: usize,
}

/// Which clients can reach the service, and which of them may use it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Who may use it")]
pub(crate) struct AccessOptions {
    /// Address to listen on; port 0 takes a free one, which is printed. One that other machines
    /// reach needs tokens, or --allow-anonymous with TLS or --allow-plain-http
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// Only clients with a token from this file: one a line, TOKEN or NAME TOKEN. The environment
    /// variable LEVADA_TOKEN is one more
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Take a token file that every user of this machine can read, as Docker and Kubernetes mount
    /// secrets
    #[arg(long, requires = "token_file")]
    pub(crate) allow_world_readable_tokens: bool,

    /// Every client that reaches the service may run the command; refused together with tokens
    #[arg(long)]
    pub(crate) allow_anonymous: bool,

    /// Listen without TLS where other machines reach the service: in a network that is trusted,
    /// such as that of a few containers, or behind a proxy that does TLS
    #[arg(long, conflicts_with = "tls_cert")]
    pub(crate) allow_plain_http: bool,

    /// A name by which clients reach a service without tokens; may be given several times. IP
    /// addresses and localhost need none. A service that other machines reach also answers to names
    /// that are private by their form and, with TLS, to every name
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,

    /// Serve HTTPS with this certificate and its chain (PEM); read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Where jobs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreOption {
    /// Nowhere but in this process.
    Memory,
    /// In this directory.
    Directory(PathBuf),
}

impl FromStr for StoreOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Err("give a directory, or memory".to_owned()),
            "memory" => Ok(Self::Memory),
            directory => Ok(Self::Directory(directory.into())),
        }
    }
}

impl ServeArgs {
    /// Puts what was said about the service in the place of what a file says.
    pub(crate) fn apply(&self, config: &mut Config) {
        let options = &self.service;
        // A file can keep failed jobs for another time than the others.
        put(options.keep_jobs, &mut config.retention.jobs);
        put(options.keep_jobs, &mut config.retention.failed);
        put(options.keep_bytes, &mut config.retention.max_bytes);
        put(options.max_running.map(Some), &mut config.max_running);
        put(options.quota.map(Some), &mut config.quota);
    }
}

impl QueueOptions {
    /// Puts what was said about the command's queue in the place of the defaults.
    pub(crate) fn apply(&self, queue: &mut QueueConfig) {
        put(self.workers, &mut queue.workers);
        put(self.queue, &mut queue.capacity);
        put(self.wait, &mut queue.wait);
        put(self.timeout, &mut queue.timeout);
        put(self.grace, &mut queue.grace);
        put(self.max_attempts.and_then(|n| n.try_into().ok()), &mut queue.retry.max_attempts);
        put(
            self.max_interruptions.and_then(|n| n.try_into().ok()),
            &mut queue.retry.max_interruptions,
        );
        put(self.mode, &mut queue.mode);
        put(self.on_disconnect, &mut queue.on_disconnect);
        put(self.priority, &mut queue.priority);
        put(self.max_body, &mut queue.max_body);
        put(self.max_output, &mut queue.max_output);
        put(self.stderr_tail, &mut queue.stderr_tail);
        put(self.content_type.clone(), &mut queue.content_type);
    }
}

fn put<T>(said: Option<T>, place: &mut T) {
    if let Some(value) = said {
        *place = value;
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .map_err(|error| format!("{error}; give HOST:PORT, for example 127.0.0.1:8080"))?
        .next()
        .ok_or_else(|| "the name has no address".to_owned())
}

fn full_status(text: &str) -> Result<StatusCode, String> {
    match text {
        "503" => Ok(StatusCode::SERVICE_UNAVAILABLE),
        "429" => Ok(StatusCode::TOO_MANY_REQUESTS),
        _ => Err("give 503 or 429".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::serve as parse;
    use crate::config::{DEFAULT_QUEUE, load};

    #[test]
    fn command_keeps_its_own_options() {
        let args = parse(&["--queue", "3", "--", "grep", "--count", "-e", "x"]).unwrap();
        assert_eq!(args.queue.queue, Some(3));
        assert_eq!(args.command, ["grep", "--count", "-e", "x"]);
    }

    #[test]
    fn command_stands_after_dashes_and_is_required_without_a_file() {
        for bad in [&[][..], &["--"], &["wc"], &["--config", "f", "--workers", "2"]] {
            assert!(parse(bad).is_err(), "{bad:?} was accepted");
        }
        let args = parse(&["--config", "f"]).unwrap();
        assert!(args.command.is_empty());
    }

    #[test]
    fn bounds_are_kept() {
        for bad in [
            "--queue=0",
            "--workers=4097",
            "--listen=8080",
            "--wait=-1",
            "--timeout=0",
            "--full-status=500",
            "--on-disconnect=ignore",
            "--priority=128",
            "--store=",
            "--keep-bytes=0",
            "--tls-cert=f",
            "--content-type=\u{7f}",
        ] {
            assert!(parse(&[bad, "--", "true"]).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn help_names_the_defaults_that_hold() {
        let args = parse(&["--", "true"]).unwrap();
        let config = load(&args).unwrap();
        let queue = &config.queues[DEFAULT_QUEUE];
        assert_eq!(args.service.store, StoreOption::Directory("levada-data".into()));
        let help = <crate::cli::Cli as clap::CommandFactory>::command()
            .find_subcommand_mut("serve")
            .unwrap()
            .render_help()
            .to_string();
        let seconds = |duration: Duration| format!("{}s", duration.as_secs());
        for (option, value) in [
            ("--queue", queue.capacity.to_string()),
            ("--wait", seconds(queue.wait)),
            ("--timeout", seconds(queue.timeout)),
            ("--grace", seconds(queue.grace)),
            ("--max-attempts", queue.retry.max_attempts.to_string()),
            ("--max-interruptions", queue.retry.max_interruptions.to_string()),
            ("--mode", format!("{:?}", queue.mode).to_lowercase()),
            ("--on-disconnect", format!("{:?}", queue.on_disconnect).to_lowercase()),
            ("--priority", queue.priority.to_string()),
            ("--max-body", format!("{}MiB", queue.max_body >> 20)),
            ("--max-output", format!("{}MiB", queue.max_output >> 20)),
            ("--stderr-tail", format!("{}KiB", queue.stderr_tail >> 10)),
            ("--content-type", queue.content_type.to_str().unwrap().to_owned()),
            ("--keep-jobs", format!("{}days", config.retention.jobs.as_secs() / 86_400)),
            ("--keep-bytes", format!("{}GiB", config.retention.max_bytes >> 30)),
        ] {
            let (_, after) = help.split_once(&format!("      {option} <")).expect(option);
            let (_, default) = after.split_once("[default: ").expect(option);
            let (default, _) = default.split_once(']').expect(option);
            assert_eq!(default, value, "{option}");
        }
    }
}
