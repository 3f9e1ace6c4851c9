//! Commands that stay (`mode = "lines"`): one process does job after job, each a line of its input that it answers with a
//! line of its output. Starting a process costs more than most such answers.
//!
//! ```text
//! idle --take--> asked --a line comes back--> idle
//!                  |
//!                  +--it ends, takes too long, writes too much, is told to stop: stopped, and never used again
//! ```

use std::future::pending;
use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use levada_work::shutdown::{Phase, Signal as Shutdown};
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::group::{Ending, Group, Reach, abort_is_due};
use super::live::Stream;
use super::pipes::{Tail, Watcher};
use super::process::{End, Ran, Run};
use super::progress::Notes;
use super::queue::Queue;
use crate::config::QueueConfig;

/// How much a pipe holds on Linux, in bytes.
const PIPE: usize = 64 * 1024;

/// The processes of a queue that wait for their next job.
#[derive(Debug, Default)]
pub(crate) struct Idle(Mutex<Vec<Process>>);

#[derive(Debug)]
struct Process {
    group: Group,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    stderr: ChildStderr,
    config: Arc<QueueConfig>,
}

impl Idle {
    /// One that runs this command, if there is one.
    fn take(&self, config: &QueueConfig) -> Option<Process> {
        loop {
            let process = self.processes().pop()?;
            if process.config.runs_as(config)
                && process.group.try_ended().is_ok_and(|end| end.is_none())
            {
                return Some(process);
            }
            tokio::spawn(process.end());
        }
    }

    /// Keeps it if it may be needed.
    fn give(&self, process: Process, queue: &Queue) {
        self.processes().push(process);
        self.trim(queue);
    }

    /// Ends those that are not needed any more.
    pub(super) fn trim(&self, queue: &Queue) {
        let mut processes = self.processes();
        let needs = queue.needs_processes();
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
        let processes = std::mem::take(&mut *self.processes());
        processes.into_iter().map(Process::end).collect::<JoinSet<()>>().join_all().await;
    }

