//! Running test programs: one, to read what each of its tests did, or many side by side.

use crate::cargo::{Built, Metadata, programs, shared};
use crate::{Result, shell};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// More threads than cores, so that a test that hangs keeps few others from running.
const THREADS: &str = "--test-threads=32";

/// How many tests of one program run at once where programs run side by side, for each core: those
/// of a service wait for most of their time.
const PER_CORE: usize = 2;

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

/// A test program that runs with all of its tests.
pub(crate) struct Whole {
    pub(crate) package: String,
    /// The name of the library, binary or test file.
    pub(crate) target: String,
    pub(crate) command: Command,
}

/// Runs a cargo that builds tests of the workspace that `metadata` describes, and returns them,
/// each to be started as `cargo test` would start it.
pub(crate) fn tests(build: &mut Command, metadata: &Metadata) -> Result<Vec<Whole>> {
    let built = programs(build)?.into_iter().filter(|built| built.is_test);
    let whole = |built: Built| {
        let package = metadata.package_with(&built.package_id)?;
        let program = Program { path: built.path, dir: package.dir() };
        let package = package.name().to_owned();
        Ok(Whole { package, target: built.target, command: program.command() })
    };
    built.map(whole).collect()
}

/// Builds what `options` select, with all features, and returns the tests of `package` among it.
pub(crate) fn shared_tests(package: &str, options: &[&str]) -> Result<Vec<Whole>> {
    // Not `cargo build`: that builds libraries, not their tests.
    let mut build = shared(&["test", "--no-run", "--test", "types"]);
    let mut tests = tests(build.arg("--all-features").args(options), &Metadata::load()?)?;
    tests.retain(|test| test.package == package);
    Ok(tests)
}

/// Runs programs side by side, the largest first, for those take longest. What a program has
/// written is shown in one piece at its end. After one that fails no other is started.
pub(crate) fn run_all(mut programs: Vec<Whole>) -> Result {
    if programs.is_empty() {
        return Err("cargo built no test".into());
    }
    if let [alone] = &mut programs[..] {
        // Shown while it runs.
        return shell::run(&mut alone.command);
    }
    let size = |of: &Whole| fs::metadata(of.command.get_program()).map_or(0, |file| file.len());
    programs.sort_by_key(|program| Reverse(size(program)));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let left = Mutex::new(programs.into_iter());
    let next = || left.lock().ok()?.next();
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(mut program) = next() {
                    program.command.env("RUST_TEST_THREADS", (cores * PER_CORE).to_string());
                    if let (Err(error), Ok(mut failures)) = (run_one(program), failures.lock()) {
                        failures.push(error);
                        // There is nothing more to do for any thread.
                        while next().is_some() {}
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().map_err(|_| "a thread has panicked")?;
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// Runs one of several programs, and says how long it took.
fn run_one(mut program: Whole) -> std::result::Result<(), String> {
    let name = format!("{} {}", program.package, program.target);
    let start = Instant::now();
    let output = program.command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{name}: it does not start: {error}"))?;
    let [written, errors] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    let seconds = start.elapsed().as_secs_f64();
    println!("\n--- {name}: {seconds:.1} s\n{}\n{}", written.trim(), errors.trim());
    if output.status.success() { Ok(()) } else { Err(format!("{name}: {}", output.status)) }
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

    fn whole(target: &str, program: &str, arguments: &[&str]) -> Whole {
        let mut command = Command::new(program);
        command.args(arguments);
        Whole { package: "p".to_owned(), target: target.to_owned(), command }
    }

    #[test]
    fn a_program_that_fails_is_named() {
        let good = |target| whole(target, "true", &[]);
        run_all(vec![good("a"), good("b"), good("c")]).unwrap();
        let bad = whole("bad", "sh", &["-c", "exit 3"]);
        let error = run_all(vec![good("a"), bad, good("c")]).unwrap_err().to_string();
        assert!(error.starts_with("p bad: ") && error.ends_with('3'), "{error}");
        let error = run_all(vec![good("a"), whole("lost", "/lost", &[])]).unwrap_err();
        assert!(error.to_string().starts_with("p lost: it does not start"), "{error}");
    }

    #[test]
    fn no_program_at_all_is_an_error() {
        assert!(run_all(Vec::new()).is_err());
    }
}
