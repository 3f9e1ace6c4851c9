//! The totals side by side, and what is wrong with them.

use super::skip::Skips;
use super::{COMPILES, Results};
use crate::libtest::Outcome;

/// A table of passed tests: one row per file, one column per flavour that ran.
pub(super) fn table(columns: &[(&str, &Results)]) -> String {
    let mut text = format!("{:<20}", "passed");
    let mut totals = vec![0; columns.len()];
    for (name, _) in columns {
        text += &format!("{name:>8}");
    }
    let files = columns.first().into_iter().flat_map(|(_, results)| results.keys());
    for file in files {
        text += &format!("\n{file:<20}");
        for ((_, results), total) in columns.iter().zip(&mut totals) {
            let passed = results.get(file).map_or(0, passed_in);
            text += &format!("{passed:>8}");
            *total += passed;
        }
    }
    text += &format!("\n{:<20}", "total");
    for total in totals {
        text += &format!("{total:>8}");
    }
    text
}

/// How many tests passed in all files.
pub(super) fn passed(results: &Results) -> usize {
    results.values().map(passed_in).sum()
}

fn passed_in(outcomes: &super::Outcomes) -> usize {
    outcomes.values().filter(|outcome| **outcome == Outcome::Passed).count()
}

/// Every test that did not pass, with what it did; those in `skips` are expected not to.
pub(super) fn failures(results: &Results, skips: Option<&Skips>) -> Vec<String> {
    let mut failures = Vec::new();
    for (file, outcomes) in results {
        for (name, outcome) in outcomes {
            let what = match outcome {
                Outcome::Passed | Outcome::Ignored => continue,
                Outcome::Failed if name == COMPILES => "does not compile",
                Outcome::Failed => "failed",
                Outcome::Unfinished => "did not finish",
            };
            if !skips.is_some_and(|skips| skips.contains(file, name)) {
                failures.push(format!("{file}::{name} {what}"));
            }
        }
    }
    failures
}

/// Tests of the baseline that the other run does not know.
pub(super) fn missing(baseline: &Results, other: &Results) -> Vec<String> {
    let mut missing = Vec::new();
    for (file, outcomes) in baseline {
        let there = other.get(file);
        if there.is_some_and(|there| there.get(COMPILES) == Some(&Outcome::Failed)) {
            continue;
        }
        let names = outcomes.keys();
        let gone = names.filter(|name| !there.is_some_and(|there| there.contains_key(*name)));
        missing.extend(gone.map(|name| format!("{file}::{name} did not run")));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn results(outcomes: &[(&str, Outcome)]) -> Results {
        let outcomes = outcomes.iter().map(|(name, outcome)| ((*name).to_owned(), *outcome));
        BTreeMap::from([("file".to_owned(), outcomes.collect())])
    }

    #[test]
    fn a_difference_is_named() {
        let tokio = results(&[("a", Outcome::Passed), ("b", Outcome::Passed)]);
        let levada = results(&[("a", Outcome::Unfinished)]);
        assert_eq!(failures(&levada, None), ["file::a did not finish"]);
        assert_eq!(missing(&tokio, &levada), ["file::b did not run"]);
        assert_eq!((passed(&tokio), passed(&levada)), (2, 0));
    }

    #[test]
    fn a_file_that_does_not_compile_is_one_failure() {
        let tokio = results(&[("a", Outcome::Passed), ("b", Outcome::Passed)]);
        let levada = results(&[(COMPILES, Outcome::Failed)]);
        assert_eq!(failures(&levada, None), ["file::(compile) does not compile"]);
        assert!(missing(&tokio, &levada).is_empty());
    }
}
