//! `cargo xtask clippy`: lints. The table is in the root `Cargo.toml`, limits in `clippy.toml`.

use crate::Result;
use crate::cargo::cargo;
use crate::shell;

/// Lints every target of every crate; a warning is an error.
pub(crate) fn run() -> Result {
    let targets = ["clippy", "--workspace", "--all-targets", "--all-features"];
    shell::run(cargo().args(targets).args(["--", "-D", "warnings"]))?;
    // The service of one machine, which has parts of a cluster left out. All packages again, so
    // that the dependencies are those that are checked already.
    let alone = ["clippy", "--workspace", "--no-default-features", "--all-targets"];
    shell::run(cargo().args(alone).args(["--", "-D", "warnings"]))
}
