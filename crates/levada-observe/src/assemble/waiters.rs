//! Tasks that wait, grouped by line.

use core::panic::Location;
use std::collections::BTreeMap;

use levada::observe::{Channel, Oneshots, Op, Waiter};

use crate::key::place;
use crate::limits::MAX_TASKS;
use crate::report;

/// The tasks that wait for some channels, the group with the longest wait first.
pub(super) fn waiters(channels: &[&Channel]) -> Vec<report::Waiters> {
    let groups = grouped(channels.iter().flat_map(|channel| &channel.waiters));
    let mut groups: Vec<_> =
        groups.into_iter().map(|(place, waiters)| group(place, waiters)).collect();
    groups.sort_by(|a, b| b.oldest_seconds.total_cmp(&a.oldest_seconds));
    groups
}

/// The tasks that wait for some oneshots of one line: for an answer, or for its receiver to go.
pub(super) fn oneshots(oneshots: &Oneshots) -> impl Iterator<Item = report::Oneshots> + use<> {
    let (site, message) = (oneshots.origin.location(), oneshots.origin.message());
    let mut by_op: BTreeMap<Op, Vec<&Waiter>> = BTreeMap::new();
    for waiter in &oneshots.waiters {
        by_op.entry(waiter.op).or_default().push(waiter);
    }
    let groups = by_op.into_iter().map(|(op, waiters)| group((op, site), waiters));
    let groups: Vec<_> = groups.collect();
    groups.into_iter().map(move |group| report::Oneshots {
        op: group.op,
        site: group.site,
        message: message.to_owned(),
        count: group.count,
        oldest_seconds: group.oldest_seconds,
        p95_seconds: group.p95_seconds,
        sum_seconds: group.sum_seconds,
        tasks: group.tasks,
    })
}

type Place = (Op, &'static Location<'static>);

fn grouped<'a>(waiters: impl Iterator<Item = &'a Waiter>) -> BTreeMap<Place, Vec<&'a Waiter>> {
    let mut groups: BTreeMap<Place, Vec<&Waiter>> = BTreeMap::new();
    for waiter in waiters {
        groups.entry((waiter.op, waiter.location)).or_default().push(waiter);
    }
    groups
}

fn group((op, location): Place, mut waiters: Vec<&Waiter>) -> report::Waiters {
    waiters.sort_by_key(|waiter| core::cmp::Reverse(waiter.waited));
    // Those that have waited longer than 95 %: the first of the others is at this place.
    let longer = waiters.len() / 20;
    let seconds = |index: usize| waiters.get(index).map_or(0.0, |it| it.waited.as_secs_f64());
    report::Waiters {
        op: op.to_string(),
        site: place(location),
        count: waiters.len(),
        oldest_seconds: seconds(0),
        p95_seconds: seconds(longer),
        sum_seconds: waiters.iter().map(|waiter| waiter.waited.as_secs_f64()).sum(),
        tasks: waiters.iter().take(MAX_TASKS).map(|waiter| waiter.task.to_string()).collect(),
    }
}
