//! `cargo xtask deny`: licences, advisories and sources of the dependencies, by `deny.toml`.

use crate::Result;
use crate::cargo::cargo;
use crate::shell;

/// Runs cargo-deny, which must be installed.
pub(crate) fn run() -> Result {
    shell::output(cargo().args(["deny", "--version"]))
        .map_err(|_| "cargo-deny is not installed; `cargo install --locked cargo-deny` does it")?;
    shell::run(cargo().args(["deny", "--all-features", "check"]))
}
