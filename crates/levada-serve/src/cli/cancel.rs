//! `levada cancel`: its options.

use clap::Args;

use super::common::ServerOptions;

/// Options of `levada cancel`.
#[derive(Debug, Clone, Args)]
pub struct CancelArgs {
    /// The ids of the jobs
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}
