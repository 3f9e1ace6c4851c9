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
