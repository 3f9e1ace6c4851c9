//! When a trouble begins, and when it ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::report::{Finding, Report};

/// After so many reports without it a trouble is over: some come and go every second.
const OVER_AFTER: u32 = 3;

/// The troubles that last.
#[derive(Debug, Default)]
pub(crate) struct Transitions {
    active: BTreeMap<Key, Active>,
}

/// The rule, and the row or the line that it is about.
type Key = (String, Option<String>, Option<String>);

#[derive(Debug)]
struct Active {
    finding: Finding,
    since: Instant,
    reports_without: u32,
}

/// A trouble begins or ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Transition {
    /// What is, or was last, said about it.
    pub(crate) finding: Finding,
    /// `None` if it begins; else how long it has lasted.
    pub(crate) lasted: Option<Duration>,
}

impl Transitions {
    /// What has changed with this report, made `now`.
    pub(crate) fn step(&mut self, report: &Report, now: Instant) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for active in self.active.values_mut() {
            active.reports_without += 1;
        }
        for finding in &report.findings {
            // A line may be another one each time, while the row has one trouble.
            let site = finding.site.clone().filter(|_| finding.channel.is_none());
            let key = (finding.rule.clone(), finding.channel.clone(), site);
            let finding = finding.clone();
            if let Some(active) = self.active.get_mut(&key) {
                (active.finding, active.reports_without) = (finding, 0);
            } else {
                transitions.push(Transition { finding: finding.clone(), lasted: None });
                self.active.insert(key, Active { finding, since: now, reports_without: 0 });
            }
        }
        self.active.retain(|_, active| {
            let lasts = active.reports_without < OVER_AFTER;
            if !lasts {
                let lasted = Some(now.saturating_duration_since(active.since));
                transitions.push(Transition { finding: active.finding.clone(), lasted });
            }
            lasts
        });
        transitions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rules: &[(&str, Option<&str>, &str)]) -> Report {
        let finding = |(rule, channel, site): &(&str, Option<&str>, &str)| Finding {
            rule: (*rule).to_owned(),
            channel: channel.map(str::to_owned),
            site: Some((*site).to_owned()),
            text: format!("{rule} at {site}"),
        };
        Report { findings: rules.iter().map(finding).collect(), ..Report::default() }
    }

    #[test]
    fn a_trouble_begins_once_and_ends_once() {
        let mut transitions = Transitions::default();
        let start = Instant::now();
        let mut step = |second, rules: &[(&str, Option<&str>, &str)]| {
            let steps = transitions.step(&report(rules), start + Duration::from_secs(second));
            let tell = |it: Transition| (it.finding.text, it.lasted.map(|lasted| lasted.as_secs()));
            steps.into_iter().map(tell).collect::<Vec<_>>()
        };
        let full = ("full", Some("jobs"), "a.rs:1");
        let elsewhere = ("full", Some("jobs"), "b.rs:2");
        assert_eq!(step(0, &[]), []);
        assert_eq!(step(1, &[full]), [("full at a.rs:1".into(), None)]);
        assert_eq!(step(2, &[elsewhere]), [], "the same channel at another line");
        assert_eq!(step(3, &[]), []);
        assert_eq!(step(4, &[]), []);
        assert_eq!(step(5, &[full]), [], "it comes and goes");
        assert_eq!([step(6, &[]), step(7, &[])], [[], []]);
        assert_eq!(step(8, &[]), [("full at a.rs:1".into(), Some(7))]);
        assert_eq!(step(9, &[]), []);
        assert_eq!(step(10, &[full]).len(), 1, "it begins again");
    }

    #[test]
    fn oneshots_of_two_lines_are_two_troubles() {
        let mut transitions = Transitions::default();
        let two = report(&[("oneshot", None, "a.rs:1"), ("oneshot", None, "b.rs:2")]);
        assert_eq!(transitions.step(&two, Instant::now()).len(), 2);
    }
}
