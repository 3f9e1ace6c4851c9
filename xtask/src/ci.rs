//! `cargo xtask ci`: everything a change must pass, the quick answers first.

use crate::Result;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// What answers quickly, and runs before the rest.
const FIRST: &[&str] = &["fmt", "tidy", "clippy", "doc"];

const THEN: &[&str] = &[
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
];

/// What runs beside [`THEN`], in the time in which those tests wait. These steps take only
/// processor time, build in folders of their own, and install nothing.
const BESIDE: &[&str] = &["loom", "shuttle"];

/// Runs the steps, most of them with `run_step`, up to the first that fails, and says what each
/// took.
pub(crate) fn run(run_step: fn(&str) -> Result) -> Result {
    let start = Instant::now();
    // Asked for now: `test` puts another file in its place.
    let xtask = std::env::current_exe()?;
    let ci = Ci::default();
    ci.lane(FIRST, &|step| ci.run_here(step, run_step));
    thread::scope(|scope| {
        scope.spawn(|| ci.lane(BESIDE, &|step| ci.run_beside(&xtask, step)));
        ci.lane(THEN, &|step| ci.run_here(step, run_step));
    });
    let done = ci.0.into_inner().map_err(|_| "a thread has panicked")?;
    println!("\n{}", summary(&done.taken, start.elapsed()));
    match done.failures.is_empty() {
        true => Ok(()),
        false => Err(done.failures.join("\n").into()),
    }
}

/// One run.
#[derive(Default)]
struct Ci(Mutex<Done>);

/// What has ended.
#[derive(Default)]
struct Done {
    taken: Vec<Taken>,
    failures: Vec<String>,
    /// Processor time of the steps that ran beside others.
    beside: Duration,
}

/// What a step took, by the clock and of the processors.
struct Taken {
    step: &'static str,
    clock: Duration,
    processor: Duration,
}

impl Ci {
    /// Runs `steps` one after the other with `run`, which gives the processor time, until one
    /// fails, of this lane or of the other.
    fn lane(
        &self,
        steps: &[&'static str],
        run: &dyn Fn(&str) -> std::result::Result<Duration, String>,
    ) {
        for step in steps {
            if self.0.lock().is_ok_and(|done| !done.failures.is_empty()) {
                return;
            }
            let start = Instant::now();
            let result = run(step);
            let Ok(mut done) = self.0.lock() else { return };
            if let Err(error) = &result {
                eprintln!("\n=== {step} has failed: {error}");
                done.failures.push(format!("{step}: {error}"));
            }
            let (clock, processor) = (start.elapsed(), result.unwrap_or_default());
            done.taken.push(Taken { step, clock, processor });
        }
    }

    fn run_here(
        &self,
        step: &str,
        run_step: fn(&str) -> Result,
    ) -> std::result::Result<Duration, String> {
        eprintln!("\n=== cargo xtask {step}");
        let start = self.processor_time();
        run_step(step).map_err(|error| error.to_string())?;
        Ok(self.processor_time().saturating_sub(start))
    }

    /// Of all processes that have ended, but for those of the steps that run beside.
    fn processor_time(&self) -> Duration {
        let beside = self.0.lock().map_or(Duration::ZERO, |done| done.beside);
        processor_time("self").saturating_sub(beside)
    }

    /// Runs a step as a process that yields to all others, and shows at its end what it has
    /// written.
    fn run_beside(&self, xtask: &Path, step: &str) -> std::result::Result<Duration, String> {
        let failed = |error| format!("cannot run it beside the others: {error}");
        let mut command = Command::new("sh");
        command.args(["-c", "exec nice -n 19 \"$0\" \"$1\" 2>&1"]);
        command.arg(xtask).arg(step);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let mut written = Vec::new();
        if let Some(mut stdout) = child.stdout.take() {
            stdout.read_to_end(&mut written).map_err(failed)?;
        }
        // It has ended, and is counted as ours once it is waited for.
        let processor = processor_time(&child.id().to_string());
        let status = child.wait().map_err(failed)?;
        let written = String::from_utf8_lossy(&written);
        let mut done = self.0.lock().map_err(|error| error.to_string())?;
        done.beside += processor;
        println!("\n=== cargo xtask {step}, beside the others\n{}", written.trim_end());
        if status.success() { Ok(processor) } else { Err(status.to_string()) }
    }
}

/// What the children of a process that have ended took of the processors; zero where the system
/// does not say.
fn processor_time(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the program's name, which may hold anything: `cutime` and `cstime` of proc(5), in
    // hundredths of a second.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let hundredths = fields.skip(13).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(hundredths.sum::<u64>() * 10)
}

fn summary(taken: &[Taken], clock: Duration) -> String {
    let line = |step: &str, clock: Duration, processor: Duration| {
        let [clock, processor] = [clock, processor].map(|time| time.as_secs_f64());
        format!("{step:<14}{clock:>8.1} s{processor:>8.1} s")
    };
    let mut text = format!("{:<14}{:>10}{:>10}\n", "step", "clock", "processor");
    for taken in taken {
        text += &line(taken.step, taken.clock, taken.processor);
        text.push('\n');
    }
    let processor = taken.iter().map(|taken| taken.processor).sum();
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
        for step in [FIRST, THEN, BESIDE].concat() {
            assert!(run.contains(&step), "no job runs `cargo xtask {step}`");
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
        let taken = |step, clock, processor| {
            let [clock, processor] = [clock, processor].map(Duration::from_secs);
            Taken { step, clock, processor }
        };
        let taken = [taken("fmt", 1, 2), taken("loom", 9, 5), taken("doc", 2, 3)];
        let summary = summary(&taken, Duration::from_secs(11));
        assert!(summary.ends_with("total             11.0 s    10.0 s"), "{summary}");
    }

    #[test]
    fn a_lane_ends_where_a_step_fails() {
        let ci = Ci::default();
        ci.lane(&["a", "b", "c"], &|step| {
            if step == "b" { Err("no".to_owned()) } else { Ok(Duration::ZERO) }
        });
        ci.lane(&["d"], &|_| Ok(Duration::ZERO));
        let done = ci.0.into_inner().unwrap();
        let steps: Vec<_> = done.taken.iter().map(|taken| taken.step).collect();
        assert_eq!((steps, done.failures), (vec!["a", "b"], vec!["b: no".to_owned()]));
    }

    #[cfg(unix)]
    #[test]
    fn a_step_beside_the_others_fails_as_its_process() {
        let ci = Ci::default();
        ci.run_beside(Path::new("true"), "loom").unwrap();
        assert!(ci.run_beside(Path::new("false"), "loom").unwrap_err().ends_with('1'));
        assert!(ci.run_beside(Path::new("/lost"), "loom").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_has_ended_is_counted() {
        let before = processor_time("self");
        let loops = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        assert!(Command::new("sh").args(["-c", loops]).status().unwrap().success());
        assert!(processor_time("self") > before);
    }
}
