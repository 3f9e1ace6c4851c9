//! `levada top`: its options.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::common::ServerOptions;
use crate::config::units::duration;
use crate::outbound::BaseUrl;

/// Faster than a person reads, and often enough to keep the program that is looked into busy.
const SHORTEST: Duration = Duration::from_millis(100);
/// Where the report is, behind an address.
const PATHS: [&str; 2] = ["/channels", "/channels.json"];

/// Options of `levada top`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples: levada top                                  the program at port 6670
          levada top 6671                             another one on this machine
          levada top http://127.0.0.1:8080            levada serve
          levada top --once | head -20                one table, as text
          levada top --record run.ndjson              also keep what is shown
          levada top --replay run.ndjson              show it again

Keys: ? lists them; q quits.")]
pub struct TopArgs {
    /// The address of the program: a URL, HOST:PORT, or a port of this machine
    #[arg(value_name = "ADDRESS", default_value = "http://127.0.0.1:6670",
        value_parser = address)]
    pub(crate) address: BaseUrl,

    /// How long to wait between two looks
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,

    /// Print one table as plain text and exit, as without a terminal
    #[arg(long)]
    pub(crate) once: bool,

    /// Write each report to this new file, one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Show the reports in this file instead of those of a program
    #[arg(long, value_name = "FILE", conflicts_with_all = ["address", "record", "interval"])]
    pub(crate) replay: Option<PathBuf>,

    /// Send the token in this file [default: that of the environment variable LEVADA_TOKEN, if it
    /// is set]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Trust the certificate authorities in this file (PEM) instead of those of the system
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

impl TopArgs {
    /// The same as options of a tool that asks a server.
    pub(crate) fn server(&self) -> ServerOptions {
        ServerOptions {
            server: self.address.clone(),
            token_file: self.token_file.clone(),
            ca: self.ca.clone(),
            json: false,
            quiet: false,
        }
    }
}

/// `6670`, `host:6670`, `https://host/path`, each also with the path of the report.
fn address(text: &str) -> Result<BaseUrl, String> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let url = match (text.parse::<u16>().is_ok(), text.contains("://")) {
        (false, _) if is_number => return Err("give a port from 0 to 65535".to_owned()),
        (true, _) => format!("http://127.0.0.1:{text}"),
        (false, true) => text.to_owned(),
        (false, false) => format!("http://{text}"),
    };
    let base = PATHS.iter().find_map(|path| url.trim_end_matches('/').strip_suffix(path));
    base.unwrap_or(&url).parse().map_err(|_| {
        "give an address such as http://127.0.0.1:6670, host:6670 or 6670, without a query and \
         without a name or password"
            .to_owned()
    })
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if interval < SHORTEST {
        return Err("give a duration of 100ms or more, for example 250ms or 5s".to_owned());
    }
    Ok(interval)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn top(arguments: &[&str]) -> Result<TopArgs, clap::Error> {
        let line = ["levada", "top"].iter().chain(arguments);
        Cli::try_parse_from(line).map(|cli| {
            let Command::Top(args) = cli.command else { panic!("`top` is another") };
            args
        })
    }

    #[test]
    fn the_default_address_is_that_of_the_observer() {
        let port = levada_observe::DEFAULT_PORT;
        let args = top(&[]).unwrap();
        assert_eq!(args.address.to_string(), format!("http://127.0.0.1:{port}"));
    }

    #[test]
    fn an_address_is_a_port_a_host_or_a_url() {
        let cases = [
            ("6671", "http://127.0.0.1:6671"),
            ("db.example:6670", "http://db.example:6670"),
            ("[::1]:6670", "http://[::1]:6670"),
            ("https://a.example/x/", "https://a.example/x"),
            ("http://127.0.0.1:8080/channels", "http://127.0.0.1:8080"),
            ("localhost:6670/channels.json", "http://localhost:6670"),
        ];
        for (text, expected) in cases {
            assert_eq!(address(text).unwrap().to_string(), expected, "{text}");
        }
        for bad in ["a b", "ftp://a", "http://u:p@a", "http://a/?b", "::1"] {
            let refusal = top(&["--", bad]).unwrap_err().to_string();
            assert!(refusal.contains("give an address such as"), "{bad:?}: {refusal}");
        }
    }

    #[test]
    fn ports_end_at_65535() {
        for bad in ["", "65536"] {
            let refusal = top(&["--", bad]).unwrap_err().to_string();
            assert!(refusal.contains("a port from 0 to 65535"), "{bad:?}: {refusal}");
        }
    }

    #[test]
    fn intervals_are_not_too_short() {
        assert_eq!(top(&["--interval", "250ms"]).unwrap().interval, Duration::from_millis(250));
        for bad in ["0", "99ms", "-1s", "x"] {
            assert!(top(&[&format!("--interval={bad}")]).is_err(), "{bad}");
        }
        assert!(top(&["--replay", "a", "6670"]).is_err());
        assert!(top(&["--replay", "a", "--record", "b"]).is_err());
    }
}
