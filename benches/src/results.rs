//! The figures of a run, and what they say.

use crate::stats::{Summary, geometric_mean, ratio};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The contender that all this is about.
pub(crate) const LEVADA: &str = "levada";

/// The same once more, in a process of its own: what differs is noise.
pub(crate) const AGAIN: &str = "levada (again)";

/// The crates that promise what levada does: a call that is cancelled loses no message, waiters are
/// served in their order, and there are permits.
const SAME_GUARANTEES: [&str; 2] = ["tokio", "asyncband"];

/// Which peers levada is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Peers {
    SameGuarantees,
    All,
}

/// Beyond this ratio to the best peer, levada is not first.
pub(crate) const NOT_FIRST: f64 = 1.05;

/// One table: a cell, or one column of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) unit: String,
    /// How many a round had.
    pub(crate) operations: u64,
    pub(crate) entries: Vec<Entry>,
}

/// One contender in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) contender: String,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Measured(Summary),
    /// It panicked, hung or lost a message; the text says which.
    Failed(String),
}

impl Entry {
    pub(crate) fn median(&self) -> Option<f64> {
        match &self.outcome {
            Outcome::Measured(summary) => Some(summary.median),
            Outcome::Failed(_) => None,
        }
    }

    /// Whether it is another crate's, of these.
    pub(crate) fn is_of(&self, peers: Peers) -> bool {
        let name = self.contender.split(' ').next().unwrap_or_default();
        match peers {
            Peers::SameGuarantees => SAME_GUARANTEES.contains(&name),
            Peers::All => name != LEVADA,
        }
    }
}

impl Line {
    pub(crate) fn median(&self, contender: &str) -> Option<f64> {
        self.entries.iter().find(|entry| entry.contender == contender)?.median()
    }

    /// The one of these peers with the least.
    pub(crate) fn best(&self, peers: Peers) -> Option<(&str, f64)> {
        let peers = self.entries.iter().filter(|entry| entry.is_of(peers));
        peers
            .filter_map(|entry| Some((entry.contender.as_str(), entry.median()?)))
            .min_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// levada's ratio to the best of these peers.
    pub(crate) fn to_best(&self, peers: Peers) -> Option<f64> {
        Some(ratio(self.median(LEVADA)?, self.best(peers)?.1))
    }

    /// levada's ratio to tokio.
    pub(crate) fn to_tokio(&self) -> Option<f64> {
        Some(ratio(self.median(LEVADA)?, self.median("tokio")?))
    }

    /// How much the two levadas differ, as a ratio of at least 1.
    pub(crate) fn noise(&self) -> Option<f64> {
        let ratio = ratio(self.median(LEVADA)?, self.median(AGAIN)?);
        Some(ratio.max(1.0 / ratio))
    }

    /// Whether levada is behind the best of these peers by more than the noise explains.
    pub(crate) fn is_behind(&self, peers: Peers) -> bool {
        let noise = self.noise().unwrap_or(1.0);
        self.to_best(peers).is_some_and(|ratio| ratio / noise > NOT_FIRST)
    }

    fn is_timed(&self) -> bool {
        self.unit.starts_with("ns")
    }
}

/// The geometric means of one group of lines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Means {
    pub(crate) lines: usize,
    pub(crate) to_best: f64,
    /// If any of them takes part.
    pub(crate) to_same_guarantees: Option<f64>,
    /// If tokio takes part in any.
    pub(crate) to_tokio: Option<f64>,
}

/// The means of each first word and of each two first words of the names of `lines`, without those
/// that do not measure time.
pub(crate) fn means(lines: &[Line]) -> BTreeMap<String, Means> {
    let mut groups = BTreeMap::<String, Vec<&Line>>::new();
    for line in lines.iter().filter(|line| line.is_timed() && line.to_best(Peers::All).is_some()) {
        let mut ends = line.name.match_indices('/').map(|(end, _)| &line.name[..end]);
        for group in [ends.next(), ends.next()].into_iter().flatten() {
            groups.entry(group.to_owned()).or_default().push(line);
        }
    }
    let of = |lines: Vec<&Line>| {
        let to_best = |peers| geometric_mean(lines.iter().filter_map(|line| line.to_best(peers)));
        Some(Means {
            lines: lines.len(),
            to_best: to_best(Peers::All)?,
            to_same_guarantees: to_best(Peers::SameGuarantees),
            to_tokio: geometric_mean(lines.iter().filter_map(|line| line.to_tokio())),
        })
    };
    groups.into_iter().filter_map(|(group, lines)| Some((group, of(lines)?))).collect()
}

