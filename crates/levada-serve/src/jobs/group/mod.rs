//! A process group: the command and whatever it starts, from the fork until nothing is left.
//!
//! The group's number is that of its first process, the command, and stays taken until the command
//! is reaped. So its end is observed *without* reaping it; then the group is killed; only then is
//! it reaped. A signal can never reach a stranger that got the number anew.
//!
//! A signal to the group misses no process that is being forked, but processes can leave the group.
//! A command that is stopped takes those with it: they are looked for among the [`processes`] of
//! the system, again and again until none is left. What a command that ended by itself left behind
//! in a session of its own stays.

pub(crate) mod orphans;
mod processes;

use std::io;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use levada_work::shutdown::Signal as Shutdown;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, getpid, kill_process, kill_process_group,
    test_kill_process, waitid,
};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::sleep;
use tracing::{error, warn};

use self::processes::{MARK, Process, Seen, Table};
use crate::job::JobId;
use crate::sync::lock;

/// How long processes that got SIGKILL may take to be gone before that is worth a warning, or holds
/// up an abort. Only one in an uninterruptible system call, or of another user, takes longer.
pub(super) const AFTER_KILL: Duration = Duration::from_secs(1);

/// How old a look at the processes of the system may be for the first signal, so that commands that
/// are stopped at the same time share it.
const SHARED: Duration = Duration::from_millis(10);

/// The first and the longest pause between two looks for what is left.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

/// How the command, the first process of its group, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Exited(i32),
    Signalled(i32),
}

/// Which processes that come from a command are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of them.
    All,
    /// Those in the session of the service. One in a session of its own was left behind on purpose.
    Session,
}

/// The command's process group. Dropping it kills what is left of it; unless the command ended by
/// itself, also what left the group.
#[derive(Debug)]
pub(crate) struct Group {
    id: Pid,
    /// In the environment of what the command starts.
    mark: String,
    /// The job that the command runs for, if it runs for one alone.
    job: Option<JobId>,
    child: Child,
    /// Completes after any child of this process changed its state.
    changes: unix::Signal,
    stop: Mutex<Stop>,
}

/// A stop of the command.
#[derive(Debug, Default)]
struct Stop {
    /// It has begun, and there may be processes left.
    is_on: bool,
    /// What lived at the last look.
    seen: Seen,
    /// Those that the log says of that they do not end.
    told: Seen,
}

