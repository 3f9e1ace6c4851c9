//! `cargo xtask shuttle`: whole channels with three tasks or more, over random schedules; and once
//! more with the feature `observe`, beside a thread that makes snapshots.

use crate::Result;
use crate::cargo::{Metadata, cargo};
use crate::shell;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

/// Schedules per scenario and scheduler with `--deep`.
const DEEP: &str = "20000";
/// As many as one seed gives, which is what a replay needs.
const REPLAY: &str = "100";

/// Tests that have faults planted in them, and end early.
const HARNESS: &str = "harness::";

#[derive(Debug, Default)]
struct Options {
    is_deep: bool,
    only: String,
    seed: Option<u64>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--deep" => options.is_deep = true,
                "--only" => options.only.clone_from(value()?),
                "--seed" => {
                    let seed = value()?;
                    let parsed = seed.parse().map_err(|error| format!("--seed {seed}: {error}"))?;
                    options.seed = Some(parsed);
                }
                _ => {
                    return Err(format!(
                        "unknown option {argument}; known: --deep --only NAME --seed SEED"
                    )
                    .into());
                }
            }
        }
        Ok(options)
    }

    /// How many schedules, where it is not what the scenarios choose.
    fn schedules(&self) -> Option<&'static str> {
        match self.seed {
            _ if self.is_deep => Some(DEEP),
            Some(_) => Some(REPLAY),
            None => None,
        }
    }
}

/// Runs the scenarios without and with snapshots beside them.
pub(crate) fn run(arguments: &[String]) -> Result {
    let options = Options::parse(arguments)?;
    let target_dir = Metadata::load()?.target_dir().join("shuttle");
    let alone = scenarios(&options, || cargo_test(&target_dir, &[]))?;
    let beside = scenarios(&options, || cargo_test(&target_dir, &["--features", "observe"]))?;
    println!("\nalone: {alone}\nbeside snapshots: {beside}");
    Ok(())
}

/// Runs the scenarios, and checks that each ran under both schedulers. Returns what that was.
fn scenarios(options: &Options, cargo_test: impl Fn() -> Command) -> Result<String> {
    let list = shell::output(cargo_test().args(["--list", "--format=terse"]))?;
    let names: Vec<_> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let wanted: Vec<_> = names.into_iter().filter(|name| name.contains(&options.only)).collect();
    if wanted.is_empty() {
        return Err(format!("no scenario has `{}` in its name", options.only).into());
    }
    let mut command = cargo_test();
    if let Some(schedules) = options.schedules() {
        command.env("SHUTTLE_SCHEDULES", schedules);
    }
    if let Some(seed) = options.seed {
        command.env("SHUTTLE_SEED", seed.to_string());
    }
    // On one thread, libtest would not tell the scenarios their names.
    let threads = available_parallelism().map_or(2, |threads| threads.get().max(2));
    command.args(["--nocapture", "--exact", &format!("--test-threads={threads}")]);
    let output = shell::run_and_read(command.args(&wanted))?;
    let reports: Vec<_> = output.iter().filter_map(|line| report(line)).collect();
    for name in wanted.iter().filter(|name| !name.starts_with(HARNESS)) {
        let runs = reports.iter().filter(|(reported, _)| reported == name).count();
        if runs != 2 {
            return Err(format!("`{name}` ran under {runs} schedulers, not under 2").into());
        }
    }
    let schedules: u64 = reports.iter().map(|(_, schedules)| schedules).sum();
    Ok(format!("{} scenarios, each random and PCT: {schedules} schedules", reports.len() / 2))
}

/// `cargo test` of the scenarios, up to and including the `--`.
fn cargo_test(target_dir: &Path, features: &[&str]) -> Command {
    let mut command = cargo();
    command.args(["test", "--release", "--package", "shuttle-scenarios", "--test", "scenarios"]);
    command.args(features);
    // A folder of its own: the flag would otherwise rebuild everything, there and back.
    command.env("CARGO_TARGET_DIR", target_dir);
    command.env("RUSTFLAGS", "--cfg levada_shuttle");
    command.arg("--");
    command
}

/// Reads `scenario NAME: SCHEDULER, N schedules, S s`; libtest may write before it on the line.
fn report(line: &str) -> Option<(&str, u64)> {
    let (_, report) = line.split_once("scenario ")?;
    let (name, report) = report.split_once(": ")?;
    let (_scheduler, report) = report.split_once(", ")?;
    let (schedules, _) = report.split_once(" schedules")?;
    Some((name, schedules.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let line = "test a::b ... scenario a::b: pct, 300 schedules, 0.24 s";
        assert_eq!(report(line), Some(("a::b", 300)));
        assert_eq!(report("test a::b ... ok"), None);
    }

    #[test]
    fn options_are_checked() {
        let parse = |line: &str| {
            let words: Vec<_> = line.split(' ').map(String::from).collect();
            Options::parse(&words)
        };
        assert_eq!(parse("--only mpsc --seed 7").unwrap().schedules(), Some(REPLAY));
        assert_eq!(parse("--deep --seed 7").unwrap().schedules(), Some(DEEP));
        assert!(parse("--seed x").is_err());
        assert!(parse("--seed").is_err());
        assert!(parse("--all").is_err());
    }
}
