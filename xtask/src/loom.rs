//! `cargo xtask loom`: models over all interleavings, of levada's parts and of programs that use
//! it.

use crate::Result;
use crate::cargo::{Metadata, cargo};
use crate::shell;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

/// The models of what the feature `observe` records. The others run without it.
const RECORDED: &str = "observe::on::model";

/// What a run explores, and for how long.
#[derive(Debug)]
struct Options {
    /// How often a thread may be interrupted where it does not wait.
    preemptions: u32,
    /// Part of a model's name.
    only: String,
    /// Seconds per model; a model that needs more is cut off.
    limit: Option<u32>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { preemptions: 2, only: String::new(), limit: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--deep" => {
                    options.preemptions = 3;
                    options.limit.get_or_insert(120);
                }
                "--only" => options.only.clone_from(value()?),
                "--limit" => {
                    let seconds = value()?;
                    let parsed = seconds.parse();
                    let limit = parsed.map_err(|error| format!("--limit {seconds}: {error}"))?;
                    options.limit = Some(limit);
                }
                _ => {
                    return Err(format!(
                        "unknown option {argument}; known: --deep --only NAME --limit SECONDS"
                    )
                    .into());
                }
            }
        }
        Ok(options)
    }
}

/// Runs the models of levada's parts, then those of a program that uses levada.
pub(crate) fn run(arguments: &[String]) -> Result {
    let options = Options::parse(arguments)?;
    let target_dir = Metadata::load()?.target_dir().join("loom");
    let mut reports = run_parts(&target_dir, "loom", &options.only, &options)?;
    if RECORDED.contains(&options.only) {
        reports.extend(run_parts(&target_dir, "loom,observe", RECORDED, &options)?);
    }
    let programs = run_programs(&target_dir, &options)?;
    if reports.is_empty() && programs == 0 {
        return Err(format!("no model has `{}` in its name", options.only).into());
    }
    println!(
        "\n{}\nand {programs} tests of a program that uses levada",
        summary(reports, &options)
    );
    Ok(())
}

/// Lists the models of levada's parts, runs them, and checks that each has said how far it came.
fn run_parts(
    target_dir: &Path,
    features: &str,
    only: &str,
    options: &Options,
) -> Result<Vec<Report>> {
    let cargo_test = || {
        let mut command = cargo_test(target_dir, &["--package", "levada", "--lib"], options);
        command.args(["--no-default-features", "--features", features, "--"]);
        command
    };
    let models = list(&mut cargo_test(), only)?;
    if models.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = cargo_test();
    if let Some(limit) = options.limit {
        // loom looks at the clock at each checkpoint only.
        command.env("LOOM_MAX_DURATION", limit.to_string());
        command.env("LOOM_CHECKPOINT_INTERVAL", "100");
    }
    // On one thread, libtest would not tell the models their names.
    let threads = available_parallelism().map_or(2, |threads| threads.get().max(2));
    command.args(["--nocapture", "--exact", &format!("--test-threads={threads}")]);
    let output = shell::run_and_read(command.args(&models))?;
    let reports: Vec<_> = output.iter().filter_map(|line| Report::parse(line)).collect();
    match models.iter().find(|model| reports.iter().all(|report| report.name != **model)) {
        Some(lost) => Err(format!("`{lost}` is not a model: it does not call `model`").into()),
        None => Ok(reports),
    }
}

/// Runs the models in `tests/loom-user`, and returns how many tests that were.
fn run_programs(target_dir: &Path, options: &Options) -> Result<usize> {
    let mut command =
        cargo_test(target_dir, &["--package", "loom-user", "--test", "models"], options);
    let output = shell::run_and_read(command.args(["--", &options.only]))?;
    let passed = output.iter().filter(|line| line.ends_with(" ... ok")).count();
    if passed == 0 && options.only.is_empty() {
        return Err("tests/loom-user ran no test; its models were lost".into());
    }
    Ok(passed)
}