    fn processes(&self) -> MutexGuard<'_, Vec<Process>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    fn start(queue: &str, config: &Arc<QueueConfig>) -> io::Result<Self> {
        let mut command = Command::new(&config.program);
        config.prepare(&mut command);
        command
            .env("LEVADA_QUEUE", queue)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut group = Group::spawn(&mut command)?;
        let child = group.command();
        Ok(Self {
            stdin: child.stdin.take().expect("stdin is piped"),
            stdout: BufReader::new(child.stdout.take().expect("stdout is piped")),
            stderr: child.stderr.take().expect("stderr is piped"),
            group,
            config: Arc::clone(config),
        })
    }

    /// Tells it that there is nothing more to do, and waits for it to end.
    async fn end(self) {
        let Self { mut group, stdin, config, .. } = self;
        drop(stdin);
        if timeout(config.grace, group.ended()).await.is_err() {
            debug!("a command that was told of the end of its input is killed");
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

impl<W: Watcher> Run<'_, W> {
    /// Has the line `input` answered by a process that stays.
    pub(crate) async fn run_line(
        &self,
        config: &Arc<QueueConfig>,
        queue: &Queue,
        input: &Bytes,
    ) -> Ran {
        let mut tail = Tail::new(config.stderr_tail);
        let mut stdout = Vec::new();
        let end = loop {
            let (mut process, used) = match queue.idle.take(config) {
                Some(process) => (process, true),
                None => match Process::start(self.queue, config) {
                    Ok(process) => (process, false),
                    Err(error) => break End::NotRun(error),
                },
            };
            match self.ask(&mut process, input, &mut stdout, &mut tail).await {
                Ok(()) => {
                    self.watcher.wrote(Stream::Stdout, &stdout);
                    queue.idle.give(process, queue);
                    break End::Exited(0);
                }
                Err(Unanswered::Stop(end)) => {
                    process.stop(self.shutdown).await;
                    break end;
                }
                Err(Unanswered::Ended) => match ended(process).await {
                    // It was done before it saw this job, as far as one can tell.
                    Ok(Ending::Exited(0)) if used && stdout.is_empty() => {}
                    Ok(Ending::Exited(0)) => {
                        let why = "the command ended without an answer";
                        break End::NotRun(io::Error::other(why));
                    }
                    Ok(Ending::Exited(code)) => break End::Exited(code),
                    Ok(Ending::Signalled(signal)) => break End::Signalled(signal),
                    Err(error) => break End::NotRun(error),
                },
            }
        };
        Ran { end, stdout, stderr_tail: tail.text() }
    }

    async fn ask(
        &self,
        process: &mut Process,
        input: &[u8],
        answer: &mut Vec<u8>,
        tail: &mut Tail,
    ) -> Result<(), Unanswered> {
        let Process { stdin, stdout, stderr, .. } = process;
        let max = self.config.max_output;
        let mut asked = pin!(async {
            let (told, answered) = tokio::join!(tell(stdin, input), read_line(stdout, answer, max));
            // A process that has ended says so on both sides.
            answered.and(told)
        });
        let mut notes = Notes::default();
        let mut say = |bytes: &[u8]| {
            tail.push(bytes);
            self.watcher.wrote(Stream::Stderr, bytes);
        };
        let mut chunk = vec![0; 4096];
        let mut clock = pin!(sleep(self.config.timeout));
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                read = stderr.read(&mut chunk), if open => match read {
                    Ok(0) | Err(_) => open = false,
                    Ok(read) => {
                        let progress = |progress| self.watcher.progressed(progress);
                        notes.read(&chunk[..read], &mut say, progress);
                    }
                },
                answered = &mut asked => {
                    // What it wrote before it answered, or ended, is in the pipe; the runtime may not know of it yet.
                    for _ in 0..PIPE / chunk.len() {
                        let Ok(read @ 1..) = rustix::io::read(&*stderr, &mut chunk) else { break };
                        let progress = |progress| self.watcher.progressed(progress);
                        notes.read(&chunk[..read], &mut say, progress);
                    }
                    notes.finish(&mut say);
                    return answered;
                }
                () = self.watcher.stopped() => return Err(Unanswered::Stop(End::Stopped)),
                () = &mut clock => return Err(Unanswered::Stop(End::TimedOut)),
                () = self.shutdown.aborting() => return Err(Unanswered::Stop(End::Aborted)),
            }
        }
    }
}

/// Why there is no answer.
enum Unanswered {
    /// The process closed its input or output.
    Ended,
    /// It has to be stopped.
    Stop(End),
}

async fn tell(stdin: &mut ChildStdin, line: &[u8]) -> Result<(), Unanswered> {
    let told = async {
        stdin.write_all(line).await?;
        if !line.ends_with(b"\n") {
            stdin.write_all(b"\n").await?;
        }
        stdin.flush().await
    };
    told.await.map_err(|_| Unanswered::Ended)
}

async fn read_line(
    stdout: &mut BufReader<ChildStdout>,
    answer: &mut Vec<u8>,
    max: usize,
) -> Result<(), Unanswered> {
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let read = stdout.take(limit).read_until(b'\n', answer).await;
    match read {
        Ok(_) if answer.ends_with(b"\n") && answer.len() <= max => Ok(()),
        Ok(_) if answer.len() > max => Err(Unanswered::Stop(End::OutputTooLarge)),
        Ok(_) => Err(Unanswered::Ended),
        Err(error) => Err(Unanswered::Stop(End::NotRun(error))),
    }
}

/// How a process ended that did not answer.
async fn ended(mut process: Process) -> io::Result<Ending> {
    let late = || io::Error::other("the command closed its output and did not end");
    timeout(process.config.grace, process.group.ended()).await.unwrap_or_else(|_| Err(late()))
}
