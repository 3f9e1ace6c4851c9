//! What the channels did during the window: the samples of the observer's thread.
//!
//! - `live`: what is remembered of each channel that is alive
//! - `steps`: what is remembered of each row, in steps of the window

mod live;
mod steps;

use core::panic::Location;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use levada::observe::{Channel, Kind, Op, QueueTime, Snapshot, Task, Waiter};

use self::live::Live;
use self::steps::{Step, StepTime, Steps};
use crate::key::Key;
use crate::report;

/// What was seen so far.
///
/// The memory is bounded by the rows, of which the program's source has so many, and the channels
/// that are alive.
#[derive(Debug)]
pub(crate) struct History {
    step: Duration,
    /// How many steps the window has.
    steps: usize,
    /// When the first sample was taken.
    began: Instant,
    /// When the last sample was taken, and when the step began that it is part of.
    last: Instant,
    step_began: Instant,
    /// How long each step was and how many samples it has; the last one is not complete.
    times: Vec<StepTime>,
    rows: BTreeMap<Key, Steps>,
    live: HashMap<u64, Live>,
    /// What was sent and evicted by the channels of a row that had ended.
    ended: HashMap<Key, [u64; 2]>,
    polled: HashMap<WaitKey, Polled>,
}

/// What a row did during the window.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) shares: report::Shares,
    /// Of which `received` is to be ignored for broadcast and watch, and `evicted` without a
    /// policy.
    pub(crate) rates: report::Rates,
    pub(crate) history: report::History,
    /// How many messages its receivers missed.
    pub(crate) missed: u64,
}

/// What tells waits apart; a task that waits twice at one line for one channel counts once.
#[derive(Debug, PartialEq, Eq, Hash)]
struct WaitKey {
    channel: u64,
    task: Task,
    op: Op,
    location: &'static Location<'static>,
}

impl WaitKey {
    fn new(channel: &Channel, waiter: &Waiter) -> Self {
        let Waiter { op, location, ref task, .. } = *waiter;
        Self { channel: channel.id, task: task.clone(), op, location }
    }
}

/// When a wait began, how often it was polled, and when that was seen to change.
#[derive(Clone, Copy, Debug)]
struct Polled {
    since: Instant,
    polls: u32,
    last: Instant,
}

/// What changed at a row since the last sample.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    sent: i64,
    received: i64,
    evicted: i64,
    missed: u64,
}

impl History {
    /// `window` in steps of `step`.
    pub(crate) fn new(window: Duration, step: Duration) -> Self {
        let step = step.max(Duration::from_millis(1));
        let now = Instant::now();
        Self {
            step,
            steps: (window.as_nanos() / step.as_nanos()).clamp(1, 3_600) as usize,
            began: now,
            last: now,
            step_began: now,
            times: Vec::new(),
            rows: BTreeMap::new(),
            live: HashMap::new(),
            ended: HashMap::new(),
            polled: HashMap::new(),
        }
    }

    /// Adds a sample.
    pub(crate) fn sample(&mut self, snapshot: &Snapshot) {
        let is_first = self.times.is_empty();
        if is_first {
            (self.began, self.last, self.step_began) =
                (snapshot.taken, snapshot.taken, snapshot.taken);
        }
        self.begin_step(snapshot.taken);
        for channel in &snapshot.channels {
            let key = Key::of(&channel.origin);
            let live = self.live.entry(channel.id);
            let live = live.or_insert_with(|| Live::new(key.clone(), snapshot.taken));
            let mut change = live.update(channel, snapshot.taken);
            if is_first {
                // What happened before is not of this window.
                change = Change::default();
            }
            let step = self.rows.entry(key).or_default().current();
            step.add(&sampled(channel), change);
        }
        self.add_ended(snapshot, is_first);
        self.add_polls(snapshot);
        self.rows.retain(|_, steps| steps.has_samples());
    }

    /// Adds what channels did between their last sample and their end: their totals, less what was
    /// seen of them.
    fn add_ended(&mut self, snapshot: &Snapshot, is_first: bool) {
        let mut changes: HashMap<Key, Change> = HashMap::new();
        for ended in &snapshot.ended {
            let key = Key::of(&ended.origin);
            let now = [ended.sent, ended.evicted];
            let [sent, evicted] = self.ended.insert(key.clone(), now).unwrap_or_default();
            let change = changes.entry(key).or_default();
            change.sent += ended.sent.wrapping_sub(sent).cast_signed();
            change.evicted += ended.evicted.wrapping_sub(evicted).cast_signed();
        }
        self.live.retain(|_, live| {
            let is_alive = live.was_seen_at(snapshot.taken);
            if !is_alive {
                // Its total is that of its name; or that of its line, if names are too many.
                let named = self.ended.get_key_value(live.key()).map(|(key, _)| key.clone());
                let key = named.unwrap_or_else(|| live.key().without_name());
                let change = changes.entry(key).or_default();
                change.sent -= live.sent().cast_signed();
                change.evicted -= live.evicted().cast_signed();
            }
            is_alive
        });
        for (key, change) in changes {
            if let (Some(steps), false) = (self.rows.get_mut(&key), is_first) {
                steps.current().add_change(change);
            }
        }
    }

