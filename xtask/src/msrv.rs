//! `cargo xtask msrv`: the oldest Rust we support builds what is published, and passes levada's
//! tests.

use crate::cargo::Metadata;
use crate::toolchain::Toolchain;
use crate::{Result, shell};

/// Builds every published package with its `rust-version`, and tests levada with its own.
pub(crate) fn run() -> Result {
    let metadata = Metadata::load()?;
    let target_dir = metadata.target_dir().join("msrv");
    for package in metadata.members().filter(|package| package.is_published()) {
        let toolchain = Toolchain(package.rust_version());
        toolchain.need(&[], &[])?;
        let mut command = toolchain.cargo();
        command.args(["build", "--package", package.name(), "--all-features"]);
        shell::run(command.env("CARGO_TARGET_DIR", &target_dir))?;
    }
    let levada = metadata.package("levada")?;
    let mut command = Toolchain(levada.rust_version()).cargo();
    command.args(["test", "--package", "levada", "--all-features", "--lib", "--tests"]);
    shell::run(command.env("CARGO_TARGET_DIR", &target_dir))
}
