//! The layers of tests, and how each is built and run in the copy.

use crate::Result;
use crate::cargo::{array, cargo};
use crate::libtest::{self, Program};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Tests that are built and run together.
pub(super) struct Layer {
    pub(super) name: &'static str,
    /// Behind `cargo test --no-run`.
    build: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// The tests whose names have this in them.
    contains: &'static str,
    narrow: Narrow,
    /// How long one program may run. A test that hangs costs this; one that passes, a fraction.
    limit: Duration,
}

/// What the second word of a fault's `caught_by` means.
#[derive(Clone, Copy)]
enum Narrow {
    /// Only tests whose names contain it.
    Names,
    /// Only the program of this name; with a second word, of it only tests whose names contain
    /// that.
    Program,
}

impl Narrow {
    /// The program that `tests` asks for, and the part of its tests' names.
    fn parse(self, tests: Option<&str>) -> (Option<&str>, Option<&str>) {
        match (self, tests) {
            (Self::Names, part) => (None, part),
            (Self::Program, None) => (None, None),
            (Self::Program, Some(words)) => match words.split_once(' ') {
                Some((program, part)) => (Some(program), Some(part)),
                None => (Some(words), None),
            },
        }
    }
}

/// From cheap to dear. A new layer is one more entry.
pub(super) const LAYERS: &[Layer] = &[
    Layer {
        name: "unit",
        build: &["--package", "levada", "--lib", "--all-features"],
        environment: &[],
        contains: "",
        narrow: Narrow::Names,
        limit: Duration::from_secs(60),
    },
    Layer {
        name: "tests",
        build: &["--package", "levada", "--test", "*", "--all-features"],
        environment: &[],
        contains: "",
        narrow: Narrow::Program,
        limit: Duration::from_secs(180),
    },
    Layer {
        name: "loom",
        build: &[
            "--package",
            "levada",
            "--lib",
            "--no-default-features",
            "--features",
            "loom",
            // Models spend their time in loom, a fault's round in compiling levada: the former is
            // optimised, the latter not.
            "--config",
            "profile.dev.package.'*'.opt-level=3",
        ],
        environment: &[("RUSTFLAGS", "--cfg loom")],
        contains: "model",
        narrow: Narrow::Names,
        limit: Duration::from_secs(600),
    },
];

/// What became of running some tests.
pub(super) enum Outcome {
    /// All of this many.
    Passed(usize),
    /// The test that noticed, and how.
    Caught(String),
    /// What the compiler says.
    DoesNotCompile(String),
}

impl Layer {
    pub(super) fn called(name: &str) -> Result<&'static Self> {
        LAYERS.iter().find(|layer| layer.name == name).ok_or_else(|| {
            let names: Vec<_> = LAYERS.iter().map(|layer| layer.name).collect();
            format!("no layer is called {name}; there are {}", names.join(", ")).into()
        })
    }

    /// Builds the layer and runs its tests, or those that `tests` narrows it to, up to the first
    /// program with a failure.
    pub(super) fn run(&self, tests: Option<&str>, copy: &Path, target: &Path) -> Result<Outcome> {
        let (program, part) = self.narrow.parse(tests);
        let programs = match self.build(program, copy, target)? {
            Ok(programs) => programs,
            Err(why) => return Ok(Outcome::DoesNotCompile(why)),
        };
        let mut passed = 0;
        for program in programs {
            let program = Program { path: program, dir: copy.join("crates/levada") };
            let mut names = program.list()?;
            names.retain(|name| name.contains(self.contains));
            names.retain(|name| part.is_none_or(|part| name.contains(part)));
            let run = program.run(&names, self.limit)?;
            if let Some(noticed) = noticed(&run) {
                return Ok(Outcome::Caught(noticed));
            }
            passed += names.len();
        }
        if passed == 0 {
            let narrowed = tests.unwrap_or("its tests");
            return Err(format!("layer {}: there is no test for {narrowed}", self.name).into());
        }
        Ok(Outcome::Passed(passed))
    }

    /// The programs with the tests, or the one called `program`; or what the compiler says.
    fn build(
        &self,
        program: Option<&str>,
        copy: &Path,
        target: &Path,
    ) -> Result<std::result::Result<Vec<PathBuf>, String>> {
        let mut command = cargo();
        command.current_dir(copy).args(["test", "--no-run", "--message-format=json"]);
        let all = program.unwrap_or("*");
        command.args(self.build.iter().map(|word| if *word == "*" { all } else { word }));
        command.envs(self.environment.iter().copied());
        // A folder for each: other flags would rebuild everything, there and back.
        command.env("CARGO_TARGET_DIR", target.join(self.name));
        let output = command.output()?;
        let messages: Vec<Value> = String::from_utf8(output.stdout)?
            .lines()
            .map(serde_json::from_str)
            .collect::<std::result::Result<_, _>>()?;
        if !output.status.success() {
            let rendered = |message: &Value| {
                let is_error = message["message"]["level"] == "error";
                is_error.then(|| message["message"]["rendered"].as_str().map(String::from))?
            };
            let errors: Vec<_> = messages.iter().filter_map(rendered).collect();
            if errors.is_empty() {
                return Err(String::from_utf8_lossy(&output.stderr).into());
            }
            return Ok(Err(errors.concat()));
        }
        let program = |message: &Value| {
            let is_test = array(&message["target"]["kind"]).all(|kind| kind != "custom-build");
            message["executable"].as_str().filter(|_| is_test).map(PathBuf::from)
        };
        Ok(Ok(messages.iter().filter_map(program).collect()))
    }
}

/// The first test that did not pass.
fn noticed(run: &libtest::Run) -> Option<String> {
    let with = |outcome| run.outcomes.iter().find(move |(_, is)| **is == outcome);
    if let Some((name, _)) = with(libtest::Outcome::Failed) {
        return Some(format!("{name} fails"));
    }
    let (name, _) = with(libtest::Outcome::Unfinished)?;
    // A program that ends early says which test it was in its last panic.
    let panicked = |line: &str| Some(line.strip_prefix("thread '")?.split_once('\'')?.0.to_owned());
    if run.was_stopped {
        Some(format!("{name} hangs"))
    } else {
        let last = run.output.lines().filter_map(panicked).rfind(|name| name.contains("::"));
        Some(format!("{} crashes", last.unwrap_or(name.clone())))
    }
}
