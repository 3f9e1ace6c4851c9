//! Commands that stay: one process does job after job. Starting a process costs more than most
//! answers of such commands.
//!
//! ```text
//! idle --take--> begun --the process is in step--> asked --an answer comes back--> idle
//!                  |                                 |
//!                  |                                 +--it ends, takes too long, writes too much, is stopped, is
//!                  |                                    out of step: stopped, never used again, and the job ends
//!                  +--it is out of step: stopped, never used again; the job goes to a new process
//! ```
//!
//! | file       | what it is                                               |
//! |------------|----------------------------------------------------------|
//! | here       | the processes, and a job's way through one               |
//! | `dialogue` | how answers are matched to jobs (`mode`)                 |
//! | `input`    | the pipe to a process, and what is unread of it          |

mod dialogue;
mod input;

use std::future::pending;
use std::io;
use std::pin::{Pin, pin};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use levada_work::shutdown::{Phase, Signal as Shutdown};
use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, Command};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tracing::{debug, warn};

use self::dialogue::{Answer, Dialogue, Unanswered, fits};
use self::input::Input;
use super::group::{Ending, Group, Reach, abort_is_due};
use super::pipes::{RunObserver, Stream, Tail};
use super::process::Run;
use super::progress::Notes;
use super::run_result::{End, OutOfStep, RunResult};
use crate::config::QueueConfig;
use crate::sync::lock;

/// How much a pipe holds on Linux, in bytes.
const PIPE: usize = 64 * 1024;

/// The processes of a queue that wait for their next job.
#[derive(Debug, Default)]
pub(crate) struct Idle(Mutex<Vec<Process>>);

/// How the processes of a queue are used from now on; `None` if they are not. Called while the list
/// of them is locked.
pub(super) type Needs<'a> = &'a (dyn Fn() -> Option<Arc<QueueConfig>> + Sync);

#[derive(Debug)]
struct Process {
    group: Group,
    dialogue: Dialogue,
    stderr: ChildStderr,
    config: Arc<QueueConfig>,
    /// It had a job before.
    is_used: bool,
}

impl Idle {
    /// One that runs this command, if there is one.
    fn take(&self, config: &QueueConfig) -> Option<Process> {
        loop {
            let process = lock(&self.0).pop()?;
            if process.config.runs_as(config)
                && process.group.try_ended().is_ok_and(|end| end.is_none())
            {
                return Some(process);
            }
            tokio::spawn(process.end());
        }
    }

    /// Keeps it if it may be needed.
    fn give(&self, process: Process, needs: Needs<'_>) {
        lock(&self.0).push(process);
        self.trim(needs);
    }

    /// Ends those that are not needed any more.
    pub(super) fn trim(&self, needs: Needs<'_>) {
        let mut processes = lock(&self.0);
        let needs = needs();
        let mut kept = 0;
        let superfluous = processes.extract_if(.., |process| {
            let is_needed = needs
                .as_ref()
                .is_some_and(|config| process.config.runs_as(config) && kept < config.workers);
            kept += usize::from(is_needed);
            !is_needed
        });
        for process in superfluous {
            tokio::spawn(process.end());
        }
    }

    /// Ends all of them, in order if they do so within their grace.
    pub(crate) async fn end(&self) {
        let processes = std::mem::take(&mut *lock(&self.0));
        processes.into_iter().map(Process::end).collect::<JoinSet<()>>().join_all().await;
    }
}

impl Process {
    fn start(queue: &str, config: &Arc<QueueConfig>) -> io::Result<Self> {
        let mut command = Command::new(&config.program);
        config.prepare(&mut command);
        let (input, stdin) = Input::new()?;
        command
            .env("LEVADA_QUEUE", queue)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut group = Group::spawn(&mut command)?;
        let child = group.command();
        let stdout = child.stdout.take().expect("stdout is piped");
        Ok(Self {
            dialogue: Dialogue::new(config.mode, input, stdout),
            stderr: child.stderr.take().expect("stderr is piped"),
            group,
            config: Arc::clone(config),
            is_used: false,
        })
    }

    /// Tells it that there is nothing more to do, and waits for it to end.
    async fn end(self) {
        let Self { mut group, dialogue, config, .. } = self;
        drop(dialogue);
        if timeout(config.grace, group.ended()).await.is_err() {
            debug!("killing a persistent process that did not exit after its input was closed");
            group.clear(Reach::All, pending()).await;
        }
    }

    /// Stops it in the middle of a job; at once, as soon as the service aborts.
    async fn stop(mut self, shutdown: &Shutdown) {
        if shutdown.phase() < Phase::Aborting {
            self.group.signal(Signal::TERM);
        }
        tokio::select! {
            _ = timeout(self.config.grace, self.group.ended()) => {}
            () = shutdown.aborting() => {}
        }
        self.group.clear(Reach::All, abort_is_due(shutdown)).await;
    }
}

