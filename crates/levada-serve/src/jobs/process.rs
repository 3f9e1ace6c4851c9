//! One run of the command, supervised until nothing of it is left.
//!
//! ```text
//! running --ends by itself--> lingering --pipes closed and group empty, or grace over--+
//!    |                                                                                  v
//!    |                                                     SIGKILL to what is left in its session
//!    |
//!    +--too long, too much, or told to: SIGTERM--> stopping --gone, or grace over-------+
//!    |                                                                                  v
//!    +--the service aborts-----------------------------> SIGKILL to all that come from it
//! ```
//!
//! The run is over when what gets SIGKILL is gone. Only an abort does not wait for what cannot be
//! killed.

use std::io;
use std::pin::{Pin, pin};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use levada::watch;
use levada_work::shutdown::{Phase, Signal as Shutdown};
use rustix::process::Signal;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use super::group::{AFTER_KILL, Ending, Group, Reach, abort_is_due};
use super::pipes::{Output, Pipes, RunObserver};
use super::run_result::{End, RunResult};
use crate::config::QueueConfig;
use crate::job::{JobId, Moment};
use crate::store::Store;
use crate::store::body::Body;
use crate::store::spool::Spool;

/// How long processes have to leave the group when the command has ended by itself, or less if the
/// grace is. A process that is about to enter a session of its own takes milliseconds.
const LEAVING: Duration = Duration::from_secs(1);

/// Environment variables that are set for each job; a persistent process does not have them.
const OF_A_JOB: [&str; 7] = [
    "LEVADA_JOB_ID",
    "LEVADA_QUEUE",
    "LEVADA_ATTEMPT",
    "LEVADA_DEADLINE",
    "LEVADA_INPUT_BYTES",
    "LEVADA_CONTENT_TYPE",
    "TRACEPARENT",
];

/// One run of a queue's command.
#[derive(Debug)]
pub(crate) struct Run<'a, W> {
    pub(crate) id: JobId,
    pub(crate) queue: &'a str,
    pub(crate) attempt: u32,
    pub(crate) input_type: Option<&'a str>,
    pub(crate) trace: Option<&'a str>,
    pub(crate) config: &'a QueueConfig,
    pub(crate) shutdown: &'a Shutdown,
    pub(crate) observer: &'a W,
    pub(crate) store: &'a Arc<dyn Store>,
}

