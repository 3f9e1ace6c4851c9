//! `cargo xtask bench`: levada against its peers. `benches/` is a workspace of its own, as the
//! peers are no dependencies of this one.

use crate::cargo::{Metadata, cargo, root};
use crate::{Result, nats, shell};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const SMOKE: &str = "--smoke";
const QUICK: &str = "--quick";

/// The suite of the service: `benches/service`.
const SERVICE: &str = "service";
/// The suite of the tools that look into channels: `benches/observers`.
const OBSERVERS: &str = "observers";
const OBSERVERS_PROGRAM: &str = "levada-bench-observers";
/// A cluster beside one machine, which needs no other programs.
const CLUSTER: [&str; 8] = [
    "--only=levada,levada-nats,levada-nats-fsync,levada-nats-replicated",
    "--scenario=run,accept,scale",
    "--seconds",
    "4",
    "--clients=1,64,1000",
    "--workers=1,2,4,8",
    "--record",
    "benches/service/record/cluster",
];

/// Hands `words` to the suite. A run of everything is recorded in `benches/record`.
///
/// If the first one is `service`, it is the suite of the service, which gets what it needs: the
/// program and a NATS server. Without other words it records a cluster. If it is `observers`, it is
/// that of the tools that look into channels.
///
/// `--quick` stays here: it chooses the profile that is built in seconds after a change.
///
/// `--smoke` asks whether it still runs, with its format and its tests, which nothing else looks
/// at. Nothing is optimised then, as most of the time is building.
pub(crate) fn run(words: &[String]) -> Result {
    if let Some((SERVICE, words)) = words.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return service(words);
    }
    if let Some((OBSERVERS, words)) =
        words.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return observers(words);
    }
    if has(words, SMOKE) {
        shell::run(suite("fmt").arg("--check"))?;
        shell::run(suite("test").arg("--quiet"))?;
    }
    shell::run(&mut measure(words))
}

fn service(words: &[String]) -> Result {
    let servers = nats::servers()?;
    let mut build = cargo();
    build.args(["build", "--release", "--package", "levada-serve", "--features", "nats"]);
    shell::run(&mut build)?;
    shell::run(measure_service(words).env(nats::DIR_VARIABLE, servers))
}

fn measure_service(words: &[String]) -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--release", "--manifest-path"]);
    command.arg(root().join("benches/service/Cargo.toml")).arg("--").args(words);
    if words.is_empty() {
        command.args(CLUSTER);
    }
    command
}

/// Builds the program as it is, with what levada records, and with console-subscriber in it, and
/// has it compare them.
fn observers(words: &[String]) -> Result {
    let plain = observers_program("plain", "", "")?;
    let observe = observers_program("observe", "observe", "")?;
    // A folder of its own: the flag would otherwise rebuild everything, there and back.
    let console = observers_program("console", "console", "--cfg tokio_unstable")?;
    shell::run(Command::new(&plain).args(words).args([plain, observe, console]))
}

fn observers_program(name: &str, features: &str, flags: &str) -> Result<PathBuf> {
    let dir = Metadata::load()?.target_dir().join(OBSERVERS);
    let target = if flags.is_empty() { dir.clone() } else { dir.join("with-flags") };
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--features", features, "--manifest-path"]);
    build.arg(root().join("benches/observers/Cargo.toml"));
    build.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", flags);
    shell::run(&mut build)?;
    let program = dir.join(name);
    fs::copy(target.join("release").join(OBSERVERS_PROGRAM), &program)
        .map_err(|error| format!("cannot write {}: {error}", program.display()))?;
    Ok(program)
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
    use super::{measure, measure_service};
    use std::process::Command;

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// What stands behind the manifest's path.
    fn behind_manifest(command: &Command) -> Vec<String> {
        let arguments: Vec<_> =
            command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let manifest = arguments.iter().position(|word| word.ends_with("Cargo.toml")).unwrap();
        arguments[manifest + 1..].to_vec()
    }

    #[test]
    fn only_a_run_of_everything_is_recorded() {
        let behind = |words: &[&str]| behind_manifest(&measure(&owned(words)));
        assert_eq!(behind(&[]), ["--quiet", "--release", "--", "--record", "benches/record"]);
        assert_eq!(behind(&["mpsc"]), ["--quiet", "--release", "--", "mpsc"]);
        let quick = ["--quiet", "--profile=quick", "--", "mpsc"];
        assert_eq!(behind(&["--quick", "mpsc"]), quick);
        assert_eq!(behind(&["--smoke"]), ["--quiet", "--", "--smoke"]);
    }

    #[test]
    fn the_service_without_other_words_is_a_record_of_a_cluster() {
        let behind = |words: &[&str]| behind_manifest(&measure_service(&owned(words)));
        assert!(behind(&[]).ends_with(&owned(&["--record", "benches/service/record/cluster"])));
        assert_eq!(behind(&["--smoke"]), ["--", "--smoke"]);
    }
}
