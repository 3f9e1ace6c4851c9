//! `cargo xtask features`: levada with each set of its features.

use crate::Result;
use crate::cargo::{Metadata, cargo};
use crate::shell;

/// The sets with which the tests run. `cargo xtask test` runs them with all features, and so with
/// `observe`, which shares the code of the channels with these. `stream` only adds: what is tested
/// without it is tested with it. `loom` changes something only together with `--cfg loom`.
const TESTED: [&[&str]; 2] = [&["stream"], &["stream", "tokio"]];

/// Compiles levada with each set, alone and with its tests, and checks that tokio stays out.
pub(crate) fn run() -> Result {
    let metadata = Metadata::load()?;
    let package = metadata.package("levada")?;
    let features: Vec<_> = package.features().filter(|name| *name != "default").collect();
    let sets = powerset(&features);
    for set in &sets {
        let names = set.join(",");
        // Without the development dependencies first: they would bring tokio in.
        levada("check", &names, &[])?;
        levada("check", &names, &["--lib", "--tests"])?;
        if TESTED.contains(&set.as_slice()) {
            levada("test", &names, &["--lib", "--tests"])?;
        }
        if !set.contains(&"tokio") {
            without_tokio(&names)?;
        }
    }
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
