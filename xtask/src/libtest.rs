//! Running one test program and reading what each of its tests did.

use crate::Result;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// More threads than cores, so that a test that hangs keeps few others from running.
const THREADS: &str = "--test-threads=32";

/// What became of one test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Ignored,
    /// The program ended, or was stopped, before the test did.
    Unfinished,
}

/// The tests of one program by name, and its output for the reader of a failure.
pub(crate) struct Run {
    pub(crate) outcomes: BTreeMap<String, Outcome>,
    pub(crate) output: String,
    /// Whether the program was still running at the deadline.
    pub(crate) was_stopped: bool,
}

/// A test program that libtest runs.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// The folder of the package it tests, where cargo would start it.
    pub(crate) dir: PathBuf,
}

impl Program {
    /// The names of its tests.
    pub(crate) fn list(&self) -> Result<Vec<String>> {
        let text = crate::shell::output(self.command().args(["--list", "--format=terse"]))?;
        Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(String::from).collect())
    }

    /// Runs exactly the tests in `names` and stops the program after `deadline`.
    pub(crate) fn run(&self, names: &[String], deadline: Duration) -> Result<Run> {
        let unfinished = names.iter().map(|name| (name.clone(), Outcome::Unfinished));
        let mut outcomes: BTreeMap<String, Outcome> = unfinished.collect();
        if outcomes.is_empty() {
            return Ok(Run { outcomes, output: String::new(), was_stopped: false });
        }
        let mut child = self
            .command()
            .args(["--exact", THREADS])
            .args(names)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let was_stopped = !ended_within(&mut child, deadline)?;
        let mut output = stdout.join().unwrap_or_default();
        output += &stderr.join().unwrap_or_default();
        if was_stopped {
            output += &format!("\nstopped after {} s\n", deadline.as_secs());
        }
        for (name, outcome) in output.lines().filter_map(parse) {
            if let Some(slot) = outcomes.get_mut(name) {
                *slot = outcome;
            }
        }
        Ok(Run { outcomes, output, was_stopped })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.dir).env("CARGO_MANIFEST_DIR", &self.dir);
        command
    }
}

/// Reads a pipe to its end on a thread of its own, so that a full pipe never stops the program.
fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What could be read before an error is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for the program; kills it after `deadline` and then returns false.
pub(crate) fn ended_within(child: &mut Child, deadline: Duration) -> Result<bool> {
    let end = Instant::now() + deadline;
    while child.try_wait()?.is_none() {
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(true)
}

/// Reads `test NAME ... ok`, and `test NAME - should panic ... ok`.
fn parse(line: &str) -> Option<(&str, Outcome)> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    let outcome = match result.split_whitespace().next()?.trim_end_matches(',') {
        "ok" => Outcome::Passed,
        "FAILED" => Outcome::Failed,
        "ignored" => Outcome::Ignored,
        _ => return None,
    };
    Some((name, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_result_lines() {
        assert_eq!(parse("test a::b ... ok"), Some(("a::b", Outcome::Passed)));
        assert_eq!(parse("test a - should panic ... ok"), Some(("a", Outcome::Passed)));
        assert_eq!(parse("test a ... FAILED"), Some(("a", Outcome::Failed)));
        assert_eq!(parse("test a ... ignored, slow"), Some(("a", Outcome::Ignored)));
        assert_eq!(parse("test result: ok. 3 passed"), None);
    }
}
