//! What the command lines of `levada serve` and `levada work` have in common.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::config::{Given, Source};
use crate::log::LogFormat;

/// Options of a program that runs until it gets a signal.
///
/// The doc of each field is its `--help` text.
#[derive(Debug, Clone, Args)]
pub struct Program {
    /// The command of the queue `default` and its arguments, after `--`; no shell is involved
    #[arg(last = true, required_unless_present = "config", num_args = 1.., value_name = "COMMAND")]
    command: Vec<OsString>,

    /// Read the configuration from this TOML file, and again when it changes, and on SIGHUP
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print the resulting configuration, without secrets, and exit with 0; or print every mistake,
    /// and exit with 2
    #[arg(long)]
    pub(crate) check: bool,

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
}

impl Program {
    /// Where the configuration comes from, with the options of the table.
    pub(super) fn source(&self, given: Given) -> Source {
        let Self { command, config, .. } = self.clone();
        Source { file: config, command, given }
    }
}