impl<W: RunObserver> Run<'_, W> {
    /// Runs the command with this input until nothing of it is left.
    pub(crate) async fn run(&self, input: Body) -> RunResult {
        let stdout = Spool::or_memory(self.store);
        let mut output = Output::new(stdout, self.config.max_output, self.config.stderr_tail);
        let mut end = if self.shutdown.phase() == Phase::Aborting {
            End::Aborted
        } else {
            match self.start(input.len()) {
                Ok(group) => {
                    self.observer.started();
                    self.supervise(group, input, &mut output).await
                }
                Err(error) => End::NotStarted(error),
            }
        };
        let mut stdout = Body::empty();
        if matches!(end, End::Exited(_)) {
            match output.stdout.finish().await {
                Ok(complete) => stdout = complete,
                Err(error) => end = End::NotKept(error),
            }
        }
        RunResult { end, stdout, stderr_tail: output.stderr.text() }
    }

    fn start(&self, input_bytes: u64) -> io::Result<Group> {
        let config = self.config;
        let deadline = Moment::now().after(config.timeout);
        let mut command = Command::new(&config.program);
        config.prepare(&mut command);
        command
            .env("LEVADA_JOB_ID", self.id.to_string())
            .env("LEVADA_QUEUE", self.queue)
            .env("LEVADA_INPUT_BYTES", input_bytes.to_string())
            .env("LEVADA_ATTEMPT", self.attempt.to_string())
            .env("LEVADA_DEADLINE", (deadline.0 / 1000).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in [("LEVADA_CONTENT_TYPE", self.input_type), ("TRACEPARENT", self.trace)]
        {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Group::spawn(&mut command).map(|group| group.of_job(self.id))
    }

    async fn supervise(&self, mut group: Group, input: Body, output: &mut Output) -> End {
        let mut overflow = output.overflow();
        let mut pump = pin!(Pipes::of(group.command()).pump(input, output, self.observer));
        let mut so_far = SoFar::default();
        self.watch(&mut group, pump.as_mut(), &mut overflow, &mut so_far).await;
        self.clear(&mut group, pump, &mut so_far).await;
        so_far.end()
    }

    /// Waits until the command has ended and its pipes are closed, or stops it, and then not longer
    /// than its grace.
    async fn watch(
        &self,
        group: &mut Group,
        mut pump: Pin<&mut impl Future<Output = Result<(), End>>>,
        overflow: &mut watch::Receiver<bool>,
        so_far: &mut SoFar,
    ) {
        let mut clock = pin!(sleep(self.config.timeout));
        let SoFar { ended, closed, stopped } = so_far;
        while ended.is_none() || !*closed {
            let stop = tokio::select! {
                ending = group.ended(), if ended.is_none() => {
                    *ended = Some(ending);
                    if stopped.is_none() {
                        clock.as_mut().reset(Instant::now() + self.config.grace);
                    }
                    continue;
                }
                pumped = &mut pump, if !*closed => {
                    *closed = true;
                    let Err(end) = pumped else { continue };
                    end
                }
                () = self.observer.stopped(), if ended.is_none() && stopped.is_none() => End::Stopped,
                _ = overflow.wait_for(|over| *over), if stopped.is_none() => End::OutputTooLarge,
                () = &mut clock => {
                    if ended.is_some() || stopped.is_some() {
                        break;
                    }
                    End::TimedOut
                }
                () = self.shutdown.aborting() => {
                    if ended.is_none() {
                        stopped.get_or_insert(End::Aborted);
                    }
                    break;
                }
            };
            if stopped.is_none() {
                *stopped = Some(stop);
                group.signal(Signal::TERM);
                clock.as_mut().reset(Instant::now() + self.config.grace);
            }
        }
    }

    /// Kills what is left, and reads on until nothing is.
    async fn clear(
        &self,
        group: &mut Group,
        mut pump: Pin<&mut impl Future<Output = Result<(), End>>>,
        so_far: &mut SoFar,
    ) {
        let SoFar { ended, closed, stopped } = so_far;
        let by_itself = stopped.is_none() && matches!(ended, Some(Ok(_)));
        let in_order = by_itself && *closed;
        let mut clearing = pin!(async {
            let empty = async { in_order && group.empties(LEAVING.min(self.config.grace)).await };
            let empty = tokio::select! {
                empty = empty => empty,
                () = self.shutdown.aborting() => false,
            };
            if !empty {
                let reach = if by_itself { Reach::Session } else { Reach::All };
                group.clear(reach, abort_is_due(self.shutdown)).await;
            }
            if ended.is_none() {
                *ended = group.try_ended().transpose();
            }
        });
        loop {
            tokio::select! {
                () = &mut clearing => break,
                pumped = pump.as_mut(), if !*closed => {
                    *closed = true;
                    if let Err(end) = pumped {
                        stopped.get_or_insert(end);
                    }
                }
            }
        }
        if *closed {
            return;
        }
        match timeout(AFTER_KILL, pump).await {
            Ok(Ok(())) => {}
            Ok(Err(end)) => _ = stopped.get_or_insert(end),
            Err(_) => {
                warn!(job = %self.id, "a process that escaped the job, or cannot be killed, keeps its output pipes open");
            }
        }
    }
}

/// What has happened in a run so far.
#[derive(Debug, Default)]
struct SoFar {
    ended: Option<io::Result<Ending>>,
    /// No process has the outputs open.
    closed: bool,
    /// Why the command was stopped.
    stopped: Option<End>,
}

impl SoFar {
    fn end(self) -> End {
        self.stopped.unwrap_or_else(|| match self.ended {
            Some(Ok(Ending::Exited(code))) => End::Exited(code),
            Some(Ok(Ending::Signalled(signal))) => End::Signalled(signal),
            Some(Err(error)) => End::NotRun(error),
            None => End::NotRun(io::Error::other("the command did not end")),
        })
    }
}

impl QueueConfig {
    /// The arguments, the directory and what is added to the environment.
    pub(super) fn prepare(&self, command: &mut Command) {
        command
            .arg0(&self.command[0])
            .args(&self.command[1..])
            // The service's own secret is none of the command's business.
            .env_remove(crate::secure::tokens::VARIABLE);
        // Those of the service itself, which may be a command of another one, say nothing of this
        // job.
        for name in OF_A_JOB {
            command.env_remove(name);
        }
        command.envs(&self.environment);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
    }

    /// A process that was started by this configuration does for `other`, too.
    pub(super) fn runs_as(&self, other: &Self) -> bool {
        (&self.command, &self.program, &self.mode, &self.directory, &self.environment)
            == (&other.command, &other.program, &other.mode, &other.directory, &other.environment)
    }
}
