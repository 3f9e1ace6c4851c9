//! `cargo xtask mutants`: faults planted in the core one at a time, each of which a test must
//! catch.
//!
//! A line of coverage says that a test ran a line; a caught fault says that it would have noticed.
//! The faults are chosen by hand, in `faults`: an ordering weakened where it matters, a wake-up
//! dropped, a bit not cleared, a count not given back. They are planted in a copy of the workspace,
//! in `target/mutants`, and the tests of `layer` run there.

mod fault;
mod faults;
mod layer;
mod mirror;
mod report;

use crate::Result;
use crate::cargo::{Metadata, root};
use fault::Fault;
use layer::{LAYERS, Layer, Outcome};
use report::{Row, Verdict};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

#[derive(Debug, Default)]
struct Options {
    only: Vec<String>,
    list: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--only" => {
                    let names = arguments.next().ok_or("--only needs a NAME, or NAME,NAME")?;
                    options.only.extend(names.split(',').map(String::from));
                }
                "--list" => options.list = true,
                _ => {
                    return Err(
                        format!("unknown option {argument}; known: --only NAME --list").into()
                    );
                }
            }
        }
        Ok(options)
    }

    /// The faults whose names begin with one of those asked for.
    fn chosen(&self) -> Result<Vec<&'static Fault>> {
        let all: Vec<_> = faults::all().collect();
        for name in &self.only {
            if !all.iter().any(|fault| fault.name.starts_with(name)) {
                return Err(
                    format!("no fault's name begins with `{name}`; --list shows them").into()
                );
            }
        }
        let asked = |fault: &&Fault| {
            self.only.is_empty() || self.only.iter().any(|name| fault.name.starts_with(name))
        };
        Ok(all.into_iter().filter(asked).collect())
    }
}

/// Plants each fault in turn, prints what caught it, and fails if nothing did.
pub(crate) fn run(arguments: &[String]) -> Result {
    let options = Options::parse(arguments)?;
    let chosen = options.chosen()?;
    // All of them, so that a fault that does not fit any more is not found at the end of an hour.
    for fault in faults::all() {
        fault.planted(&root())?;
    }
    if options.list {
        chosen.iter().for_each(|fault| println!("{}", report::listed(fault)));
        return Ok(());
    }
    let target = Metadata::load()?.target_dir().join("mutants");
    let copy = target.join("workspace");
    mirror::mirror(&root(), &copy)?;
    check_without_faults(&chosen, &copy, &target)?;
    let mut rows = Vec::new();
    for fault in chosen {
        let start = Instant::now();
        let text = fault.planted(&copy)?;
        let original = fault.source(&copy)?;
        let file = fault.path(&copy);
        std::fs::write(&file, text)?;
        let verdict = judge(fault, &copy, &target);
        // Put back before anything is said about it, an error included.
        std::fs::write(&file, original)?;
        let row = Row { fault, verdict: verdict?, took: start.elapsed() };
        println!("{}", report::line(&row));
        rows.push(row);
    }
    println!("\n{}", report::totals(&rows));
    report::judge(&rows)
}

/// What catches a fault says something only if it passes without.
fn check_without_faults(chosen: &[&Fault], copy: &Path, target: &Path) -> Result {
    let expected: BTreeSet<_> = chosen.iter().map(|fault| fault.caught_by).collect();
    for (name, tests) in expected {
        let start = Instant::now();
        match Layer::called(name)?.run(Some(tests), copy, target)? {
            Outcome::Passed(count) => {
                println!("{name} {tests}: {count} tests, {:.1} s", start.elapsed().as_secs_f64());
            }
            Outcome::Caught(test) => {
                return Err(
                    format!("{name} {tests}: {test} without any fault; mend that first").into()
                );
            }
            Outcome::DoesNotCompile(why) => {
                return Err(format!("{name} does not compile:\n{why}").into());
            }
        }
    }
    Ok(())
}

/// Runs the tests that are expected to catch the fault, then all the others, the cheap ones first.
fn judge(fault: &Fault, copy: &Path, target: &Path) -> Result<Verdict> {
    let (expected, tests) = fault.caught_by;
    let everything = LAYERS.iter().map(|layer| (layer, None));
    let first = (Layer::called(expected)?, Some(tests));
    for (layer, tests) in std::iter::once(first).chain(everything) {
        match layer.run(tests, copy, target)? {
            Outcome::Passed(_) => {}
            Outcome::Caught(test) => return Ok(Verdict::Caught { layer: layer.name, test }),
            Outcome::DoesNotCompile(why) => return Ok(Verdict::DoesNotCompile(why)),
        }
    }
    Ok(Verdict::Missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_fits_and_has_a_name_of_its_own() {
        let mut names = BTreeSet::new();
        for fault in faults::all() {
            let text = fault.planted(&root()).unwrap();
            assert_ne!(text, fault.source(&root()).unwrap(), "{} changes nothing", fault.name);
            assert!(names.insert(fault.name), "two faults are called {}", fault.name);
            Layer::called(fault.caught_by.0).unwrap();
            if let ("tests", tests) = fault.caught_by {
                assert!(is_there(tests), "no integration test is called {tests}");
            }
        }
        assert!(names.len() >= 35, "faults were lost: {}", names.len());
    }

    /// Whether levada has an integration test of this name, in a folder of its own; with a second
    /// word, whether a file or a test there has it in its name.
    fn is_there(tests: &str) -> bool {
        let (program, part) = tests.split_once(' ').unwrap_or((tests, ""));
        let folder = root().join("crates/levada/tests").join(program);
        let Ok(entries) = std::fs::read_dir(&folder) else { return false };
        let has = |path: std::path::PathBuf| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let mut names = text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
            name.contains(part) || names.any(|test| test.contains(part))
        };
        entries.filter_map(std::result::Result::ok).any(|entry| has(entry.path()))
    }
}
