//! What was found, for a reader, and what is wrong with it.

use super::Results;
use super::suites::Suite;
use crate::Result;
use crate::compat::Flavour;
use crate::libtest::Outcome;
use std::fmt::Write;
use std::fs;
use std::path::Path;

const KINDS: [&str; 4] = ["mpsc", "oneshot", "broadcast", "watch"];

/// One crate of the table.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) suite: &'a Suite,
    pub(super) mentions: [usize; 4],
    pub(super) tokio: Option<Results>,
    pub(super) levada: Results,
}

/// How often a package's sources name each channel, in files that name tokio.
pub(super) fn mentions(dir: &Path) -> Result<[usize; 4]> {
    let mut counts = [0; 4];
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            let below = mentions(&path)?;
            counts.iter_mut().zip(below).for_each(|(count, below)| *count += below);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let here = mentions_in(&fs::read_to_string(&path)?);
            counts.iter_mut().zip(here).for_each(|(count, here)| *count += here);
        }
    }
    Ok(counts)
}

fn mentions_in(text: &str) -> [usize; 4] {
    let words = || text.split(|of: char| !of.is_alphanumeric() && of != '_');
    if !words().any(|word| word == "tokio") {
        return [0; 4];
    }
    // std's channel has the same name as tokio's.
    let of_std = text.matches("std::sync::mpsc").count();
    let mut counts = KINDS.map(|kind| words().filter(|word| *word == kind).count());
    counts[0] = counts[0].saturating_sub(of_std);
    counts
}

/// The table of suites, with their reasons.
pub(super) fn list(suites: &[&Suite]) -> String {
    let mut text = String::new();
    for suite in suites {
        let _ = writeln!(text, "{} {}: {}", suite.name, suite.version, suite.why);
        for (test, reason) in suite.skip {
            let _ = writeln!(text, "    without {test}: {reason}");
        }
    }
    text
}

/// What became of one suite, as soon as it is known.
pub(super) fn line(suite: &Suite, flavour: Flavour, of: &Results) -> String {
    format!(
        "{} {} on {}: {} passed ({} at the second try), {} failed, {} ignored, {} programs, {} s",
        suite.name,
        suite.version,
        flavour.name(),
        of.count(Outcome::Passed),
        of.again.len(),
        of.count(Outcome::Failed) + of.count(Outcome::Unfinished),
        of.count(Outcome::Ignored),
        of.programs,
        of.took.as_secs(),
    )
}

/// One row per crate: its mentions of the channels and its tests.
pub(super) fn table(rows: &[Row<'_>]) -> String {
    let mut text = format!(
        "{:<24}{:<9}{:>6}{:>8}{:>10}{:>6}{:>8}{:>8}{:>8}{:>8}{:>10}{:>5}\n",
        "crate",
        "version",
        "mpsc",
        "oneshot",
        "broadcast",
        "watch",
        "tokio",
        "levada",
        "failed",
        "ignored",
        "programs",
        "s"
    );
    let mut total = [0; 4];
    for row in rows {
        let [mpsc, oneshot, broadcast, watch] = row.mentions;
        let levada = &row.levada;
        let tokio = row.tokio.as_ref().map_or(0, |tokio| tokio.count(Outcome::Passed));
        let failed = levada.count(Outcome::Failed) + levada.count(Outcome::Unfinished);
        let counts = [tokio, levada.count(Outcome::Passed), failed, levada.count(Outcome::Ignored)];
        total.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
        let [tokio, passed, failed, ignored] = counts;
        let programs = format!("{}/{}", levada.with_levada, levada.programs);
        let _ = writeln!(
            text,
            "{:<24}{:<9}{mpsc:>6}{oneshot:>8}{broadcast:>10}{watch:>6}{tokio:>8}{passed:>8}\
             {failed:>8}{ignored:>8}{programs:>10}{:>5}",
            row.suite.name,
            row.suite.version,
            levada.took.as_secs()
        );
    }
    let [tokio, passed, failed, ignored] = total;
    let _ = writeln!(text, "{:<63}{tokio:>8}{passed:>8}{failed:>8}{ignored:>8}", "total");
    for row in rows {
        let flavours = row.tokio.iter().map(|of| ("tokio", of)).chain([("levada", &row.levada)]);
        for (flavour, results) in flavours {
            for test in &results.again {
                let name = row.suite.name;
                let _ =
                    writeln!(text, "{name} on {flavour}: {test} passed at the second try, alone");
            }
        }
    }
    text
}

/// Turns everything that is wrong into one error.
pub(super) fn judge(rows: &[Row<'_>]) -> Result {
    let mut wrong = Vec::new();
    for row in rows {
        let passed = row.levada.count(Outcome::Passed);
        let name = row.suite.name;
        if passed < row.suite.at_least {
            let wanted = row.suite.at_least;
            wrong.push(format!("{name}: only {passed} tests passed, expected {wanted} or more"));
        }
        if row.levada.with_levada == 0 {
            wrong.push(format!("{name}: no test program has code of levada"));
        }
        let gone = row
            .suite
            .skip
            .iter()
            .filter(|(test, _)| !row.levada.skipped.iter().any(|of| of == test));
        wrong
            .extend(gone.map(|(test, _)| format!("{name}: {test} is to be skipped and not there")));
        wrong.extend(failures(&row.levada).map(|test| format!("{name} on levada: {test}")));
        if let Some(tokio) = &row.tokio {
            wrong.extend(failures(tokio).map(|test| format!("{name} on tokio: {test}")));
            let missing =
                tokio.outcomes.keys().filter(|test| !row.levada.outcomes.contains_key(*test));
            wrong.extend(missing.map(|test| format!("{name} on levada: {test} did not run")));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("\n  {}", wrong.join("\n  ")).into()) }
}

fn failures(results: &Results) -> impl Iterator<Item = String> {
    results.outcomes.iter().filter_map(|(test, outcome)| match outcome {
        Outcome::Passed | Outcome::Ignored => None,
        Outcome::Failed => Some(format!("{test} failed")),
        Outcome::Unfinished => Some(format!("{test} did not finish")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_channels_of_tokio() {
        let text = "use std::sync::mpsc;\nuse tokio::{sync::{mpsc, oneshot as once}, time};\n";
        assert_eq!(mentions_in(text), [1, 1, 0, 0]);
        assert_eq!(mentions_in("use other::oneshot; // not_tokio"), [0; 4]);
    }

    #[test]
    fn a_difference_is_an_error() {
        let suite = &super::super::suites::SUITES[0];
        let results = |tests: &[(&str, Outcome)]| Results {
            outcomes: tests.iter().map(|(name, of)| ((*name).to_owned(), *of)).collect(),
            with_levada: 1,
            ..Results::default()
        };
        let tokio = Some(results(&[("a", Outcome::Passed), ("b", Outcome::Passed)]));
        let levada = results(&[("a", Outcome::Failed)]);
        let row = Row { suite, mentions: [0; 4], tokio, levada };
        let error = judge(&[row]).unwrap_err().to_string();
        assert!(error.contains("on levada: a failed"), "{error}");
        assert!(error.contains("on levada: b did not run"), "{error}");
        assert!(error.contains("only 0 tests passed"), "{error}");
    }
}