    fn add_polls(&mut self, snapshot: &Snapshot) {
        let mut polled = HashMap::new();
        for channel in &snapshot.channels {
            for waiter in &channel.waiters {
                let since = snapshot.taken.checked_sub(waiter.waited).unwrap_or(snapshot.taken);
                let key = WaitKey::new(channel, waiter);
                let before = self.polled.get(&key).filter(|before| before.since == since);
                let last = match before {
                    Some(before) if before.polls == waiter.polls => before.last,
                    Some(_) => snapshot.taken,
                    None => since,
                };
                polled.insert(key, Polled { since, polls: waiter.polls, last });
            }
        }
        self.polled = polled;
    }

    /// Since when a wait was not polled: its task may have been woken for something else, such as a
    /// timer, and has polled all that it waits for.
    pub(crate) fn not_polled_since(&self, channel: &Channel, waiter: &Waiter) -> Option<Instant> {
        self.polled.get(&WaitKey::new(channel, waiter)).map(|polled| polled.last)
    }

    fn begin_step(&mut self, now: Instant) {
        let is_over = now.saturating_duration_since(self.step_began) >= self.step;
        if is_over {
            let due = self.step_began + self.step;
            // A pause that was longer than a step is part of one long step.
            self.step_began =
                if now.saturating_duration_since(due) < self.step { due } else { now };
        }
        if is_over || self.times.is_empty() {
            self.times.push(StepTime::default());
            for steps in self.rows.values_mut() {
                steps.push(self.steps);
            }
            if self.times.len() > self.steps {
                self.times.remove(0);
            }
        }
        if let Some(step) = self.times.last_mut() {
            step.time += now.saturating_duration_since(self.last);
            step.samples += 1;
        }
        self.last = now;
    }

    /// From the first sample to the last one.
    pub(crate) fn observed(&self) -> Duration {
        self.last.saturating_duration_since(self.began)
    }

    /// How long the window is now, and how many samples it has.
    pub(crate) fn window(&self) -> (Duration, u64) {
        let add = |sum: (Duration, u64), it: &StepTime| (sum.0 + it.time, sum.1 + it.samples);
        self.times.iter().fold((Duration::ZERO, 0), add)
    }

    /// What is remembered of a row; `None` if it is not known.
    pub(crate) fn row(&self, key: &Key) -> Option<Summary> {
        let steps = self.rows.get(key)?;
        Some(Summary {
            shares: steps.shares(),
            rates: steps.rates(&self.times),
            history: steps.history(&self.times, self.step),
            missed: steps.missed(),
        })
    }

    /// Since when a channel has not changed, if two samples or more have seen it so.
    pub(crate) fn quiet_since(&self, channel: u64) -> Option<Instant> {
        self.live.get(&channel).and_then(Live::quiet_since)
    }

    /// The queue times that were measured at a channel during the window, or half of it.
    pub(crate) fn queue_time(&self, channel: &Channel) -> Option<QueueTime> {
        let now = channel.queue_time.as_ref()?;
        let earlier = self.live.get(&channel.id).and_then(Live::earlier_queue_time);
        Some(earlier.map_or_else(|| now.clone(), |earlier| now.since(earlier)))
    }

    /// Makes the queue times that were measured until now, or some time ago, those from which on
    /// [`queue_time`](Self::queue_time) counts. Called twice a window.
    pub(crate) fn rotate_queue_times(&mut self, snapshot: &Snapshot) {
        for channel in &snapshot.channels {
            if let Some(live) = self.live.get_mut(&channel.id) {
                live.rotate(channel.queue_time.as_ref());
            }
        }
    }
}

/// What a sample of one channel adds to the step of its row.
fn sampled(channel: &Channel) -> Step {
    let waits = |ops: &[Op]| channel.waiters.iter().any(|waiter| ops.contains(&waiter.op));
    Step {
        samples: 1,
        full: is_full(channel).into(),
        empty: (channel.depth == Some(0)).into(),
        senders_waiting: waits(&[Op::Send]).into(),
        receivers_waiting: waits(&[Op::Recv, Op::Changed]).into(),
        depth: channel.depth.unwrap_or(0) as u64,
        ..Step::default()
    }
}

/// Whether all capacity is taken, by messages or by permits, so that senders wait. Those of a
/// broadcast never do. A weighted channel may have room, and not enough for the next message; a
/// lossless one is as full as its slowest member, which is not known here, and a rendezvous has no
/// room: these are full while a sender waits.
pub(crate) fn is_full(channel: &Channel) -> bool {
    let a_sender_waits = || channel.waiters.iter().any(|waiter| waiter.op == Op::Send);
    match channel.origin.kind() {
        Kind::Broadcast => false,
        Kind::Lossless | Kind::Rendezvous => a_sender_waits(),
        Kind::Weighted => channel.weight >= channel.max_weight || a_sender_waits(),
        _ => channel.capacity.zip(channel.depth).is_some_and(|(capacity, depth)| {
            depth.saturating_add(channel.reserved.unwrap_or(0)) >= capacity
        }),
    }
}

