//! `cargo xtask features`: levada with each set of its features.

use crate::Result;
use crate::cargo::cargo;
use crate::shell;

/// All sets but the whole, which `cargo xtask test` runs.
const SETS: &[&str] = &["", "tokio", "stream"];

/// Compiles levada with each set, alone and with its tests, and checks that tokio stays out.
pub(crate) fn run() -> Result {
    for set in SETS {
        // Without the development dependencies first: they would bring tokio in.
        levada("check", set, &[])?;
        levada("test", set, &["--lib", "--tests"])?;
        if !set.contains("tokio") {
            without_tokio(set)?;
        }
    }
    Ok(())
}

fn levada(action: &str, features: &str, options: &[&str]) -> Result {
    let mut command = cargo();
    command.args([action, "--package", "levada", "--no-default-features"]);
    shell::run(command.args(["--features", features]).args(options))
}

/// Fails if anything of tokio is in levada's normal dependencies.
fn without_tokio(features: &str) -> Result {
    let mut command = cargo();
    command.args(["tree", "--package", "levada", "--no-default-features"]);
    command.args(["--features", features, "--edges", "normal", "--prefix", "none"]);
    let tree = shell::output(&mut command)?;
    if !tree.starts_with("levada ") {
        return Err(format!("cannot read what `cargo tree` says: {tree}").into());
    }
    match tree.lines().find(|line| line.starts_with("tokio")) {
        None => Ok(()),
        Some(line) => Err(format!(
            "levada with features \"{features}\" depends on `{line}`; only feature `tokio` may"
        )
        .into()),
    }
}
