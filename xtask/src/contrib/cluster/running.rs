//! A run of `contrib/cluster/run`.

use crate::libtest::ended_within;
use crate::{Result, shell};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The first ports that are tried, and how many more. They are below those that systems give to
/// outgoing connections.
const PORTS: std::ops::Range<u16> = 21_000..21_400;
/// How many ports of one run follow each other, rounded.
const STEP: usize = 20;
/// What the script does when its ports are in use.
const IN_USE: i32 = 2;
/// How long it may take to end.
const END: Duration = Duration::from_secs(120);

/// It ends when this is dropped.
pub(super) struct Running {
    script: Child,
    says: Lines<BufReader<ChildStdout>>,
    /// Pid and address, by the name of the process.
    processes: HashMap<String, (String, String)>,
}

impl Running {
    pub(super) fn start(
        script: &Path,
        levada: &Path,
        server: &Path,
        scratch: &Path,
    ) -> Result<Self> {
        for port in PORTS.step_by(STEP) {
            let mut command = Command::new("bash");
            command.arg(script).arg("--levada").arg(levada).arg("--nats").arg(server);
            command.arg("--dir").arg(scratch.join("cluster")).args(["--port", &port.to_string()]);
            command.args(["--", "sh", "-c", "sleep 0.1; cat"]);
            command.stdin(Stdio::null()).stdout(Stdio::piped());
            let mut script = command.spawn()?;
            let output = script.stdout.take().ok_or("no standard output")?;
            let says = BufReader::new(output).lines();
            let mut running = Self { script, says, processes: HashMap::new() };
            running.read_until("Ctrl-C")?;
            if !running.processes.is_empty() {
                return Ok(running);
            }
            let status = running.script.wait()?;
            if status.code() != Some(IN_USE) {
                return Err(format!("contrib/cluster/run ended with {status}").into());
            }
        }
        Err(format!("all ports of {PORTS:?} are in use").into())
    }

    /// Reads up to a line that has this text, or to the end; and what it says of processes.
    fn read_until(&mut self, text: &str) -> Result {
        for line in self.says.by_ref() {
            let line = line?;
            let words: Vec<_> = line.split_whitespace().collect();
            if let &[pid, name, address] = &words[..]
                && address.contains("://127.0.0.1:")
            {
                self.processes.insert(name.to_owned(), (pid.to_owned(), address.to_owned()));
            }
            if line.contains(text) {
                break;
            }
        }
        Ok(())
    }

    fn address(&self, name: &str) -> Result<&str> {
        let (_, address) = self.process(name)?;
        Ok(address)
    }

    fn process(&self, name: &str) -> Result<&(String, String)> {
        let said = || format!("contrib/cluster/run did not say where {name} is");
        Ok(self.processes.get(name).ok_or_else(said)?)
    }

    /// The addresses of the NATS servers, as an option takes them.
    pub(super) fn servers(&self) -> String {
        let of = |number: u8| self.address(&format!("nats-{number}")).unwrap_or_default();
        [of(1), of(2), of(3)].join(",")
    }

    /// Submits a job to one of the front ends. Its id.
    pub(super) fn submit(&self, levada: &Path, number: usize, input: &str) -> Result<String> {
        let mut command = Command::new(levada);
        command.args(["submit", "--no-wait", "--max-wait", "1m", "--data", input, "--server"]);
        command.arg(self.address(&format!("front-end-{}", number % 2 + 1))?);
        Ok(shell::output(&mut command)?.trim().to_owned())
    }

    /// The result of a job is its input, from each front end.
    pub(super) fn result(&self, levada: &Path, (id, input): &(String, String)) -> Result {
        for front_end in ["front-end-1", "front-end-2"] {
            let mut command = Command::new(levada);
            command.args(["result", id, "--wait", "1m", "--server"]);
            let result = shell::output(command.arg(self.address(front_end)?))?;
            if result != *input {
                return Err(format!("the result of {input:?} is {result:?}").into());
            }
        }
        Ok(())
    }

    /// Kills a process; the script starts it again, and says so.
    pub(super) fn kill(&mut self, name: &str) -> Result {
        let (pid, _) = self.process(name)?;
        shell::output(Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]))?;
        self.read_until(&format!("{name} ended with 137, and started again"))?;
        match self.script.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("contrib/cluster/run ended with {status}").into()),
        }
    }

    /// Ends it as Ctrl-C does.
    pub(super) fn stop(&mut self) -> Result {
        self.signal()?;
        if !ended_within(&mut self.script, END)? {
            return Err(format!("contrib/cluster/run did not end within {END:?}").into());
        }
        let status = self.script.wait()?;
        if !status.success() {
            return Err(format!("contrib/cluster/run ended with {status}").into());
        }
        Ok(())
    }

    /// SIGTERM has the effect of Ctrl-C, which a script in the background does not get.
    fn signal(&self) -> Result {
        let kill = format!("kill -TERM {}", self.script.id());
        shell::output(Command::new("sh").args(["-c", &kill])).map(drop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing to do if it has ended. Its processes end only by itself.
        if let Ok(None) = self.script.try_wait() {
            let _ = self.signal();
            let _ = ended_within(&mut self.script, END);
        }
    }
}
