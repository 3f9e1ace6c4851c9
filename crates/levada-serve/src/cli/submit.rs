//! `levada submit`: its options.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::common::ServerOptions;
use crate::config::units::{count, duration, duration_or_zero};

/// More at the same time are more than a terminal shows.
const MOST_AT_ONCE: u32 = 256;

/// Options of `levada submit`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The command's standard output goes to standard output, byte for byte, and everything else to
standard error. The exit code is 0 if the job succeeded, otherwise that of the command. 75 means that the
server refused the job for now, or that the job has not ended yet; docs/cli.md lists all codes.

An accepted job continues when this program is interrupted: `levada result ID --wait 10m` waits
for it again, and `levada cancel ID` ends it.

Examples: levada submit <input.txt >output.txt
          levada submit --queue thumbnails --output-dir out *.png
          levada submit --data hello --no-wait")]
pub struct SubmitArgs {
    /// The input files, one job for each; `-`, or no file, is standard input
    #[arg(value_name = "FILE", conflicts_with_all = ["file", "data"])]
    pub(crate) files: Vec<PathBuf>,

    /// Read the input from this file
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    pub(crate) file: Option<PathBuf>,

    /// Take this text as the input
    #[arg(long, value_name = "TEXT")]
    pub(crate) data: Option<String>,

    /// The queue that takes the job
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) queue: String,

    /// The content type of the input
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) content_type: Option<String>,

    /// Idempotency key: the server accepts only one job with this key. Without it, each job gets a
    /// new one, so that it is not accepted twice when the connection breaks
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,

    /// Do not wait for the end; write the job's id to standard output
    #[arg(long, conflicts_with_all = ["wait", "follow", "output", "output_dir"])]
    pub(crate) no_wait: bool,

    /// Wait at most this long for the end of an accepted job [default: without a limit]
    #[arg(long, value_name = "DURATION", value_parser = duration_or_zero)]
    pub(crate) wait: Option<Duration>,

    /// Show what the command writes as it comes: its standard error, and its output if standard
    /// output is a terminal
    #[arg(long, conflicts_with = "json")]
    pub(crate) follow: bool,

    /// Try again at most this often when the server refuses the job for now, or cannot be reached
    /// [default: 0]
    #[arg(long, value_name = "N", value_parser = count::<usize, 1_000_000>)]
    pub(crate) retry: Option<usize>,

    /// Try again for at most this long when the server refuses the job for now, or cannot be
    /// reached
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_wait: Option<Duration>,

    /// Write the output to this file
    #[arg(long, short, value_name = "FILE", conflicts_with = "output_dir")]
    pub(crate) output: Option<PathBuf>,

    /// Write the output for each input file to a file of the same name in this directory, which is
    /// created if needed
    #[arg(long, value_name = "DIR", requires = "files", conflicts_with = "data")]
    pub(crate) output_dir: Option<PathBuf>,

    /// How many files are submitted and waited for at the same time
    #[arg(long, value_name = "N", default_value = "8", value_parser = count::<usize, MOST_AT_ONCE>)]
    pub(crate) parallel: usize,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}
