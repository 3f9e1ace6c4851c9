//! What was measured, where and with whom: `results.jsonl`, whose first line is the environment,
//! and the pictures.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::contender::Contender;
use crate::plot;
use crate::programs::{Programs, Result};

const FILE: &str = "results.jsonl";

/// Writes the lines, and their pictures, into `dir`.
pub(crate) fn write(lines: &[Value], dir: &Path) -> Result {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let failed = |error| format!("cannot write into {}: {error}", dir.display());
    fs::create_dir_all(dir).map_err(failed)?;
    fs::write(dir.join(FILE), text).map_err(failed)?;
    plot::draw(lines, dir)
}

/// What [`write`] has written.
pub(crate) fn read(dir: &Path) -> Result<Vec<Value>> {
    let path = dir.join(FILE);
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?)
}

/// The first line of a record.
pub(crate) fn environment(programs: &Programs, only: &[Contender], seconds: f64) -> Result<Value> {
    let mut versions = Map::new();
    for contender in only {
        let (program, arguments) = contender.version(programs);
        versions.insert(contender.name(), said_by(program, arguments)?.into());
    }
    let commit =
        ["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty", "--abbrev=12"];
    Ok(json!({ "environment": {
        "processor": processor(),
        "cores": std::thread::available_parallelism()?,
        "kernel": said_by("uname", &["-sr"])?,
        "commit": said_by("git", &commit).unwrap_or_else(|_| "unknown".into()),
        // In UTC.
        "date": said_by("date", &["-u", "+%F %H:%M"])?,
        // The mean number of running threads in the minute before: a quiet machine has 0.
        "load_before": fs::read_to_string("/proc/loadavg")?.split(' ').next(),
        "seconds": seconds,
        "versions": versions,
    }}))
}

/// The processor's name, where `/proc` tells it.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split(':').nth(1)).map(str::trim);
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// The first line that a program prints.
fn said_by(program: impl AsRef<OsStr>, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    let output = command
        .args(arguments)
        .output()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().filter(|_| output.status.success());
    Ok(line.ok_or_else(|| format!("{command:?} says nothing"))?.trim().to_owned())
}
