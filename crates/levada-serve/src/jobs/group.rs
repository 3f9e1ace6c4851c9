//! A process group: the command and whatever it starts, from the fork until nothing is left.
//!
//! The group's number is that of its first process, the command, and stays taken until the command
//! is reaped. So its end is observed *without* reaping it; then the group is killed; only then is
//! it reaped. A signal can never reach a stranger that got the number anew.

use std::io;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid,
};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};
use tracing::warn;

/// How the command, the first process of its group, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Exited(i32),
    Signalled(i32),
}

/// The command's process group. Dropping it kills what is left of it.
#[derive(Debug)]
pub(crate) struct Group {
    id: Pid,
    child: Child,
    /// Completes after any child of this process changed its state.
    changes: unix::Signal,
}

impl Group {
    /// Starts the command as the first process of a new group.
    ///
    /// # Errors
    /// The system's, when the file cannot be executed or a resource ran out.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        let changes = unix::signal(SignalKind::child())?;
        let child = command.process_group(0).spawn()?;
        let id = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .expect("a child that was not waited for has a positive process id");
        Ok(Self { id, child, changes })
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

    /// Sends `signal` to every process of the group.
    pub(crate) fn signal(&self, signal: Signal) {
        match kill_process_group(self.id, signal) {
            // No process is left, or (as macOS says it) none but the one to be reaped.
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(error) => warn!(group = %self.id, ?signal, %error, "cannot signal the group"),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // After this, dropping `child` reaps the command, or leaves that to the runtime.
        self.signal(Signal::KILL);
    }
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