/// `cargo test` under loom.
fn cargo_test(target_dir: &Path, package: &[&str], options: &Options) -> Command {
    let mut command = cargo();
    command.args(["test", "--release"]).args(package);
    // A folder of its own: the flag would otherwise rebuild everything, there and back.
    command.env("CARGO_TARGET_DIR", target_dir);
    command.env("RUSTFLAGS", "--cfg loom");
    command.env("LOOM_MAX_PREEMPTIONS", options.preemptions.to_string());
    command
}

/// The names of the tests that are models and have `only` in their names.
fn list(tests: &mut Command, only: &str) -> Result<Vec<String>> {
    let list = shell::output(tests.args(["--list", "--format=terse"]))?;
    let names: Vec<_> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let is_model = |name: &&&str| name.contains("model");
    if names.iter().find(is_model).is_none() {
        return Err("no test has `model` in its name; the models were lost".into());
    }
    let wanted = names.iter().filter(is_model).filter(|name| name.contains(only));
    Ok(wanted.map(ToString::to_string).collect())
}

/// What one model says when it ends.
#[derive(Debug, PartialEq)]
struct Report {
    name: String,
    executions: u64,
    seconds: f64,
    is_whole: bool,
}

impl Report {
    /// Reads `model NAME: N executions, S s, all|cut off`; libtest may write before it on the line.
    fn parse(line: &str) -> Option<Self> {
        let (_, report) = line.split_once("model ")?;
        let (name, report) = report.split_once(": ")?;
        let (executions, report) = report.split_once(" executions, ")?;
        let (seconds, end) = report.split_once(" s, ")?;
        Some(Self {
            name: name.to_owned(),
            executions: executions.parse().ok()?,
            seconds: seconds.parse().ok()?,
            is_whole: end == "all",
        })
    }
}

/// A line per model, the longest last, and what was not explored.
fn summary(mut reports: Vec<Report>, options: &Options) -> String {
    reports.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let mut text = String::from("  executions   seconds  model\n");
    for Report { name, executions, seconds, is_whole } in &reports {
        let end = if *is_whole { "" } else { "  CUT OFF" };
        text += &format!("{executions:>12} {seconds:>9.2}  {name}{end}\n");
    }
    let executions: u64 = reports.iter().map(|report| report.executions).sum();
    let whole = reports.iter().filter(|report| report.is_whole).count();
    let (models, preemptions) = (reports.len(), options.preemptions);
    text += &format!(
        "{models} models, {preemptions} preemptions, {executions} executions: {whole} completely explored"
    );
    if let Some(limit) = options.limit {
        text += &format!(", {} cut off after {limit} s", models - whole);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "test a::model::b ... model a::model::b: 12 executions, 0.50 s, all";
    const CUT: &str = "model c: 3 executions, 9.00 s, cut off";

    #[test]
    fn reports_are_read() {
        let whole = Report::parse(WHOLE).unwrap();
        let name = "a::model::b".to_owned();
        assert_eq!(whole, Report { name, executions: 12, seconds: 0.5, is_whole: true });
        assert!(!Report::parse(CUT).unwrap().is_whole);
        assert_eq!(Report::parse("test a::model::b ... ok"), None);
    }

    #[test]
    fn the_summary_says_what_was_cut_off() {
        let reports = [CUT, WHOLE].into_iter().filter_map(Report::parse).collect();
        let summary = summary(reports, &Options::parse(&["--deep".to_owned()]).unwrap());
        assert!(summary.contains("3      9.00  c  CUT OFF\n"), "{summary}");
        let end =
            "2 models, 3 preemptions, 15 executions: 1 completely explored, 1 cut off after 120 s";
        assert!(summary.ends_with(end), "{summary}");
    }

    #[test]
    fn options_are_checked() {
        let parse = |line: &str| {
            let words: Vec<_> = line.split(' ').map(String::from).collect();
            Options::parse(&words)
        };
        assert_eq!(parse("--limit 7 --deep").unwrap().limit, Some(7));
        assert!(parse("--limit").is_err());
        assert!(parse("--limit x").is_err());
        assert!(parse("--depp").is_err());
    }
}
