//! `cargo xtask ci`: everything a change must pass, the quick answers first.

use crate::Result;
use std::time::{Duration, Instant};

const STEPS: &[&str] = &[
    "fmt",
    "tidy",
    "clippy",
    "doc",
    "test",
    "openapi",
    "page",
    "proxy",
    "nats",
    "contrib",
    "package",
    "windows",
    "instructions",
    "api",
    "compat",
    "features",
    "targets",
    "loom",
    "shuttle",
];

/// Runs the steps, each with `run_step`, up to the first that fails, and says what each took.
pub(crate) fn run(run_step: fn(&str) -> Result) -> Result {
    let mut durations = Vec::new();
    let mut result = Ok(());
    for step in STEPS {
        eprintln!("\n=== cargo xtask {step}");
        let start = Instant::now();
        result = run_step(step).map_err(|error| format!("{step}: {error}").into());
        durations.push((*step, start.elapsed()));
        if result.is_err() {
            break;
        }
    }
    println!("\n{}", summary(&durations));
    result
}

fn summary(durations: &[(&str, Duration)]) -> String {
    let mut text = String::new();
    for (step, duration) in durations {
        text += &format!("{step:<14}{:>7.1} s\n", duration.as_secs_f64());
    }
    let total: Duration = durations.iter().map(|(_, duration)| *duration).sum();
    text + &format!("{:<14}{:>7.1} s", "total", total.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workflow_runs_every_step() {
        let path = crate::cargo::root().join(".github/workflows/ci.yml");
        let workflow = std::fs::read_to_string(path).unwrap();
        let matrices = workflow.lines().filter_map(|line| line.trim().strip_prefix("task: ["));
        let listed = matrices.flat_map(|list| list.trim_end_matches(']').split(", "));
        let in_word = |c: char| c.is_alphanumeric() || c == '-';
        let written = workflow.split("cargo xtask ").skip(1);
        let written = written.map(|rest| rest.split(|c| !in_word(c)).next().unwrap());
        let run: Vec<_> = listed.chain(written).collect();
        // `ci` is what runs the steps at home; each of the other commands is a job.
        for command in crate::COMMANDS.iter().filter(|command| command.name != "ci") {
            assert!(run.contains(&command.name), "no job runs `cargo xtask {}`", command.name);
        }
        for step in STEPS {
            assert!(run.contains(step), "no job runs `cargo xtask {step}`");
        }
    }

    #[test]
    fn actions_are_pinned_by_commit() {
        let path = crate::cargo::root().join(".github/workflows/ci.yml");
        let workflow = std::fs::read_to_string(path).unwrap();
        let actions: Vec<_> =
            workflow.lines().filter_map(|line| line.split_once("uses: ")).collect();
        assert!(actions.len() > 10);
        for (_, action) in actions {
            let (_, pin) = action.split_once('@').unwrap();
            let (commit, version) = pin.split_once(" # v").expect("a comment with the version");
            let is_hex = commit.chars().all(|c| c.is_ascii_hexdigit());
            assert!(commit.len() == 40 && is_hex && !version.is_empty(), "{action}");
        }
    }

    #[test]
    fn the_summary_adds_up() {
        let summary = summary(&[("fmt", Duration::from_secs(1)), ("doc", Duration::from_secs(2))]);
        assert!(summary.ends_with("total             3.0 s"), "{summary}");
    }
}
