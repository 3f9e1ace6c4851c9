//! Channels, grouped into rows.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use levada::observe::{Channel, Side, Snapshot};

use super::waiters;
use crate::history::{History, Summary, is_full};
use crate::key::{Key, place};
use crate::limits::MAX_SUBSCRIBERS;
use crate::report::{self, QueueTime, State, Subscriber};
use crate::trouble;

/// The rows of a snapshot.
#[derive(Debug)]
pub(super) struct Rows {
    channels: Vec<report::Channel>,
    /// The position of a row, by the number of a channel and by the row's id.
    by_number: HashMap<u64, usize>,
    by_id: HashMap<String, usize>,
}

impl Rows {
    pub(super) fn new(snapshot: &Snapshot, history: Option<&History>) -> Self {
        let mut groups: BTreeMap<Key, Vec<&Channel>> = BTreeMap::new();
        for channel in &snapshot.channels {
            groups.entry(Key::of(&channel.origin)).or_default().push(channel);
        }
        let labels = labels(groups.keys());
        let mut rows =
            Self { channels: Vec::new(), by_number: HashMap::new(), by_id: HashMap::new() };
        for ((key, channels), label) in groups.iter().zip(labels) {
            let index = rows.channels.len();
            let row = row(key, label, channels, history);
            rows.by_id.insert(row.id.clone(), index);
            rows.by_number.extend(channels.iter().map(|channel| (channel.id, index)));
            rows.channels.push(row);
        }
        rows
    }

    pub(super) fn channels(&self) -> &[report::Channel] {
        &self.channels
    }

    /// The row that a channel is part of.
    pub(super) fn of(&self, number: u64) -> Option<&report::Channel> {
        self.by_number.get(&number).map(|index| &self.channels[*index])
    }

    pub(super) fn set_state(&mut self, id: &str, state: State) {
        if let Some(index) = self.by_id.get(id) {
            let channel = &mut self.channels[*index];
            channel.state = state;
            channel.trouble = trouble::of(channel);
        }
    }

    /// The rows, the most troubled first.
    pub(super) fn into_channels(mut self) -> Vec<report::Channel> {
        self.channels.sort_by(|a, b| b.trouble.cmp(&a.trouble).then_with(|| a.label.cmp(&b.label)));
        self.channels
    }
}

/// The shortest label of each row that no other row has.
fn labels<'a>(keys: impl Iterator<Item = &'a Key>) -> Vec<String> {
    let all: Vec<[String; 4]> = keys.map(Key::labels).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for labels in &all {
        // Two labels of one row may be equal.
        let mut distinct: Vec<_> = labels.iter().map(String::as_str).collect();
        distinct.dedup();
        distinct.into_iter().for_each(|label| *counts.entry(label).or_default() += 1);
    }
    let shortest = |labels: &[String; 4]| {
        let unique = labels.iter().find(|label| counts[label.as_str()] == 1);
        unique.unwrap_or(&labels[3]).clone()
    };
    all.iter().map(shortest).collect()
}

/// One row.
fn row(
    key: &Key,
    label: String,
    channels: &[&Channel],
    history: Option<&History>,
) -> report::Channel {
    let sum = |of: fn(&Channel) -> usize| channels.iter().map(|channel| of(channel)).sum::<usize>();
    // Of all, or not at all.
    let whole =
        |of: fn(&Channel) -> Option<usize>| channels.iter().map(|channel| of(channel)).sum();
    let counts_received = channels.iter().all(|channel| channel.received.is_some());
    let received = || channels.iter().filter_map(|channel| channel.received).sum();
    let evicted = channels.iter().filter_map(|channel| channel.evicted).reduce(|a, b| a + b);
    let summary = history.and_then(|history| history.row(key));
    let origin = &channels[0].origin;
    let mut row = report::Channel {
        id: key.id(),
        label,
        name: key.name.clone(),
        kind: key.kind.to_string(),
        site: place(key.location),
        message: key.message.to_owned(),
        message_bytes: origin.message_size(),
        state: State::Ok,
        trouble: 0,
        instances: channels.len(),
        instances_full: sum(|channel| is_full(channel).into()),
        instances_closed: sum(|channel| channel.closed.into()),
        capacity: whole(|channel| channel.capacity),
        depth: whole(|channel| channel.depth),
        high_water: channels.iter().filter_map(|channel| channel.high_water).max(),
        reserved: whole(|channel| channel.reserved),
        weight: whole(|channel| channel.weight),
        max_weight: whole(|channel| channel.max_weight),
        sent: channels.iter().map(|channel| channel.sent).sum(),
        received: counts_received.then(received),
        evicted,
        senders: sum(|channel| channel.senders),
        weak_senders: sum(|channel| channel.weak_senders),
        receivers: sum(|channel| channel.receivers),
        receivers_unused: sum(receivers_unused),
        rates: None,
        shares: None,
        history: None,
        waiters: waiters::waiters(channels),
        queue_time: queue_time(channels, history),
        subscribers: subscribers(channels),
    };
    let missed = summary.as_ref().map(|summary| summary.missed);
    if let Some(Summary { mut rates, shares, history, .. }) = summary {
        rates.received = rates.received.filter(|_| counts_received);
        rates.evicted = rates.evicted.filter(|_| evicted.is_some());
        (row.rates, row.shares, row.history) = (Some(rates), Some(shares), Some(history));
    }
    row.state = trouble::state(&row, missed);
    row.trouble = trouble::of(&row);
    row
}

fn receivers_unused(channel: &Channel) -> usize {
    let used = channel.handles.iter().filter(|handle| handle.side == Side::Receiver).count();
    channel.receivers.saturating_sub(used)
}

/// The receivers that have a position, the slowest first.
fn subscribers(channels: &[&Channel]) -> Vec<Subscriber> {
    let handles = channels.iter().flat_map(|channel| &channel.handles);
    let positions = handles.filter_map(|handle| Some((handle.position?, &handle.task)));
    let mut positions: Vec<_> = positions.collect();
    positions.sort_by_key(|(position, _)| core::cmp::Reverse((position.behind, position.missed)));
    let subscriber = |(position, task): (levada::observe::Position, _)| Subscriber {
        task: ToString::to_string(task),
        behind: position.behind,
        missed: position.missed,
    };
    positions.into_iter().take(MAX_SUBSCRIBERS).map(subscriber).collect()
}

/// The queue times of all channels together.
fn queue_time(channels: &[&Channel], history: Option<&History>) -> Option<QueueTime> {
    let mut buckets: BTreeMap<(Duration, Duration), u64> = BTreeMap::new();
    for channel in channels {
        let times = match history {
            Some(history) => history.queue_time(channel),
            None => channel.queue_time.clone(),
        };
        for (range, count) in times.iter().flat_map(|times| times.buckets()) {
            *buckets.entry((range.start, range.end)).or_default() += count;
        }
    }
    let samples: u64 = buckets.values().sum();
    let quantile = |share: f64| {
        let rank = ((samples as f64 * share).ceil() as u64).clamp(1, samples);
        let mut seen = 0;
        let reached = |(_, count): &(_, &u64)| {
            seen += **count;
            seen >= rank
        };
        let found = buckets.iter().find(reached);
        found.map_or(0.0, |((start, end), _)| (start.as_secs_f64() + end.as_secs_f64()) / 2.0)
    };
    (samples > 0).then(|| QueueTime {
        samples,
        p50_seconds: quantile(0.5),
        p90_seconds: quantile(0.9),
        p99_seconds: quantile(0.99),
        max_seconds: quantile(1.0),
    })
}
