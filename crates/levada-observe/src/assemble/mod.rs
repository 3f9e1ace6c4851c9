//! A report from a snapshot and what was seen before.
//!
//! - `rows`: channels, grouped into rows
//! - `waiters`: tasks that wait, grouped by line
//! - `graph`: which tasks wait for which channels, and suspected deadlocks

mod graph;
mod rows;
mod waiters;

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use levada::observe::{Blocked, Ended, Snapshot};

pub(crate) use self::graph::may_be_deadlocked;
use self::rows::Rows;
use crate::diagnosis;
use crate::history::History;
use crate::key::place;
use crate::limits::Limits;
use crate::report::{self, Program, Report, State, VERSION, Window};

/// The report of a snapshot. `is_observed`: whether `history` has a window; if not, it tells only
/// which channels are quiet.
pub(crate) fn report(
    snapshot: &Snapshot,
    history: &History,
    limits: &Limits,
    is_observed: bool,
) -> Report {
    let mut rows = Rows::new(snapshot, is_observed.then_some(history));
    let (graph, deadlocks) = graph::graph(snapshot, history, limits, &rows);
    let stuck = deadlocks.iter().flat_map(|deadlock| &deadlock.tasks).flat_map(|task| &task.waits);
    for wait in stuck {
        rows.set_state(&wait.channel_id, State::Deadlock);
    }
    let blocked = blocked(&snapshot.blocked, &rows);
    let mut report = Report {
        version: VERSION,
        program: program(history, is_observed),
        window: is_observed.then(|| {
            let (time, samples) = history.window();
            Window { seconds: time.as_secs_f64(), samples }
        }),
        findings: Vec::new(),
        deadlocks,
        channels: rows.into_channels(),
        oneshots: snapshot.oneshots.iter().flat_map(waiters::oneshots).collect(),
        blocked,
        ended: snapshot.ended.iter().map(ended).collect(),
        graph,
    };
    report.oneshots.sort_by(|a, b| b.oldest_seconds.total_cmp(&a.oldest_seconds));
    report.findings = diagnosis::findings(&report, limits);
    report
}

fn program(history: &History, is_observed: bool) -> Program {
    let path = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&path).file_stem().unwrap_or_default();
    Program {
        name: name.to_string_lossy().into_owned(),
        pid: std::process::id(),
        time_unix_seconds: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |time| time.as_secs_f64()),
        observed_seconds: is_observed.then(|| history.observed().as_secs_f64()),
        levada: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Blocked time, the longest first.
fn blocked(all: &[Blocked], rows: &Rows) -> Vec<report::Blocked> {
    let mut labels: HashMap<String, Vec<&str>> = HashMap::new();
    for channel in rows.channels() {
        labels.entry(channel.site.clone()).or_default().push(&channel.label);
    }
    let mut blocked: Vec<_> = all
        .iter()
        .map(|it| {
            let channel_site = place(it.channel);
            let channel = match labels.get(&channel_site).map(Vec::as_slice) {
                Some([one]) => (*one).to_owned(),
                _ => crate::words::line(&channel_site).to_owned(),
            };
            report::Blocked {
                op: it.op.to_string(),
                site: place(it.location),
                channel_site,
                channel,
                count: it.count,
                sum_seconds: it.sum.as_secs_f64(),
                max_seconds: it.max.as_secs_f64(),
            }
        })
        .collect();
    blocked.sort_by(|a, b| b.sum_seconds.total_cmp(&a.sum_seconds));
    blocked
}

fn ended(it: &Ended) -> report::Ended {
    report::Ended {
        name: it.origin.name().map(str::to_owned),
        kind: it.origin.kind().to_string(),
        site: place(it.origin.location()),
        message: it.origin.message().to_owned(),
        channels: it.channels,
        sent: it.sent,
        evicted: it.evicted,
    }
}