impl<W: RunObserver> Run<'_, W> {
    /// Has `input` answered by a process that stays.
    pub(crate) async fn run_resident(
        &self,
        config: &Arc<QueueConfig>,
        idle: &Idle,
        needs: Needs<'_>,
        input: &[u8],
    ) -> RunResult {
        let mut tail = Tail::new(config.stderr_tail);
        let mut answer = Vec::new();
        // The queue may have had another mode when it accepted the job.
        let end = if fits(config.mode, input) {
            self.answered(config, (idle, needs), input, &mut answer, &mut tail).await
        } else {
            End::NotRun(io::Error::other("the input has several lines, and the command takes one"))
        };
        RunResult { end, stdout: answer.into(), stderr_tail: tail.text() }
    }

    async fn answered(
        &self,
        config: &Arc<QueueConfig>,
        (idle, needs): (&Idle, Needs<'_>),
        input: &[u8],
        answer: &mut Vec<u8>,
        tail: &mut Tail,
    ) -> End {
        loop {
            let mut process = match idle.take(config) {
                Some(process) => process,
                None => match Process::start(self.queue, config) {
                    Ok(process) => process,
                    Err(error) => return End::NotStarted(error),
                },
            };
            self.observer.started();
            let unanswered = match self.ask(&mut process, input, answer, tail).await {
                Ok(Answer { exit_code, but }) => {
                    self.observer.wrote(Stream::Stdout, answer);
                    match but {
                        None => {
                            process.is_used = true;
                            idle.give(process, needs);
                        }
                        Some(why) => self.replace(process, why).await,
                    }
                    return End::Exited(exit_code);
                }
                Err(unanswered) => unanswered,
            };
            match unanswered {
                Unanswered::Stop(end) => {
                    process.stop(self.shutdown).await;
                    return end;
                }
                Unanswered::OutOfStep(why) => {
                    // It may be another job's.
                    answer.clear();
                    let goes_on = process.is_used && matches!(why, OutOfStep::Unasked(_));
                    self.replace(process, why).await;
                    if !goes_on {
                        return End::OutOfStep(why);
                    }
                }
                Unanswered::Ended { began } => {
                    let is_used = process.is_used;
                    match ended(process).await {
                        // It was done before it saw this job, as far as one can tell.
                        Ok(Ending::Exited(0)) if is_used && !began => {}
                        Ok(Ending::Exited(0)) => return End::Silent,
                        Ok(Ending::Exited(code)) => return End::Exited(code),
                        Ok(Ending::Signalled(signal)) => return End::Signalled(signal),
                        Err(error) => return End::NotRun(error),
                    }
                }
            }
        }
    }

    /// Stops a process whose next answers might be those of other jobs.
    async fn replace(&self, process: Process, why: OutOfStep) {
        warn!(job = %self.id, queue = self.queue, %why, "a persistent process is out of step with its jobs; replacing it");
        process.stop(self.shutdown).await;
    }

    async fn ask(
        &self,
        process: &mut Process,
        input: &[u8],
        answer: &mut Vec<u8>,
        tail: &mut Tail,
    ) -> Result<Answer, Unanswered> {
        let max = self.config.max_output;
        let Process { dialogue, stderr, is_used, .. } = process;
        let mut clock = pin!(sleep(self.config.timeout));
        let mut notes = Notes::default();
        let mut say = |bytes: &[u8]| {
            tail.push(bytes);
            self.observer.wrote(Stream::Stderr, bytes);
        };
        let mut hear = |bytes: &[u8]| {
            notes.read(bytes, &mut say, |progress| self.observer.progressed(progress));
        };
        // What a process says before it has the job is of none, or of the one before: it is nothing
        // for this client. What it says at its start may be why it does not do its first job.
        let mut forget = |bytes: &[u8]| {
            debug!(bytes = bytes.len(), "discarding standard error that belongs to no job")
        };
        let before: &mut (dyn FnMut(&[u8]) + Send) = if *is_used { &mut forget } else { &mut hear };
        let begin = dialogue.begin(input, answer, max);
        let answered = match self.listen(stderr, clock.as_mut(), before, begin).await {
            Ok(()) => {
                let finish = dialogue.finish(self.id, input, answer, max);
                self.listen(stderr, clock, &mut hear, finish).await
            }
            Err(unanswered) => Err(unanswered),
        };
        notes.finish(&mut say);
        answered
    }

    /// Waits for `asked` and listens to what the process says meanwhile.
    async fn listen<T>(
        &self,
        stderr: &mut ChildStderr,
        mut clock: Pin<&mut Sleep>,
        hear: &mut (dyn FnMut(&[u8]) + Send),
        asked: impl Future<Output = Result<T, Unanswered>>,
    ) -> Result<T, Unanswered> {
        let mut asked = pin!(asked);
        let mut chunk = vec![0; 4096];
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                read = stderr.read(&mut chunk), if open => match read {
                    Ok(0) | Err(_) => open = false,
                    Ok(read) => hear(&chunk[..read]),
                },
                asked = &mut asked => {
                    // What it wrote before is in the pipe; the runtime may not know of it yet.
                    for _ in 0..PIPE / chunk.len() {
                        let Ok(read @ 1..) = rustix::io::read(&*stderr, &mut chunk) else { break };
                        hear(&chunk[..read]);
                    }
                    return asked;
                }
                () = self.observer.stopped() => return Err(Unanswered::Stop(End::Stopped)),
                () = &mut clock => return Err(Unanswered::Stop(End::TimedOut)),
                () = self.shutdown.aborting() => return Err(Unanswered::Stop(End::Aborted)),
            }
        }
    }
}

/// How a process ended that did not answer.
async fn ended(mut process: Process) -> io::Result<Ending> {
    let late = || io::Error::other("the command closed its output and did not end");
    timeout(process.config.grace, process.group.ended()).await.unwrap_or_else(|_| Err(late()))
}
