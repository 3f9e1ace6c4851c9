//! `levada work`: its command line. Of the options in `config::options` it has those that each
//! worker says for itself.

use clap::Args;

use super::program::Program;
use crate::config::{Options, Source};

/// Options of `levada work`.
#[derive(Debug, Clone, Args)]
#[command(override_usage = "\
levada work --nats URL [OPTIONS] -- COMMAND [ARGUMENTS]
       levada work [OPTIONS] --config FILE [-- COMMAND [ARGUMENTS]]")]
#[command(after_help = "\
A worker takes all other settings of its queues from the front ends of the cluster (`levada serve \
--nats`). On --listen it answers /health, /ready, /metrics and /channels, and nothing else, so that \
no address needs tokens. A front end and a worker can have the same file; docs/cluster.md says what a worker \
reads in it.

Durations are written as 30s, 5m, 1h30m or 250ms, or as a number of seconds.

Example: levada work --nats nats://127.0.0.1:4222 --listen 127.0.0.1:0 --workers 4 -- wc -c")]
pub struct WorkArgs {
    #[command(flatten)]
    pub(crate) program: Program,

    #[command(flatten)]
    options: Options<true>,
}

impl WorkArgs {
    /// Where the configuration comes from.
    pub(crate) fn source(&self) -> Source {
        self.program.source(self.options.0.clone())
    }
}
