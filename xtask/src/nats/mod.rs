//! `cargo xtask nats`: levada-nats, and the service on it, against real NATS servers.

mod servers;

use crate::cargo::{Metadata, cargo, program, shared};
use crate::libtest::{run_all, shared_tests};
use crate::toolchain::need_faketime;
use crate::{Result, shell};
use servers::NAMED;
pub(crate) use servers::NEWEST;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `tests/nats` reads: a folder of servers, the version that runs where a test names none, and
/// whether the long form is wanted.
pub(crate) const DIR_VARIABLE: &str = "LEVADA_NATS_SERVER_DIR";
const VERSION_VARIABLE: &str = "LEVADA_NATS_VERSION";
const DEEP_VARIABLE: &str = "LEVADA_NATS_DEEP";
/// Where the tests of the service find its program.
const PROGRAM_VARIABLE: &str = "LEVADA";

/// The program of the harness that runs a command beside a server.
const WITH_NATS: &str = "with-nats";
/// The package with the harness and the tests.
pub(crate) const TESTS: &str = "levada-nats-test";
/// The package whose examples need a server.
pub(crate) const TESTED: &str = "levada-nats";

/// Runs the unit tests and the examples of levada-nats beside a server, and the test programs in
/// `tests/nats`, which start servers themselves, and processes of the service.
pub(crate) fn run(options: &[String]) -> Result {
    let wanted = Wanted::parse(options)?;
    let dir = servers::install(&[&NAMED[..], &[wanted.version]].concat())?;
    let set = |command: &mut Command| {
        command.env(DIR_VARIABLE, &dir).env(VERSION_VARIABLE, wanted.version);
        if wanted.deep {
            command.env(DEEP_VARIABLE, "1");
        }
    };
    if wanted.bench {
        let mut command = cargo();
        command.args(["run", "--release", "--package", TESTS, "--example", "bench", "--"]);
        set(&mut command);
        return shell::run(command.args(wanted.tests).args(wanted.behind));
    }
    let metadata = Metadata::load()?;
    let all = metadata.package(TESTS)?.tests();
    let mut options: Vec<_> = wanted.tests.iter().flat_map(|test| ["--test", test]).collect();
    if let Some(unknown) = wanted.tests.iter().find(|test| !all.contains(test)) {
        return Err(format!("no test program `{unknown}`; there are {}", all.join(", ")).into());
    }
    if wanted.tests.is_empty() {
        run_tested(set)?;
        options = all.iter().flat_map(|test| ["--test", test]).collect();
        options.push("--lib");
    }
    if wanted.deep {
        need_faketime()?;
    }
    let levada = program("levada")?;
    let mut tests = shared_tests(TESTS, &options)?;
    for test in &mut tests {
        set(&mut test.command);
        test.command.env(PROGRAM_VARIABLE, &levada).args(wanted.behind);
        if wanted.deep {
            // Those that take long, and those of three servers, which elect leaders for seconds.
            test.command.arg("--include-ignored");
        }
    }
    run_all(tests)
}

/// Runs the unit tests and the examples of levada-nats beside a server.
fn run_tested(set: impl Fn(&mut Command)) -> Result {
    let with_nats = program(WITH_NATS)?;
    let mut tests = shared_tests(TESTED, &["--lib"])?;
    for test in &mut tests {
        set(&mut test.command);
        test.command = beside(&with_nats, &test.command);
    }
    run_all(tests)?;
    // All packages, for the features that they give the dependencies, but for two with examples.
    let mut doc = shared(&["test", "--doc", "--all-features"]);
    doc.args(["--exclude", "levada-work", "--exclude", "levada-examples"]);
    doc.args(["--", &format!("crates/{TESTED}/")]);
    set(&mut doc);
    shell::run(&mut beside(&with_nats, &doc))
}

/// The program of the newest server.
pub(crate) fn newest() -> Result<PathBuf> {
    Ok(servers()?.join(NEWEST).join("nats-server"))
}

/// The folder with the newest server, for [`DIR_VARIABLE`].
pub(crate) fn servers() -> Result<PathBuf> {
    servers::install(&[NEWEST])
}

/// What a person asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    version: &'a str,
    deep: bool,
    /// The benchmark, and not the tests.
    bench: bool,
    /// Test programs, or shapes of the benchmark; all of them if there are none.
    tests: Vec<&'a str>,
    /// What stands behind `--`.
    behind: &'a [String],
}

