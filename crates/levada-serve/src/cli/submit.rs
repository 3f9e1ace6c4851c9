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
The command's standard output goes to standard output, byte for byte; everything else to standard
error. The exit code is 0 after a success, else the command's own; 75: refused for now, or not over
yet; docs/cli.md lists all.

A job that was accepted goes on when this program is interrupted: `levada result ID` waits for it
again, `levada cancel ID` ends it.

Examples: levada submit <input.txt >output.txt
          levada submit --queue thumbnails --output-dir out *.png
          levada submit --data hello --no-wait")]
pub struct SubmitArgs {
    /// The input: a job for each file; `-`, or none, is standard input
    #[arg(value_name = "FILE", conflicts_with_all = ["file", "data"])]
    pub(crate) files: Vec<PathBuf>,

    /// The input is this file
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    pub(crate) file: Option<PathBuf>,

    /// The input is this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) data: Option<String>,

    /// The queue
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) queue: String,

    /// The content type of the input
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) content_type: Option<String>,

    /// The job is the same as any other with this key: it is not run twice. Without one, a key is
    /// made up, so that the job is not run twice when the connection breaks
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,

    /// Do not wait for the end: write the job's id to standard output
    #[arg(long, conflicts_with_all = ["wait", "follow", "output", "output_dir"])]
    pub(crate) no_wait: bool,

    /// Wait no longer than this for the end [default: as long as it takes]
    #[arg(long, value_name = "DURATION", value_parser = duration_or_zero)]
    pub(crate) wait: Option<Duration>,

    /// Show what the command writes as it comes: its standard error, and on a terminal its output
    #[arg(long, conflicts_with = "json")]
    pub(crate) follow: bool,

    /// When the server refuses the job for now, or cannot be reached, try again this often
    /// [default: not at all]
    #[arg(long, value_name = "N", value_parser = count::<usize, 1_000_000>)]
    pub(crate) retry: Option<usize>,

    /// The same, as often as it takes, but no longer than this
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_wait: Option<Duration>,

    /// Write the output to this file
    #[arg(long, short, value_name = "FILE", conflicts_with = "output_dir")]
    pub(crate) output: Option<PathBuf>,

    /// Write the output of each file to a file of the same name in this directory, which is created
    /// if it does not exist
    #[arg(long, value_name = "DIR", requires = "files", conflicts_with = "data")]
    pub(crate) output_dir: Option<PathBuf>,

    /// How many of several files are on their way at the same time
    #[arg(long, value_name = "N", default_value = "8", value_parser = count::<usize, MOST_AT_ONCE>)]
    pub(crate) parallel: usize,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}
