//! Reports in a file: one a line, as JSON, each with the time at which it was made.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use levada_observe::report::Report;
use serde::Deserialize;

use super::super::failure::{Done, Failure};
use super::source::read;

/// A file that reports are written to.
#[derive(Debug)]
pub(super) struct Recorder {
    path: PathBuf,
    file: File,
}

impl Recorder {
    /// A new file: what is there already is not replaced.
    pub(super) fn create(path: &Path) -> Done<Self> {
        let file = File::create_new(path);
        let file = file.map_err(|error| Failure::file("create", path, &error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// One line, at once: what was recorded before the process is killed can be replayed.
    pub(super) fn write(&mut self, report: &Report) -> Done {
        let line = report.to_json() + "\n";
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|error| Failure::file("write", &self.path, &error))
    }
}

/// A file with reports, which are read when they are to be shown: it may be large.
#[derive(Debug)]
pub(super) struct Recording {
    path: PathBuf,
    file: File,
    /// Where each report begins, and how long it is.
    lines: Vec<(u64, u64)>,
    times: Vec<f64>,
}

/// What is read of each line in the beginning.
#[derive(Deserialize)]
struct Dated {
    program: Time,
}

#[derive(Deserialize)]
struct Time {
    time_unix_seconds: f64,
}

impl Recording {
    /// Finds the reports in a file. The last line may be incomplete, as that of a process that was
    /// killed.
    pub(super) fn open(path: &Path) -> Done<Self> {
        let cannot = |error| Failure::file("read", path, &error);
        let file = File::open(path).map_err(cannot)?;
        let (mut lines, mut times) = (Vec::new(), Vec::new());
        let (mut reader, mut start, mut line) = (BufReader::new(file), 0, Vec::new());
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(cannot)? as u64;
            if length == 0 {
                break;
            }
            if !line.trim_ascii().is_empty() {
                match serde_json::from_slice::<Dated>(&line) {
                    Ok(dated) => {
                        lines.push((start, length));
                        times.push(dated.program.time_unix_seconds);
                    }
                    Err(_) if !line.ends_with(b"\n") => break,
                    Err(error) => return Err(wrong(path, lines.len(), &error.to_string())),
                }
            }
            start += length;
        }
        if lines.is_empty() {
            return Err(Failure::usage(format!("{} has no report", path.display())));
        }
        Ok(Self { path: path.to_owned(), file: reader.into_inner(), lines, times })
    }

    pub(super) fn times(&self) -> &[f64] {
        &self.times
    }

    /// The report at this place.
    pub(super) fn load(&mut self, at: usize) -> Done<Report> {
        let Some((start, length)) = self.lines.get(at).copied() else {
            return Err(wrong(&self.path, at, "there is no such report"));
        };
        let cannot = |error| Failure::file("read", &self.path, &error);
        self.file.seek(SeekFrom::Start(start)).map_err(cannot)?;
        let mut text = String::new();
        (&self.file).take(length).read_to_string(&mut text).map_err(cannot)?;
        read(&text).map_err(|error| wrong(&self.path, at, &error.to_string()))
    }
}

fn wrong(path: &Path, before: usize, why: &str) -> Failure {
    Failure::usage(format!("{}, report {}: {why}", path.display(), before + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::top::source;

    fn report(seconds: f64) -> Report {
        let mut report = source::read(include_str!("tests/report.json")).unwrap();
        report.program.time_unix_seconds = seconds;
        report
    }

    #[test]
    fn what_is_recorded_can_be_replayed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.ndjson");
        let mut recorder = Recorder::create(&path).unwrap();
        for seconds in [1.5, 2.25, 9.0] {
            recorder.write(&report(seconds)).unwrap();
        }
        let mut recording = Recording::open(&path).unwrap();
        assert_eq!(recording.times(), [1.5, 2.25, 9.0]);
        for (at, seconds) in [(2, 9.0), (0, 1.5), (1, 2.25)] {
            assert_eq!(recording.load(at).unwrap(), report(seconds));
        }
        assert!(recording.load(3).is_err());
        let again = Recorder::create(&path).unwrap_err();
        assert!(matches!(&again, Failure::Here { message, .. } if message.contains("exists")));
    }

    #[test]
    fn a_file_may_end_within_a_line_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.ndjson");
        let one = report(1.0).to_json();
        std::fs::write(&path, format!("{one}\n\n{one}\n{}", &one[..one.len() / 2])).unwrap();
        assert_eq!(Recording::open(&path).unwrap().times(), [1.0, 1.0]);
        for (text, why) in [
            ("", "has no report"),
            ("\n", "has no report"),
            ("{\n", "report 1: "),
            (&format!("{one}\n<html>\n{one}\n"), "report 2: "),
        ] {
            std::fs::write(&path, text).unwrap();
            let failure = Recording::open(&path).unwrap_err();
            assert!(source::sentence(&failure).contains(why), "{failure:?}");
        }
        std::fs::write(&path, r#"{"version":9,"program":{"time_unix_seconds":1}}"#).unwrap();
        let newer = Recording::open(&path).unwrap().load(0).unwrap_err();
        assert!(source::sentence(&newer).contains("version 9"), "{newer:?}");
    }
}
