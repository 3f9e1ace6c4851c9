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
    let mut taken = Vec::new();
    let mut result = Ok(());
    for step in STEPS {
        eprintln!("\n=== cargo xtask {step}");
        let (start, processor) = (Instant::now(), processor_time());
        result = run_step(step).map_err(|error| format!("{step}: {error}").into());
        taken.push((*step, start.elapsed(), processor_time().saturating_sub(processor)));
        if result.is_err() {
            break;
        }
    }
    println!("\n{}", summary(&taken));
    result
}

/// What the processes that have ended took of the processors; zero where the system does not say.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the program's name, which may hold anything: `cutime` and `cstime` of proc(5), in
    // hundredths of a second.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let hundredths = fields.skip(13).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(hundredths.sum::<u64>() * 10)
}

/// What each step took, by the clock and of the processors.
fn summary(taken: &[(&str, Duration, Duration)]) -> String {
    let line = |step: &str, clock: Duration, processor: Duration| {
        let [clock, processor] = [clock, processor].map(|time| time.as_secs_f64());
        format!("{step:<14}{clock:>8.1} s{processor:>8.1} s")
    };
    let mut text = format!("{:<14}{:>10}{:>10}\n", "step", "clock", "processor");
    for (step, clock, processor) in taken {
        text += &line(step, *clock, *processor);
        text.push('\n');
    }
    let clock = taken.iter().map(|(_, clock, _)| *clock).sum();
    let processor = taken.iter().map(|(_, _, processor)| *processor).sum();
    text + &line("total", clock, processor)
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
        let seconds = Duration::from_secs;
        let summary = summary(&[("fmt", seconds(1), seconds(2)), ("doc", seconds(2), seconds(3))]);
        assert!(summary.ends_with("total              3.0 s     5.0 s"), "{summary}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_has_ended_is_counted() {
        let before = processor_time();
        let mut shell = std::process::Command::new("sh");
        let loops = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        assert!(shell.args(["-c", loops]).status().unwrap().success());
        assert!(processor_time() > before);
    }
}
