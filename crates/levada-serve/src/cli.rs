//! The command line: what can be asked for, and within which bounds.

use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::time::Duration;

use axum::http::HeaderValue;
use clap::{Args, Parser, Subcommand};

/// Channels you can build a service on, and see into.
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
    /// Put a bounded queue with backpressure in front of a command, over HTTP
    Serve(ServeArgs),
}

/// Options of `levada serve`.
///
/// The first line of each field is its `--help` text.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: levada serve --workers 4 -- wc -c\n         \
                        curl --data-binary @file http://127.0.0.1:8080/")]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes a free one, which is printed
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    pub listen: SocketAddr,

    /// Allow an address that other machines reach: whoever reaches it can run the command
    #[arg(long)]
    pub allow_remote: bool,

    /// How many commands run at the same time [default: the number of CPUs]
    #[arg(long, value_name = "N", value_parser = count(4096))]
    pub workers: Option<usize>,

    /// How many accepted jobs can wait for a worker; when that many wait, the answer is 503
    #[arg(long, value_name = "N", default_value = "64", value_parser = count(1_000_000))]
    pub queue: usize,

    /// How long an accepted job may wait for a worker, in seconds; then the answer is 503
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub wait: Duration,

    /// How long a command may run, in seconds; then it is stopped and the answer is 504
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,

    /// How long what is left of a command has between SIGTERM (or its end) and SIGKILL, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub grace: Duration,

    /// Largest request body (bytes, or with KiB, MiB, GiB); beyond it the answer is 413
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = size)]
    pub max_body: usize,

    /// Largest output of a command (bytes, or with KiB, MiB, GiB); beyond it, it is stopped
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub max_output: usize,

    /// How much of the end of standard error a problem shows (bytes, or with KiB, MiB)
    #[arg(long, value_name = "SIZE", default_value = "4KiB", value_parser = size)]
    pub stderr_tail: usize,

    /// Content type of the command's output
    #[arg(long, value_name = "TYPE", default_value = "application/octet-stream")]
    pub content_type: HeaderValue,

    /// How long a client may take to send a request's head, or keep a connection idle, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub header_timeout: Duration,

    /// How long a client may take to send a request's body, in seconds; then the answer is 408
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub body_timeout: Duration,

    /// How many connections are served at the same time; more wait to be accepted
    #[arg(long, value_name = "N", default_value = "1024", value_parser = count(1_000_000))]
    pub max_connections: usize,

    /// The command and its arguments, after `--`; no shell is involved
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

impl ServeArgs {
    /// `--workers`, or one per CPU.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
    }
}

/// One year: longer waits are mistakes, and no sum of them overflows a clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// One millisecond, the resolution of the timers.
const SHORTEST: Duration = Duration::from_millis(1);

fn address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .map_err(|error| format!("{error}; give HOST:PORT, for example 127.0.0.1:8080"))?
        .next()
        .ok_or_else(|| "the name has no address".to_owned())
}

fn count(max: usize) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |text| match text.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(format!("give a whole number from 1 to {max}")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| (SHORTEST..=LONGEST).contains(duration))
        .ok_or_else(|| "give seconds from 0.001 to 31536000 (one year)".to_owned())
}

fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match &text[digits.len()..] {
        "" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    factor
        .zip(digits.parse::<usize>().ok())
        .and_then(|(factor, number)| number.checked_mul(factor))
        .filter(|bytes| (1..=LARGEST).contains(bytes))
        .ok_or_else(|| "give a size from 1 to 1GiB, for example 65536, 64KiB or 8MiB".to_owned())
}

/// Bodies and outputs are held in memory: more than this is a mistake.
const LARGEST: usize = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<ServeArgs, clap::Error> {
        let line = ["levada", "serve"].iter().chain(arguments);
        Cli::try_parse_from(line).map(|cli| {
            let Command::Serve(args) = cli.command;
            args
        })
    }

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn command_keeps_its_own_options() {
        let args = parse(&["--queue", "3", "--", "grep", "--count", "-e", "x"]).unwrap();
        assert_eq!(args.queue, 3);
        assert_eq!(args.command, ["grep", "--count", "-e", "x"]);
    }

    #[test]
    fn command_is_required_and_stands_after_dashes() {
        assert!(parse(&[]).is_err());
        assert!(parse(&["--"]).is_err());
        assert!(parse(&["wc"]).is_err());
    }

    #[test]
    fn sizes() {
        assert_eq!(size("1"), Ok(1));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("8MiB"), Ok(8 << 20));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        for bad in ["", "0", "KiB", "8MB", "8 MiB", "-1", "2GiB", "99999999999999999999", "é8"] {
            assert!(size(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("31536000"), Ok(LONGEST));
        for bad in ["", "0", "-1", "NaN", "inf", "1e300", "0.0001", "31536001", "5s"] {
            assert!(seconds(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn counts_and_addresses() {
        for bad in [["--queue", "0"], ["--workers", "4097"], ["--listen", "8080"]] {
            assert!(parse(&[bad[0], bad[1], "--", "true"]).is_err(), "{bad:?} was accepted");
        }
        let args = parse(&["--listen", "[::1]:0", "--", "true"]).unwrap();
        assert!(args.listen.ip().is_loopback());
        assert!(args.workers() >= 1);
    }
}
