//! One run of the command, supervised until nothing of it is left.
//!
//! ```text
//! running --ends by itself--> lingering --pipes closed, or grace over-+
//!    |                                                                 |
//!    +--too long, too much, or nobody waits: SIGTERM--> stopping       |
//!    |                                      --gone, or grace over------+
//!    |                                                                 v
//!    +--the service aborts--------------------------> SIGKILL to the group
//! ```

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use super::group::{Ending, Group};
use super::job::{Claimed, End, JobId, Outcome};
use super::pipes::{Output, Pipes};
use super::pool::Run;
use crate::shutdown::Shutdown;

/// How long a group that got SIGKILL may take to be gone. Only a process in an uninterruptible
/// system call, or one that left the group and holds the pipes, takes longer; it is left alone.
const AFTER_KILL: Duration = Duration::from_secs(1);

/// The command, and the limits of each of its runs.
#[derive(Debug)]
pub(crate) struct Program {
    /// The file to execute.
    pub(crate) path: PathBuf,
    /// The command as it was given, which it sees as its own name.
    pub(crate) name: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) timeout: Duration,
    pub(crate) grace: Duration,
    pub(crate) max_output: usize,
    pub(crate) stderr_tail: usize,
    pub(crate) shutdown: Shutdown,
}

impl Run for Program {
    async fn run(&self, job: &mut Claimed) -> Outcome {
        let mut output = Output::new(self.max_output, self.stderr_tail);
        let end = if self.shutdown.is_aborting() {
            End::Aborted
        } else {
            match self.start(job.id) {
                Ok(group) => self.supervise(group, job, &mut output).await,
                Err(error) => End::NotRun(error),
            }
        };
        if let End::NotRun(error) = &end {
            warn!(job = %job.id, %error, "the command could not be run");
        }
        Outcome { end, stderr_tail: output.stderr.text(), stdout: output.stdout }
    }
}

impl Program {
    fn start(&self, id: JobId) -> io::Result<Group> {
        let mut command = Command::new(&self.path);
        command
            .arg0(&self.name)
            .args(&self.args)
            .env("LEVADA_JOB_ID", id.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Group::spawn(&mut command)
    }

    /// Waits until the command has ended and its pipes are closed, or stops it.
    async fn supervise(&self, mut group: Group, job: &mut Claimed, output: &mut Output) -> End {
        let input = std::mem::take(&mut job.input);
        let mut overflow = output.overflow();
        let mut pump = pin!(Pipes::of(group.command()).pump(input, output));
        let mut clock = pin!(sleep(self.timeout));
        let mut ended: Option<io::Result<Ending>> = None;
        let mut closed = false;
        let mut stopped: Option<End> = None;

        while ended.is_none() || !closed {
            let stop = tokio::select! {
                ending = group.ended(), if ended.is_none() => {
                    ended = Some(ending);
                    if stopped.is_none() {
                        clock.as_mut().reset(Instant::now() + self.grace);
                    }
                    continue;
                }
                pumped = &mut pump, if !closed => {
                    closed = true;
                    let Err(end) = pumped else { continue };
                    end
                }
                () = job.abandoned(), if ended.is_none() && stopped.is_none() => End::Abandoned,
                _ = overflow.wait_for(|over| *over), if stopped.is_none() => End::OutputTooLarge,
                () = &mut clock => {
                    if ended.is_some() || stopped.is_some() {
                        break;
                    }
                    End::TimedOut
                }
                _ = self.shutdown.aborting() => {
                    if ended.is_none() {
                        stopped.get_or_insert(End::Aborted);
                    }
                    break;
                }
            };
            if stopped.is_none() {
                stopped = Some(stop);
                group.signal(Signal::TERM);
                clock.as_mut().reset(Instant::now() + self.grace);
            }
        }

        group.signal(Signal::KILL);
        let rest = async {
            if ended.is_none() {
                ended = Some(group.ended().await);
            }
            if !closed && let Err(end) = pump.await {
                stopped.get_or_insert(end);
            }
        };
        if timeout(AFTER_KILL, rest).await.is_err() {
            warn!(job = %job.id, "a process of the job outlives SIGKILL or left its group");
        }
        stopped.unwrap_or_else(|| match ended {
            Some(Ok(Ending::Exited(code))) => End::Exited(code),
            Some(Ok(Ending::Signalled(signal))) => End::Signalled(signal),
            Some(Err(error)) => End::NotRun(error),
            None => End::NotRun(io::Error::other("the command did not end")),
        })
    }
}
