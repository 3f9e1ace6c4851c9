//! levada's tests and its stress suite with a sanitizer in every line, the standard library included.

use crate::cargo::Metadata;
use crate::toolchain::{Toolchain, host};
use crate::{Result, shell};
use std::process::Command;

/// One of the sanitizers that rustc knows.
pub(crate) struct Sanitizer {
    /// As in `-Zsanitizer=`.
    name: &'static str,
    /// The variable of its options, and these.
    options: (&'static str, String),
    metadata: Metadata,
    host: String,
}

const NIGHTLY: Toolchain<'_> = Toolchain("nightly");

impl Sanitizer {
    /// Checks that there is what it needs.
    pub(crate) fn new(name: &'static str, options: (&'static str, String)) -> Result<Self> {
        NIGHTLY.need(&["rust-src"], &[])?;
        let host = host()?;
        if !host.contains("linux") {
            return Err(
                format!("`-Zsanitizer={name}` is set up here for Linux, not for {host}").into()
            );
        }
        Ok(Self { name, options, metadata: Metadata::load()?, host })
    }

    /// `cargo test` of levada's unit and integration tests.
    ///
    /// The standard library is built as well: without that, the synchronisation inside it is not
    /// seen, and what it orders is reported as a race.
    pub(crate) fn tests(&self) -> Command {
        let mut command = NIGHTLY.cargo();
        command.args(["test", "-Zbuild-std", "--target", &self.host, "--package", "levada"]);
        command.args(["--all-features", "--lib", "--tests", "--no-fail-fast"]);
        // Flags of its own would rebuild everything, there and back.
        command.env("CARGO_TARGET_DIR", self.metadata.target_dir().join(self.name));
        command.env("RUSTFLAGS", format!("-Zsanitizer={}", self.name));
        command.env(self.options.0, &self.options.1);
        // Hostile tests panic a lot, and each trace would be looked up in the symbols.
        command.env("RUST_BACKTRACE", "0");
        command
    }

    /// The stress suite alone, `times` as long as in the tests.
    pub(crate) fn stress(&self, times: u32) -> Result {
        let mut command = NIGHTLY.cargo();
        command.args(self.tests().get_args().skip(1).take(6));
        command.args(["--all-features", "--test", "stress"]);
        command.envs(self.tests().get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell::run(command.env("LEVADA_STRESS", times.to_string()))
    }
}
