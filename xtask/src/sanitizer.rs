//! levada's tests and its stress suite with a sanitizer in every line, the standard library
//! included; the stress suite also while a thread makes snapshots all the time.

use crate::cargo::Metadata;
use crate::toolchain::{Toolchain, host};
use crate::{Result, shell};
use std::process::Command;

const NIGHTLY: Toolchain<'_> = Toolchain("nightly");

/// Tests that count what their own allocator is asked for, and would count the sanitizer's as well;
/// in one thread, and on paths that the others take. The name of their module.
const COUNTING: &str = "memory::";

/// How many times as long as in the tests the stress suite runs for once.
const STRESS: &str = "5";

/// One of the sanitizers that rustc knows.
pub(crate) struct Sanitizer {
    /// As in `-Zsanitizer=`.
    pub(crate) name: &'static str,
    /// The variable of its options.
    pub(crate) variable: &'static str,
}

impl Sanitizer {
    /// Unit tests, integration tests, and the stress suite: for longer, and beside snapshots.
    /// `filter` is for the first two.
    pub(crate) fn run(&self, options: &str, filter: &[&str]) -> Result {
        let mut tests = self.tests(options)?;
        shell::run(tests.args(["--", "--skip", COUNTING]).args(filter))?;
        for (variable, value) in [("LEVADA_STRESS", STRESS), ("LEVADA_SNAPSHOTS", "1")] {
            let mut stress = self.cargo_test(options)?;
            shell::run(stress.args(["--test", "stress"]).env(variable, value))?;
        }
        Ok(())
    }

    /// levada's unit and integration tests.
    pub(crate) fn tests(&self, options: &str) -> Result<Command> {
        let mut command = self.cargo_test(options)?;
        command.args(["--tests", "--no-fail-fast"]);
        Ok(command)
    }

    /// The standard library is built as well: without that, the synchronisation inside it is not
    /// seen, and what it orders is reported as a race.
    fn cargo_test(&self, options: &str) -> Result<Command> {
        NIGHTLY.need(&["rust-src"], &[])?;
        let host = host()?;
        if !host.contains("linux") {
            let name = self.name;
            return Err(
                format!("the {name} sanitizer is set up here for Linux, not for {host}").into()
            );
        }
        let mut command = NIGHTLY.cargo();
        command.args(["test", "-Zbuild-std", "--target", &host, "--package", "levada"]);
        command.arg("--all-features");
        // Thresholds are small, so that values are open and fences are given up early.
        // A folder of its own: the flags would otherwise rebuild everything, there and back.
        command.env("CARGO_TARGET_DIR", Metadata::load()?.target_dir().join(self.name));
        command
            .env("RUSTFLAGS", format!("-Zsanitizer={} --cfg levada_small", self.name))
            .env(self.variable, options);
        // Hostile tests panic a lot, and each trace would be looked up in the symbols.
        command.env("RUST_BACKTRACE", "0");
        Ok(command)
    }
}
