//! `levada result`: its options.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::common::ServerOptions;
use crate::config::units::duration_or_zero;

/// Options of `levada result`.
#[derive(Debug, Clone, Args)]
pub struct ResultArgs {
    /// The id of the job
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// Wait at most this long for the end of the job [default: 0]
    #[arg(long, value_name = "DURATION", value_parser = duration_or_zero, conflicts_with = "stderr")]
    pub(crate) wait: Option<Duration>,

    /// Write the output to this file
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Write the end of the command's standard error instead of its output
    #[arg(long)]
    pub(crate) stderr: bool,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}
