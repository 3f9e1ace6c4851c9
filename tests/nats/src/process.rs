//! A process that ends with this one, in whichever way this one ends.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// A guard of the process: a shell that reads from a pipe, whose other end is here. A line says
/// that the process is ended from here; the end of the pipe without one says that this process is
/// dead, and the guard kills. It starts before the program, so there is no moment without it.
///
/// `$$` is the process that becomes the program: also inside of the braces.
const GUARDED: &str = r#"exec 3<&0; { read -r _ <&3 || kill -9 $$; } & exec "$@" 3<&- </dev/null"#;

/// A running process. It is killed when this is dropped, and when this process ends.
#[derive(Debug)]
pub struct Process {
    child: Child,
    guard: ChildStdin,
    is_paused: bool,
}

impl Process {
    /// Starts `program`, whose output is appended to the file `log`.
    ///
    /// # Errors
    ///
    /// If the system starts no process.
    pub fn start(program: &Path, arguments: &[&str], log: &File) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", GUARDED, "sh"]).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log.try_clone()?);
        let mut child = command.spawn()?;
        let guard = child.stdin.take().ok_or_else(|| io::Error::other("no standard input"))?;
        Ok(Self { child, guard, is_paused: false })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Sends it a signal. After SIGSTOP it returns when every thread has stopped.
    ///
    /// # Errors
    ///
    /// If it has ended and was waited for.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal)?;
        match signal {
            Signal::STOP => {
                // A thread on another processor goes on for a moment, and may answer.
                let stopped = WaitIdOptions::STOPPED | WaitIdOptions::EXITED;
                waitid(WaitId::Pid(pid), stopped | WaitIdOptions::NOWAIT)?;
                self.is_paused = true;
            }
            Signal::CONT => self.is_paused = false,
            _ => {}
        }
        Ok(())
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The order matters: the process is not reaped before its guard is released, or the guard
        // could kill another one of that number. An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.guard.write_all(b"\n");
        let _ = self.child.wait();
    }
}
