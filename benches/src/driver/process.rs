//! The parent's side of one child process.

use super::protocol::Request;
use crate::Result;
use crate::cell::{Cell, Round};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a round may take before its process counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that can do the rounds of one cell.
pub(crate) struct Process {
    child: std::process::Child,
    answers: Receiver<String>,
    complaints: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts this program once more, as a child for `cell`.
    pub(crate) fn start(cell: &Cell) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["child", &cell.name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let lines = stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines());
            lines.map_while(std::io::Result::ok).try_for_each(|line| sender.send(line))
        });
        let complaints = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What could be read is what there is to tell.
            let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self { child, answers, complaints: Some(complaints) })
    }

    /// Has `contender` do `n` operations. An error is a sentence for the table; the process is over
    /// then.
    pub(crate) fn round(&mut self, contender: &str, n: u64) -> Result<Round, String> {
        let request = Request { n, contender: contender.to_owned() };
        let stdin = self.child.stdin.as_mut().ok_or("its process has no standard input")?;
        if writeln!(stdin, "{request}").is_err() {
            return Err(self.last_words());
        }
        match self.answers.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).map_err(|error| format!("{error}: {line}")),
            Err(RecvTimeoutError::Disconnected) => Err(self.last_words()),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("hangs: {n} operations took more than {} s", PATIENCE.as_secs()))
            }
        }
    }

    /// The panic of a process that is over.
    fn last_words(&mut self) -> String {
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok());
        let text = complaints.unwrap_or_default();
        let lines: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("note:"))
            .take(6)
            .collect();
        if lines.is_empty() { "ended without a word".into() } else { lines.join(" / ") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be over already, and it may hang.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