impl<'a> Wanted<'a> {
    fn parse(options: &'a [String]) -> Result<Self> {
        let end = options.iter().position(|word| word == "--").unwrap_or(options.len());
        let behind = options.get(end + 1..).unwrap_or_default();
        let (version, tests) = (NEWEST, Vec::new());
        let mut wanted = Self { version, deep: false, bench: false, tests, behind };
        let mut words = options[..end].iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--deep" => wanted.deep = true,
                "--bench" => wanted.bench = true,
                "--version" => {
                    wanted.version = words.next().filter(|word| is_version(word)).ok_or(
                        "--version wants the version of a NATS server behind it, as in 2.14.6",
                    )?;
                }
                option if option.starts_with('-') => {
                    return Err(format!(
                        "`{option}`? It takes --deep, --version V, names of test programs, and what \
                         is for them behind `--`; with --bench, names of shapes, and MESSAGES and \
                         ROUNDS behind `--`"
                    )
                    .into());
                }
                test => wanted.tests.push(test),
            }
        }
        Ok(wanted)
    }
}

/// Whether these are three numbers, with a point between two.
fn is_version(word: &str) -> bool {
    let numbers: Vec<_> = word.split('.').collect();
    let is_number =
        |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.len() == 3 && numbers.iter().all(is_number)
}

/// Commands that run beside a server, each with one of its own, which ends with the command. Its
/// address is in `LEVADA_NATS_URL`.
pub(crate) struct Server {
    dir: PathBuf,
    with_nats: PathBuf,
}

impl Server {
    /// Installs the newest server, and builds what starts it.
    pub(crate) fn prepare() -> Result<Self> {
        Ok(Self { dir: servers::install(&[NEWEST])?, with_nats: program(WITH_NATS)? })
    }

    /// The command that runs `command` beside a server.
    pub(crate) fn beside(&self, command: &Command) -> Command {
        let mut command = beside(&self.with_nats, command);
        command.env(DIR_VARIABLE, &self.dir).env(VERSION_VARIABLE, NEWEST);
        command
    }
}

/// `command`, with its folder and its variables, started by `with_nats`.
fn beside(with_nats: &Path, command: &Command) -> Command {
    let mut beside = Command::new(with_nats);
    beside.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => beside.env(name, value),
            None => beside.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        beside.current_dir(dir);
    }
    beside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_and_test_programs_come_in_any_order() {
        let options = words("queue --version 2.14.6 topic --deep -- --nocapture lost");
        let wanted = Wanted::parse(&options).unwrap();
        assert_eq!((wanted.version, wanted.deep), ("2.14.6", true));
        assert_eq!(wanted.tests, ["queue", "topic"]);
        assert_eq!(wanted.behind, ["--nocapture", "lost"]);
    }

    #[test]
    fn the_benchmark_takes_shapes_and_numbers() {
        let options = words("--bench ask cell -- 20000 9");
        let wanted = Wanted::parse(&options).unwrap();
        assert!(wanted.bench);
        assert_eq!((wanted.tests, wanted.behind), (vec!["ask", "cell"], &options[4..]));
    }

    #[test]
    fn without_options_everything_runs_on_the_newest() {
        let wanted = Wanted::parse(&[]).unwrap();
        let (version, tests) = (NEWEST, Vec::new());
        let expected = Wanted { version, deep: false, bench: false, tests, behind: &[] };
        assert_eq!(wanted, expected);
    }

    #[test]
    fn options_that_are_wrong_are_named() {
        for wrong in ["--version", "--version new", "--version 2.14", "--version --deep"] {
            let error = Wanted::parse(&words(wrong)).map(drop).unwrap_err().to_string();
            assert!(error.contains("--version"), "{error}");
        }
        let error = Wanted::parse(&words("--fast")).map(drop).unwrap_err().to_string();
        assert!(error.contains("`--fast`"), "{error}");
    }

    #[test]
    fn what_runs_beside_a_server_is_the_same_command() {
        let mut command = Command::new("cargo");
        command.current_dir("/d").args(["test", "--doc"]).env("A", "1").env_remove("B");
        let beside = beside(Path::new("with-nats"), &command);
        assert_eq!(beside.get_program(), "with-nats");
        assert_eq!(beside.get_args().collect::<Vec<_>>(), ["cargo", "test", "--doc"]);
        assert_eq!(beside.get_current_dir(), command.get_current_dir());
        assert!(beside.get_envs().eq(command.get_envs()));
    }
}