/// Where levada is not first among these, the worst first.
pub(crate) fn behind(lines: &[Line], peers: Peers) -> Vec<&Line> {
    let mut behind: Vec<_> = lines.iter().filter(|line| line.is_behind(peers)).collect();
    let key = |line: &&Line| line.to_best(peers).unwrap_or_default();
    behind.sort_by(|one, other| key(other).total_cmp(&key(one)));
    behind
}

/// The first line in which `contender` has failed.
pub(crate) fn failed<'a>(lines: &'a [Line], contender: &str) -> Option<&'a Line> {
    let has_failed = |entry: &Entry| entry.contender == contender && entry.median().is_none();
    lines.iter().find(|line| line.entries.iter().any(has_failed))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A line with these medians.
    pub(crate) fn line(name: &str, medians: &[(&str, f64)]) -> Line {
        let entry = |(contender, median): &(&str, f64)| Entry {
            contender: (*contender).into(),
            outcome: Outcome::Measured(Summary { median: *median, min: *median, max: *median }),
        };
        Line {
            name: name.into(),
            about: "what is done".into(),
            unit: "ns/op".into(),
            operations: 1000,
            entries: medians.iter().map(entry).collect(),
        }
    }

    #[test]
    fn peers_are_everything_but_levada() {
        let mut line = line(
            "a",
            &[
                (LEVADA, 20.0),
                (AGAIN, 16.0),
                ("levada (pooled)", 1.0),
                ("tokio", 40.0),
                ("tokio (broadcast)", 30.0),
                ("tokio-stream", 20.0),
                ("kanal", 10.0),
            ],
        );
        assert_eq!(line.best(Peers::All), Some(("kanal", 10.0)));
        assert_eq!(line.best(Peers::SameGuarantees), Some(("tokio (broadcast)", 30.0)));
        assert_eq!(
            (line.to_best(Peers::All), line.to_tokio(), line.noise()),
            (Some(2.0), Some(0.5), Some(1.25))
        );
        line.entries[6].outcome = Outcome::Failed("hangs".into());
        assert_eq!(line.best(Peers::All), Some(("tokio-stream", 20.0)));
        let lines = [line];
        assert_eq!(failed(&lines, "kanal"), lines.first());
        assert_eq!(failed(&lines, "tokio"), None);
    }

    #[test]
    fn behind_is_beyond_the_noise_and_the_worst_comes_first() {
        let lines = [
            line("equal", &[(LEVADA, 10.4), (AGAIN, 10.4), ("kanal", 10.0)]),
            line("noisy", &[(LEVADA, 11.0), (AGAIN, 10.0), ("kanal", 10.0)]),
            line("behind", &[(LEVADA, 11.0), (AGAIN, 11.0), ("kanal", 10.0)]),
            line("worse", &[(LEVADA, 30.0), (AGAIN, 30.0), ("kanal", 10.0), ("asyncband", 20.0)]),
            line("alone", &[(LEVADA, 30.0), (AGAIN, 30.0)]),
        ];
        let names = |peers| -> Vec<_> {
            behind(&lines, peers).iter().map(|line| line.name.as_str()).collect()
        };
        assert_eq!(names(Peers::All), ["worse", "behind"]);
        assert_eq!(names(Peers::SameGuarantees), ["worse"]);
    }

    #[test]
    fn means_of_groups() {
        let lines = [
            line("mpsc/bounded/a", &[(LEVADA, 1.0), ("tokio", 2.0)]),
            line("mpsc/bounded/b", &[(LEVADA, 2.0), ("tokio", 1.0)]),
            line("mpsc/unbounded/a", &[(LEVADA, 1.0), ("kanal", 8.0)]),
        ];
        let means = means(&lines);
        assert_eq!(means.keys().collect::<Vec<_>>(), ["mpsc", "mpsc/bounded", "mpsc/unbounded"]);
        let all = means["mpsc"];
        assert_eq!((all.lines, all.to_tokio), (3, Some(1.0)));
        assert!((all.to_best - 0.5).abs() < 1e-12);
        let unbounded = means["mpsc/unbounded"];
        assert_eq!((unbounded.to_same_guarantees, unbounded.to_tokio), (None, None));
    }
}