impl Group {
    /// Starts the command as the first process of a new group.
    ///
    /// # Errors
    /// The system's, when the file cannot be executed or a resource ran out.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        let changes = unix::signal(SignalKind::child())?;
        let mark = mark();
        let child = command.env(MARK, &mark).process_group(0).spawn()?;
        let id = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .expect("a child that was not waited for has a positive process id");
        Ok(Self { id, mark, job: None, child, changes, stop: Mutex::default() })
    }

    /// The same, for this job, which the log then names.
    pub(crate) fn of_job(mut self, job: JobId) -> Self {
        self.job = Some(job);
        self
    }

    /// The command itself, to take its pipes.
    pub(crate) fn command(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for the command to end, and leaves it to be reaped.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing; a later call sees the same end.
    ///
    /// # Errors
    /// The system's; none is expected.
    pub(crate) async fn ended(&mut self) -> io::Result<Ending> {
        loop {
            if let Some(ending) = self.try_ended()? {
                return Ok(ending);
            }
            if self.changes.recv().await.is_none() {
                return Err(io::Error::other("the system reports no more ends of processes"));
            }
        }
    }

    /// How the command ended, if it did. It is left to be reaped.
    ///
    /// # Errors
    /// The system's; none is expected.
    pub(crate) fn try_ended(&self) -> io::Result<Option<Ending>> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        waitid(WaitId::Pid(self.id), look)?.map(|status| ending(&status)).transpose()
    }

    /// Stops the command with this signal, which every process that comes from it gets.
    pub(crate) fn signal(&self, signal: Signal) {
        self.send(signal, Reach::All, lately());
    }

    /// Waits until what a command that ended left in its group has ended or left that, too, but not
    /// longer than this. Whether nothing is there any more.
    pub(crate) async fn empties(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let mut pause = PAUSES.0;
        while self.has_company() {
            if Instant::now() >= end {
                return false;
            }
            sleep(pause).await;
            pause = (pause * 2).min(patience / 8);
        }
        true
    }

    /// Kills the processes within reach, and waits until none of them is left, or until this
    /// completes: then the log says which are.
    pub(crate) async fn clear(&self, reach: Reach, given_up: impl Future<Output = ()>) {
        let mut given_up = pin!(given_up);
        let (mut since, mut pause, mut looks) = (lately(), PAUSES.0, 0);
        loop {
            let before = lock(&self.stop).seen.clone();
            let left = self.send(Signal::KILL, reach, since);
            looks = if left.is_empty() { looks + 1 } else { 0 };
            // One look can miss an orphan that is just starting another program: its environment is
            // not there yet.
            if looks == 2 {
                lock(&self.stop).is_on = false;
                return;
            }
            since = Instant::now();
            if pause == PAUSES.1 {
                left.iter().for_each(|process| self.tell(process, "it outlives SIGKILL"));
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = &mut given_up => return self.leave(&left),
            }
            let changes = left.is_empty() || !lock(&self.stop).seen.is_subset(&before);
            pause = if changes { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
        }
    }

    /// Sends `signal` to the processes within reach. Which those are, as of shortly before.
    fn send(&self, signal: Signal, reach: Reach, since: Instant) -> Vec<Process> {
        lock(&self.stop).is_on |= reach == Reach::All;
        // First of all: what its parent leaves behind when it gets the signal is harder to find.
        let living = self.living(reach, since);
        self.signal_group(signal);
        for process in &living {
            let sent = match process.id {
                _ if process.group == Some(self.id) => test_kill_process(process.id),
                // It has not been reaped.
                command if command == self.id => kill_process(command, signal),
                _ => process.signal(signal),
            };
            match sent {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(Errno::PERM) => self.tell(process, "it runs as another user"),
                Err(error) => self.tell(process, &error.to_string()),
            }
        }
        living
    }

    fn signal_group(&self, signal: Signal) {
        match kill_process_group(self.id, signal) {
            // No process is left, or none that may be signalled. On macOS that includes the one to
            // be reaped; which others there are is looked at one by one.
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(error) => warn!(group = %self.id, ?signal, %error, "cannot signal the group"),
        }
    }

    /// The processes within reach that live, as of this moment or later.
    fn living(&self, reach: Reach, since: Instant) -> Vec<Process> {
        let mut stop = lock(&self.stop);
        let (mut living, own_session) = match Table::since(since) {
            Ok(table) => (table.of(self.id, &self.mark, &stop.seen), table.own_session()),
            Err(error) => {
                if cfg!(target_os = "linux") {
                    warn!(group = %self.id, %error, "cannot look for processes that left the group");
                }
                (self.unreaped_command().into_iter().collect(), None)
            }
        };
        stop.seen = living.iter().map(Process::key).collect();
        if reach == Reach::Session {
            living.retain(|process| process.session == own_session);
        }
        living
    }

    /// The command, if it lives, without a look at the processes of the system.
    fn unreaped_command(&self) -> Option<Process> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        // Not getpgid(2): its answer is 0 for a group of another namespace, which is no `Pid`.
        let is_in_group = waitid(WaitId::Pgid(Some(self.id)), look).is_ok();
        matches!(self.try_ended(), Ok(None))
            .then(|| Process::unreaped(self.id, is_in_group.then_some(self.id)))
    }

    /// Whether processes live in the group of a command that has ended.
    fn has_company(&self) -> bool {
        // They are children of this process now, and Linux answers without them that there is
        // nothing to wait for: with no interest in ends, the command does not count.
        let look = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        waitid(WaitId::Pgid(Some(self.id)), look).is_ok()
            && self
                .living(Reach::Session, Instant::now())
                .iter()
                .any(|process| process.group == Some(self.id))
    }

    /// Says once of a process why it goes on.
    fn tell(&self, process: &Process, why: &str) {
        if lock(&self.stop).told.insert(process.key()) {
            warn!(
                job = self.job.map(tracing::field::display),
                process = %process.id,
                user = process.user(),
                why,
                "a process of a stopped command cannot be killed, and is waited for: end it as its user or as root"
            );
        }
    }

    /// Says which processes outlive the service.
    fn leave(&self, left: &[Process]) {
        for process in left {
            error!(
                job = self.job.map(tracing::field::display),
                process = %process.id,
                user = process.user(),
                "a process of a stopped command is left running: end it before the service starts again"
            );
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let is_on = lock(&self.stop).is_on;
        // After this, dropping `child` reaps the command, or leaves that to the runtime.
        if is_on || !matches!(self.try_ended(), Ok(Some(_))) {
            self.signal(Signal::KILL);
        } else {
            self.signal_group(Signal::KILL);
        }
    }
}

/// What no other command has that this process, or another one of the system, starts in its
/// lifetime.
fn mark() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    // ORDERING: Relaxed, no pair: only the number matters.
    format!("{}-{}", getpid(), LAST.fetch_add(1, Ordering::Relaxed))
}

/// Completes when the service has waited long enough after an abort for processes that were killed.
pub(super) async fn abort_is_due(shutdown: &Shutdown) {
    shutdown.aborting().await;
    sleep(AFTER_KILL).await;
}

/// As long ago as a look at the processes may be that is shared.
fn lately() -> Instant {
    let now = Instant::now();
    now.checked_sub(SHARED).unwrap_or(now)
}

fn ending(status: &WaitIdStatus) -> io::Result<Ending> {
    if let Some(code) = status.exit_status() {
        Ok(Ending::Exited(code))
    } else if let Some(signal) = status.terminating_signal() {
        Ok(Ending::Signalled(signal))
    } else {
        Err(io::Error::other(format!("unexpected state of a process: {status:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn endings_are_told_apart() {
        for (script, expected) in
            [("exit 7", Ending::Exited(7)), ("kill -9 $$", Ending::Signalled(9))]
        {
            let mut group = Group::spawn(Command::new("sh").args(["-c", script])).unwrap();
            assert_eq!(group.ended().await.unwrap(), expected, "{script}");
            assert_eq!(group.ended().await.unwrap(), expected, "{script}: reaped too early");
        }
    }

    #[tokio::test]
    async fn dropping_kills_and_reaps() {
        let group = Group::spawn(Command::new("sleep").arg("600")).unwrap();
        let id = group.id;
        drop(group);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while rustix::process::test_kill_process(id).is_ok() {
            assert!(std::time::Instant::now() < deadline, "process {id} is still there");
            tokio::task::yield_now().await;
        }
    }
}
