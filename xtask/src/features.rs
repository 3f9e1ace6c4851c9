//! `cargo xtask features`: levada with each set of its features.

use crate::Result;
use crate::cargo::{Metadata, cargo};
use crate::libtest::{run_all, tests};
use crate::shell;
use std::process::Command;

/// The sets with which the tests run. `cargo xtask test` runs them with all features, and so with
/// `observe`, which shares the code of the channels with these. `stream` only adds: what is tested
/// without it is tested with it.
const TESTED: [&[&str]; 2] = [&["stream"], &["stream", "tokio"]];

/// The feature for users who check models of their own code. It changes something only together
/// with `--cfg loom`, so the tests are not compiled once more with it.
const FOR_MODELS: &str = "loom";

/// Tests that count the bytes of whole programs. What the feature `observe` keeps in tables would
/// be in the way, and each set of packages that has `levada-observe` in it has that feature.
pub(crate) const GRID: &str = "levada-grid";

/// The package that compares the sizes of types with those of tokio's.
const SURFACE: &str = "api-surface";

/// Compiles levada with each set, alone and with its tests, and checks that tokio stays out. Then
/// runs the grid, and compares the sizes.
pub(crate) fn run() -> Result {
    let metadata = Metadata::load()?;
    let package = metadata.package("levada")?;
    let features: Vec<_> = package.features().filter(|name| *name != "default").collect();
    let sets = powerset(&features);
    for set in &sets {
        let names = set.join(",");
        // Without the development dependencies first: they would bring tokio in.
        shell::run(&mut levada("check", &names))?;
        if !set.contains(&FOR_MODELS) {
            shell::run(levada("check", &names).args(["--lib", "--tests"]))?;
        }
        if TESTED.contains(&set.as_slice()) {
            let mut build = levada("test", &names);
            run_all(tests(build.args(["--no-run", "--lib", "--tests"]), &metadata)?)?;
        }
        if !set.contains(&"tokio") {
            without_tokio(&names)?;
        }
    }
    shell::run(cargo().args(["test", "--package", GRID, "--package", SURFACE]))?;
    println!("{} sets of {features:?}", sets.len());
    Ok(())
}

/// All sets of `names`, the smaller of two before the larger.
fn powerset<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut sets = vec![Vec::new()];
    for name in names {
        let with = sets.clone().into_iter().map(|set| [set, vec![*name]].concat());
        sets.extend(with.collect::<Vec<_>>());
    }
    sets
}

fn levada(action: &str, features: &str) -> Command {
    let mut command = cargo();
    command.args([action, "--package", "levada", "--no-default-features", "--features", features]);
    command
}

/// Fails if anything of tokio is in levada's normal dependencies.
fn without_tokio(features: &str) -> Result {
    let mut command = levada("tree", features);
    let tree = shell::output(command.args(["--edges", "normal", "--prefix", "none"]))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_is_there() {
        assert_eq!(powerset(&[]), [[""; 0]]);
        let expected: [&[&str]; 4] = [&[], &["a"], &["b"], &["a", "b"]];
        assert_eq!(powerset(&["a", "b"]), expected);
        assert_eq!(powerset(&["a", "b", "c", "d"]).len(), 16);
    }
}
