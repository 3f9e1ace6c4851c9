//! What the system lacks for a moment when a command is to start: descriptors, processes, memory,
//! or a program that is just being replaced. That says nothing of the job. Its worker waits and
//! tries again, as long as it takes.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::sync::lock;

/// How long a worker waits before it tries again the first time, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The workers of a queue that wait for what the system lacks. Logged when it is the first, and
/// when none is left.
#[derive(Debug, Default)]
pub(super) struct Shortage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    workers: usize,
    since: Option<Instant>,
}

/// A worker that waits. Dropping it says that it no longer has to.
#[derive(Debug)]
pub(super) struct Short<'a> {
    queue: &'a str,
    shortage: &'a Shortage,
    pause: Duration,
}

impl Shortage {
    /// A worker of this queue could not start its command.
    pub(super) fn begin<'a>(&'a self, queue: &'a str, error: &str) -> Short<'a> {
        let mut state = lock(&self.0);
        state.workers += 1;
        if state.workers == 1 {
            state.since = Some(Instant::now());
            warn!(queue, error, "cannot start commands at the moment; workers wait and retry");
        }
        Short { queue, shortage: self, pause: FIRST_PAUSE }
    }
}

impl Short<'_> {
    /// How long to wait before the next try: twice as long each time.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

impl Drop for Short<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.shortage.0);
        state.workers -= 1;
        if state.workers == 0
            && let Some(since) = state.since.take()
        {
            info!(queue = self.queue, after = ?since.elapsed(), "commands can be started again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_have_an_end() {
        let shortage = Shortage::default();
        let mut short = shortage.begin("default", "too many open files");
        let pauses: Vec<_> = (0..8).map(|_| short.pause().as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
    }
}
