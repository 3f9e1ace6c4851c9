//! `levada queues`: its options.

use clap::Args;

use super::common::ServerOptions;

/// Options of `levada queues`.
#[derive(Debug, Clone, Args)]
pub struct QueuesArgs {
    /// Keep showing what changes, until interrupted
    #[arg(long, short)]
    pub(crate) watch: bool,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}
