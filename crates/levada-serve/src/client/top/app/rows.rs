//! The rows of the table: which, and in which order.

use std::cmp::Ordering;

use levada_observe::report::{Channel, Report};

use super::super::figures::{number, total};

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Row<'a> {
    pub(in super::super) channel: &'a Channel,
    /// How many tasks wait for its channels.
    pub(in super::super) waiting: usize,
    /// The line to look at first: that of a finding, or that of the longest wait, or the one that
    /// created it.
    pub(in super::super) site: &'a str,
}

/// What the rows can be sorted by. The largest figure is first, and the first name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) enum Sort {
    #[default]
    Trouble,
    Name,
    Depth,
    High,
    Full,
    Empty,
    In,
    Out,
    Waiting,
}

impl Sort {
    pub(in super::super) const ALL: [Self; 9] = [
        Self::Trouble,
        Self::Name,
        Self::Depth,
        Self::High,
        Self::Full,
        Self::Empty,
        Self::In,
        Self::Out,
        Self::Waiting,
    ];

    pub(in super::super) fn word(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Name => "name",
            Self::Depth => "depth",
            Self::High => "high-water mark",
            Self::Full => "time full",
            Self::Empty => "time empty",
            Self::In => "rate in",
            Self::Out => "rate out",
            Self::Waiting => "waiting tasks",
        }
    }

    /// The one that is so many places further on.
    pub(super) fn step(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|sort| *sort == self).unwrap_or_default();
        Self::ALL[(at + by) % Self::ALL.len()]
    }

    fn figure(self, row: &Row<'_>) -> Option<f64> {
        let Row { channel, waiting, .. } = row;
        match self {
            Self::Trouble => Some(f64::from(channel.trouble)),
            Self::Name => None,
            Self::Depth => channel.depth.map(number),
            Self::High => channel.high_water.map(number),
            Self::Full => channel.shares.map(|shares| shares.full),
            Self::Empty => channel.shares.map(|shares| shares.empty),
            Self::In => channel.rates.map(|rates| rates.sent),
            Self::Out => channel.rates.and_then(|rates| rates.received),
            Self::Waiting => Some(number(*waiting)),
        }
    }
}

/// The rows that have all words of the filter. Rows that are equal stay in the order of the report;
/// what has no figure is last.
pub(in super::super) fn rows<'a>(
    report: &'a Report,
    filter: &str,
    sort: Sort,
    reversed: bool,
) -> Vec<Row<'a>> {
    let words: Vec<_> = filter.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut rows: Vec<_> = report
        .channels
        .iter()
        .filter(|channel| has_all(channel, &words))
        .map(|channel| row(channel, report))
        .collect();
    rows.sort_by(|a, b| {
        let turn = |order: Ordering| if reversed { order.reverse() } else { order };
        if sort == Sort::Name {
            let name = |row: &Row<'_>| row.channel.label.to_lowercase();
            return turn(name(a).cmp(&name(b)));
        }
        match (sort.figure(a), sort.figure(b)) {
            (Some(a), Some(b)) => turn(b.total_cmp(&a)),
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    });
    rows
}

fn row<'a>(channel: &'a Channel, report: &'a Report) -> Row<'a> {
    let finding = report.findings.iter().find(|it| it.channel.as_ref() == Some(&channel.id));
    let waits = channel.waiters.iter();
    let longest = waits.max_by(|a, b| a.oldest_seconds.total_cmp(&b.oldest_seconds));
    let site = finding.and_then(|it| it.site.as_deref()).or(longest.map(|it| it.site.as_str()));
    Row {
        channel,
        waiting: channel.waiters.iter().map(|waiters| waiters.count).sum(),
        site: site.unwrap_or(&channel.site),
    }
}

fn has_all(channel: &Channel, words: &[String]) -> bool {
    let Channel { label, site, message, kind, state, waiters, .. } = channel;
    let mut text = format!("{label}\n{site}\n{message}\n{kind}\n{state}");
    for waiters in waiters {
        text = text + "\n" + &waiters.site;
    }
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word))
}

/// Messages that were sent or received in all.
pub(in super::super) fn sum(value: Option<u64>) -> Option<f64> {
    value.map(total)
}
