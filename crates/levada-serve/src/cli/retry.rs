//! `levada retry`: its options.

use clap::Args;

use super::common::ServerOptions;

/// Options of `levada retry`.
#[derive(Debug, Clone, Args)]
pub struct RetryArgs {
    /// The jobs, which failed or were cancelled
    #[arg(value_name = "ID", required_unless_present = "all_failed")]
    pub(crate) ids: Vec<String>,

    /// Every failed job of the queue that is still kept
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
