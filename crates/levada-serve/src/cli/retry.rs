//! `levada retry`: its options.

use clap::Args;

use super::common::ServerOptions;

/// Options of `levada retry`.
#[derive(Debug, Clone, Args)]
pub struct RetryArgs {
    /// The ids of jobs that failed or were cancelled
    #[arg(value_name = "ID", required_unless_present = "all_failed")]
    pub(crate) ids: Vec<String>,

    /// Retry all failed jobs of a queue that the server still keeps
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all_failed: bool,

    /// The queue for --all-failed
    // An argument that conflicts with a given one is not required any more: hence both.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "default",
        requires = "all_failed",
        conflicts_with = "ids"
    )]
    pub(crate) queue: String,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}
