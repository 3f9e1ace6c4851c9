//! `cargo xtask miri`: undefined behaviour in levada's unit tests.

use crate::Result;
use crate::cargo::root;
use crate::shell;
use std::process::Command;

/// Runs levada's unit tests, without tokio, under Miri.
pub(crate) fn run() -> Result {
    // rustup's `cargo`, which understands `+nightly`; the one that runs xtask does not.
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(["+nightly", "miri", "test", "--package", "levada", "--lib"]);
    shell::run(command.arg("--no-default-features")).map_err(|error| {
        format!("{error}; `rustup +nightly component add miri` installs it").into()
    })
}
