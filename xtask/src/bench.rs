//! `cargo xtask bench`: levada against its peers. `benches/` is a workspace of its own, as the
//! peers are no dependencies of this one.

use crate::cargo::{cargo, root};
use crate::{Result, shell};
use std::process::Command;

const SMOKE: &str = "--smoke";
const QUICK: &str = "--quick";

/// Hands `words` to the suite. A run of everything is recorded in `benches/record`.
///
/// `--quick` stays here: it chooses the profile that is built in seconds after a change.
///
/// `--smoke` asks whether it still runs, with its format and its tests, which nothing else looks
/// at. Nothing is optimised then, as most of the time is building.
pub(crate) fn run(words: &[String]) -> Result {
    if has(words, SMOKE) {
        shell::run(suite("fmt").arg("--check"))?;
        shell::run(suite("test").arg("--quiet"))?;
    }
    shell::run(&mut measure(words))
}

fn has(words: &[String], option: &str) -> bool {
    words.iter().any(|word| word == option)
}

/// A cargo command for that workspace.
fn suite(subcommand: &str) -> Command {
    let mut command = cargo();
    command.arg(subcommand).arg("--manifest-path").arg(root().join("benches/Cargo.toml"));
    command
}

fn measure(words: &[String]) -> Command {
    let mut command = suite("run");
    command.arg("--quiet");
    if has(words, QUICK) {
        command.arg("--profile=quick");
    } else if !has(words, SMOKE) {
        command.arg("--release");
    }
    command.arg("--").args(words.iter().filter(|word| *word != QUICK));
    if words.is_empty() {
        command.args(["--record", "benches/record"]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::measure;

    /// What stands behind the manifest's path.
    fn behind_manifest(words: &[&str]) -> Vec<String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let arguments: Vec<_> =
            measure(&words).get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let manifest = arguments.iter().position(|word| word.ends_with("Cargo.toml")).unwrap();
        arguments[manifest + 1..].to_vec()
    }

    #[test]
    fn only_a_run_of_everything_is_recorded() {
        assert_eq!(
            behind_manifest(&[]),
            ["--quiet", "--release", "--", "--record", "benches/record"]
        );
        assert_eq!(behind_manifest(&["mpsc"]), ["--quiet", "--release", "--", "mpsc"]);
        let quick = ["--quiet", "--profile=quick", "--", "mpsc"];
        assert_eq!(behind_manifest(&["--quick", "mpsc"]), quick);
        assert_eq!(behind_manifest(&["--smoke"]), ["--quiet", "--", "--smoke"]);
    }
}
