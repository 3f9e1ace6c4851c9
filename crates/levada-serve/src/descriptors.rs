//! File descriptors: how many the service needs, and how it gets them.
//!
//! The usual soft limit is 1024, and may be raised up to the hard one, which is mostly much higher.
//! A command inherits what it is raised to: to set it back between `fork` and `exec` takes unsafe
//! code, and keeps the system from starting commands without copying the service's page tables
//! (`posix_spawn`). So it is raised to what is needed and no further: a million would slow down the
//! programs that close every descriptor there could be when they start. One that knows numbers up
//! to 1023 only (`select`) gets greater ones no sooner than it has as many files open itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use crate::server::SPARE;

/// For what is there once, as `docs/serve.md` says: the store, the listener, the runtime's own, and
/// the connections that are there for probes alone.
const ONCE: u64 = 32 + SPARE as u64;
/// For the files of large bodies while they are read: as many as the runtime has threads that may
/// block.
const BODIES: u64 = 512;

/// Raises the limit to what so many connections and workers need, if it may.
pub(crate) fn provide(connections: usize, workers: usize) {
    let needed = (connections as u64).saturating_add((workers as u64).saturating_mul(4)) + ONCE;
    let limits = getrlimit(Resource::Nofile);
    // `None` is no limit.
    let Some(current) = limits.current else { return };
    let most = limits.maximum.unwrap_or(u64::MAX);
    let wanted = needed.saturating_add(BODIES).min(most);
    let raised = wanted > current
        && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limits }).is_ok();
    let current = if raised { wanted } else { current };
    if current < needed {
        warn!(
            "{connections} connections and {workers} workers need {needed} file descriptors, but the limit is {current}: \
             raise the limit (`ulimit -Hn`), or lower `--max-connections`"
        );
    }
}
