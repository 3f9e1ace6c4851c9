//! `levada work`: its command line, which is that of `levada serve`.

use clap::Args;

use super::serve::ServeArgs;

/// Options of `levada work`: those of `levada serve`, of which a worker uses what concerns running
/// jobs. `--nats` is required, and `--listen` is where it answers `/health`, `/ready` and
/// `/metrics`.
#[derive(Debug, Clone, Args)]
#[command(override_usage = "\
levada work --nats URL [OPTIONS] -- COMMAND [ARGUMENTS]
       levada work --nats URL [OPTIONS] --config FILE")]
#[command(after_help = "\
A worker takes the settings of its queues from the front ends, except the command, its directory and
environment, `workers` and `priority`. Options for clients have no effect: a worker answers only
/health, /ready and /metrics, on --listen. docs/cluster.md describes clusters.

Example: levada work --nats nats://127.0.0.1:4222 --listen 127.0.0.1:0 --workers 4 -- wc -c")]
pub struct WorkArgs {
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}
