//! The record of a run: on which machine, with which versions, what came out. JSON for programs,
//! Markdown for people.

use super::table;
use crate::Result;
use crate::driver::run::Settings;
use crate::results::Line;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) environment: Environment,
    pub(crate) lines: Vec<Line>,
    #[serde(skip, default = "Instant::now")]
    started: Instant,
}

/// Where, when and how.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Environment {
    processor: String,
    /// How many threads it runs at once.
    cores: usize,
    kernel: String,
    rustc: String,
    commit: String,
    /// In UTC.
    date: String,
    /// The mean number of running threads in the minute before, and at the end: a quiet machine has
    /// 0 before.
    load_before: String,
    load_after: String,
    rounds: usize,
    /// How long a round of tokio took about, in seconds.
    round_seconds: f64,
    /// How long it all took, in seconds.
    duration: u64,
    /// Each contender with its version.
    versions: Vec<(String, String)>,
}

impl Record {
    pub(crate) fn begin(settings: Settings) -> Self {
        let environment = Environment {
            processor: processor(),
            cores: std::thread::available_parallelism().map_or(0, Into::into),
            kernel: said_by("uname", &["-sr"]),
            rustc: said_by("rustc", &["--version"]),
            commit: said_by("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
            date: said_by("date", &["-u", "+%F %H:%M"]),
            load_before: load(),
            rounds: settings.rounds,
            round_seconds: settings.budget.usual.as_secs_f64(),
            versions: versions(include_str!("../../Cargo.toml"), include_str!("../../Cargo.lock")),
            ..Environment::default()
        };
        Self { environment, lines: Vec::new(), started: Instant::now() }
    }

    pub(crate) fn end(&mut self) {
        self.environment.duration = self.started.elapsed().as_secs();
        self.environment.load_after = load();
    }

    /// Writes `results.json` and `results.md` into `dir`.
    pub(crate) fn write(&self, dir: &Path) -> Result {
        let failed = |error| format!("cannot write into {}: {error}", dir.display());
        fs::create_dir_all(dir).map_err(failed)?;
        fs::write(dir.join("results.json"), serde_json::to_string_pretty(self)? + "\n")
            .map_err(failed)?;
        Ok(fs::write(dir.join("results.md"), self.markdown()).map_err(failed)?)
    }

    /// What [`write`](Self::write) has written.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("results.json");
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(serde_json::from_str(&text)?)
    }

    fn markdown(&self) -> String {
        let mut text = format!(
            "# Results\n\n{}\n{}\n",
            self.environment.markdown(),
            table::closing(&self.lines)
        );
        text += "\n## All lines\n";
        for line in &self.lines {
            text += &format!("\n{}", table::of(line));
        }
        text
    }
}

impl Environment {
    /// For below a plot's title.
    pub(crate) fn machine(&self) -> String {
        format!(
            "{}, {} threads at once, {}, commit {}",
            self.processor, self.cores, self.kernel, self.commit
        )
    }

    fn markdown(&self) -> String {
        let versions: Vec<_> =
            self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        format!(
            "- {}, {} threads at once, {}, {}\n- commit {}, {} UTC, {} s in all\n\
             - load before {}, after {}\n- {} rounds of about {} s, after one to warm up\n- {}\n",
            self.processor,
            self.cores,
            self.kernel,
            self.rustc,
            self.commit,
            self.date,
            self.duration,
            self.load_before,
            self.load_after,
            self.rounds,
            self.round_seconds,
            versions.join(", ")
        )
    }
}

/// The processor's name, where `/proc` tells it.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split(':').nth(1)).map(str::trim);
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// The first line that a program prints, if there is that program.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().lines().next().unwrap_or("unknown").to_owned()
}

/// The versions of the direct dependencies.
fn versions(manifest: &str, lock: &str) -> Vec<(String, String)> {
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let names = dependencies
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
    let version = |name: &str| {
        let package = lock.split(&format!("name = \"{name}\"\nversion = \"")).nth(1)?;
        package.split('"').next()
    };
    names.filter_map(|name| Some((name.to_owned(), version(name)?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::calibrate::Budget;
    use crate::results::tests::line;
    use std::time::Duration;

    #[test]
    fn versions_of_all_contenders() {
        let record =
            Record::begin(Settings { rounds: 1, budget: Budget { usual: Duration::ZERO } });
        let versions = &record.environment.versions;
        for name in ["levada", "tokio", "kanal", "postage"] {
            assert!(versions.iter().any(|(known, _)| known == name), "{name} in {versions:?}");
        }
    }

    #[test]
    fn what_was_written_can_be_read() {
        let dir = std::env::temp_dir().join(format!("levada-benches-{}", std::process::id()));
        let mut record =
            Record::begin(Settings { rounds: 1, budget: Budget { usual: Duration::ZERO } });
        record
            .lines
            .push(line("mpsc/bounded/mt-4-1/cap-128/u64", &[("levada", 1.0), ("tokio", 2.0)]));
        record.end();
        record.write(&dir).unwrap();
        assert_eq!(Record::read(&dir).unwrap().lines, record.lines);
        assert!(fs::read_to_string(dir.join("results.md")).unwrap().contains("| levada"));
        fs::remove_dir_all(&dir).unwrap();
        assert!(Record::read(&dir).is_err());
    }
}