#[cfg(test)]
mod tests {
    use levada::broadcast::lossless;
    use levada::mpsc::rendezvous;
    use levada::{mpsc, observe};
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// A snapshot of one channel, as if it was taken so many milliseconds after `start`.
    fn at(start: Instant, millis: u64, name: &str) -> Snapshot {
        let mut snapshot = observe::snapshot();
        snapshot.channels.retain(|channel| channel.origin.name() == Some(name));
        snapshot.ended.clear();
        snapshot.taken = start + Duration::from_millis(millis);
        snapshot
    }

    #[test]
    fn shares_and_rates_are_those_of_the_samples() {
        let (tx, mut rx) = mpsc::builder(2).named("shares").build();
        tx.try_send(0).unwrap();
        let mut history = History::new(Duration::from_secs(4), Duration::from_secs(1));
        let start = Instant::now();
        // What was sent before is not of the window.
        history.sample(&at(start, 0, "shares"));
        tx.try_send(1).unwrap();
        history.sample(&at(start, 500, "shares"));
        assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(0), Ok(1)));
        history.sample(&at(start, 1_000, "shares"));
        history.sample(&at(start, 1_500, "shares"));
        let snapshot = at(start, 2_000, "shares");
        history.sample(&snapshot);
        let key = Key::of(&snapshot.channels[0].origin);
        let row = history.row(&key).unwrap();
        assert_eq!((row.shares.full, row.shares.empty), (0.2, 0.6));
        assert_eq!((row.rates.sent, row.rates.received), (0.5, Some(1.0)));
        assert_eq!(row.history.depth, [1.5, 0.0, 0.0]);
        assert_eq!(history.window(), (Duration::from_secs(2), 5));
        assert_eq!(
            history.quiet_since(snapshot.channels[0].id),
            start.checked_add(Duration::from_secs(1))
        );
    }

    #[test]
    fn senders_that_wait_for_a_member_or_a_hand_over_are_senders_of_a_full_channel() {
        let (lossless, _member) = lossless::builder(1).named("lossless, full?").build();
        let (hand_over, _receiver) = rendezvous::builder().named("hand-over, full?").build();
        lossless.try_send(1).unwrap();
        let names = ["lossless, full?", "hand-over, full?"];
        let full = || names.map(|name| is_full(&at(Instant::now(), 0, name).channels[0]));
        // A channel is seen from the first use of a handle on.
        drop(hand_over.send(0));
        assert_eq!(full(), [false, false]);
        let (mut to_all, mut to_one) = (pin!(lossless.send(2)), pin!(hand_over.send(1)));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(to_all.as_mut().poll(&mut cx).is_pending());
        assert!(to_one.as_mut().poll(&mut cx).is_pending());
        assert_eq!(full(), [true, true]);
    }

    #[test]
    fn what_channels_with_one_name_did_before_they_ended_is_counted() {
        let mut history = History::new(Duration::from_secs(4), Duration::from_secs(1));
        let start = Instant::now();
        let at = |millis| {
            let mut snapshot = observe::snapshot();
            snapshot.channels.retain(|channel| channel.origin.message() == "[u8; 77]");
            snapshot.ended.retain(|ended| ended.origin.message() == "[u8; 77]");
            snapshot.taken = start + Duration::from_millis(millis);
            snapshot
        };
        let channel = || mpsc::builder::<[u8; 77]>(9).named("short").build();
        let (stays, _rx) = channel();
        stays.try_send([0; 77]).unwrap();
        history.sample(&at(0));
        // No sample sees these.
        for _ in 0..5 {
            let (tx, _rx) = channel();
            tx.try_send([0; 77]).unwrap();
        }
        // Some see this one.
        let (goes, rx) = channel();
        goes.try_send([0; 77]).unwrap();
        history.sample(&at(500));
        goes.try_send([0; 77]).unwrap();
        drop((goes, rx));
        let last = at(1_000);
        history.sample(&last);
        let row = history.row(&Key::of(&last.channels[0].origin)).unwrap();
        assert_eq!(row.rates.sent, 7.0);
    }

    #[test]
    fn the_window_moves_and_forgets_rows_that_are_gone() {
        let (tx, rx) = mpsc::builder(2).named("forgotten").build();
        tx.try_send(0).unwrap();
        let mut history = History::new(Duration::from_secs(3), Duration::from_secs(1));
        let start = Instant::now();
        let snapshot = at(start, 0, "forgotten");
        let key = Key::of(&snapshot.channels[0].origin);
        history.sample(&snapshot);
        drop((tx, rx));
        for second in 1..3 {
            history.sample(&at(start, second * 1_000, "forgotten"));
            assert_eq!(history.row(&key).unwrap().history.depth.len() as u64, second + 1);
        }
        history.sample(&at(start, 3_000, "forgotten"));
        assert!(history.row(&key).is_none());
        assert!(history.live.is_empty() && history.polled.is_empty());
        history.sample(&at(start, 9_000, "forgotten"));
        assert_eq!(history.window().1, 3);
    }
}
