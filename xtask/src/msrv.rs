//! `cargo xtask msrv`: the oldest Rust we support builds what is published, and passes levada's tests.

use crate::cargo::Metadata;
use crate::toolchain::Toolchain;
use crate::{Result, shell};

/// Builds every published package, and tests levada, with the `rust-version` of the workspace.
pub(crate) fn run() -> Result {
    let metadata = Metadata::load()?;
    let version = metadata.package("levada")?.rust_version().to_owned();
    let toolchain = Toolchain(&version);
    toolchain.need(&[], &[])?;
    let target_dir = metadata.target_dir().join("msrv");
    for package in metadata.members().filter(|package| package.is_published()) {
        let mut command = toolchain.cargo();
        command.args(["build", "--package", package.name(), "--all-features"]);
        shell::run(command.env("CARGO_TARGET_DIR", &target_dir))?;
    }
    let mut command = toolchain.cargo();
    command.args(["test", "--package", "levada", "--all-features", "--lib", "--tests"]);
    shell::run(command.env("CARGO_TARGET_DIR", &target_dir))
}
