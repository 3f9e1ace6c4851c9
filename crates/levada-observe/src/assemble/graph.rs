//! Which tasks wait for which channels, and suspected deadlocks.

use core::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use levada::observe::{Channel, Kind, Op, Side, Snapshot, Task, Waiter};

use super::rows::Rows;
use crate::deadlock::{self, Cycle, Other, Wait, Waiting};
use crate::history::{History, is_full};
use crate::key::place;
use crate::limits::{Limits, MAX_EDGES};
use crate::report::{
    Deadlock, DeadlockKind, Graph, HandleEdge, StuckTask, StuckWait, TaskNode, WaitEdge,
};
use crate::words::{Filled, about, age};

/// The tasks that wait, and what they wait for.
struct Tasks<'a> {
    list: Vec<&'a Task>,
    numbers: HashMap<&'a Task, usize>,
    /// The waits of each, the oldest first. Without a channel it is for a oneshot.
    waits: Vec<Vec<(Option<&'a Channel>, &'a Waiter)>>,
}

impl<'a> Tasks<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut tasks = Self { list: Vec::new(), numbers: HashMap::new(), waits: Vec::new() };
        for channel in &snapshot.channels {
            channel.waiters.iter().for_each(|waiter| tasks.add(Some(channel), waiter));
        }
        for oneshots in &snapshot.oneshots {
            oneshots.waiters.iter().for_each(|waiter| tasks.add(None, waiter));
        }
        for waits in &mut tasks.waits {
            waits.sort_by_key(|(_, waiter)| Reverse(waiter.waited));
        }
        tasks
    }

    fn add(&mut self, channel: Option<&'a Channel>, waiter: &'a Waiter) {
        let number = *self.numbers.entry(&waiter.task).or_insert(self.list.len());
        if number == self.list.len() {
            self.list.push(&waiter.task);
            self.waits.push(Vec::new());
        }
        self.waits[number].push((channel, waiter));
    }

    /// What the search for deadlocks needs. `age`: for how long a wait was not polled, and its
    /// channel has not changed.
    fn waiting(&self, age: impl Fn(&Channel, &Waiter) -> Option<Duration>) -> Vec<Waiting> {
        let wait = |(channel, waiter): &(Option<&Channel>, &Waiter)| {
            let known = channel.and_then(|channel| Some((channel, age(channel, waiter)?)));
            let held_by = known.and_then(|(channel, _)| self.holders(channel, waiter));
            Wait { age: known.map_or(Duration::ZERO, |(_, age)| age), held_by }
        };
        let waiting = |waits: &Vec<(Option<&Channel>, &Waiter)>| {
            // A thread that sleeps polls nothing else.
            let sleeps = waits.iter().any(|(_, waiter)| waiter.blocking);
            let counts = |(_, waiter): &&(Option<&Channel>, &Waiter)| waiter.blocking == sleeps;
            Waiting { waits: waits.iter().filter(counts).map(wait).collect() }
        };
        self.waits.iter().map(waiting).collect()
    }

    /// The tasks that alone can end a wait; `None` if it may end otherwise.
    fn holders(&self, channel: &Channel, waiter: &Waiter) -> Option<Vec<usize>> {
        let side = waiter.op.ended_by();
        let handles = match side {
            Side::Sender => channel.senders,
            Side::Receiver => channel.receivers,
        };
        // A handle that more than one task has used may be used by any of them.
        let of_one = channel.handles.iter().filter(|handle| handle.side == side && !handle.moved);
        let users = of_one.map(|handle| self.numbers.get(&handle.task).copied()).collect();
        let is_open = is_open(channel, waiter.op) || !is_one_task(waiter);
        Other { handles, users, is_open }.holders()
    }
}

/// Whether what the wait names is one task: a thread that polls may be one of an executor, which
/// polls many, and is known for one task only while it sleeps.
fn is_one_task(waiter: &Waiter) -> bool {
    waiter.blocking || !waiter.task.is_thread()
}

/// The tasks that used the handles of one end last.
fn users(channel: &Channel, side: Side) -> impl Iterator<Item = &Task> {
    channel.handles.iter().filter(move |handle| handle.side == side).map(|handle| &handle.task)
}

/// Whether the channel, or something that is not known, can end the wait.
fn is_open(channel: &Channel, op: Op) -> bool {
    let has_messages = || channel.depth != Some(0);
    channel.closed
        || match (op, channel.origin.kind()) {
            // A permit that is dropped gives its capacity back.
            (Op::Send, _) => !is_full(channel) || channel.reserved != Some(0),
            (Op::Recv, Kind::Broadcast | Kind::Lossless) => channel.weak_senders > 0,
            (Op::Recv, _) => has_messages() || channel.weak_senders > 0,
            _ => false,
        }
}

/// The graph, and the suspected deadlocks in it.
pub(super) fn graph(
    snapshot: &Snapshot,
    history: &History,
    limits: &Limits,
    rows: &Rows,
) -> (Graph, Vec<Deadlock>) {
    let tasks = Tasks::new(snapshot);
    let ago = |time: Instant| snapshot.taken.saturating_duration_since(time);
    let age = |channel: &Channel, waiter: &Waiter| {
        let quiet = ago(history.quiet_since(channel.id)?);
        let polled = ago(history.not_polled_since(channel, waiter)?);
        (quiet >= limits.deadlock.min(history.observed())).then_some(polled)
    };
    let cycles = deadlock::find(&tasks.waiting(age), limits.deadlock);
    let mut deadlocks: Vec<_> = cycles.iter().map(|cycle| describe(cycle, &tasks, rows)).collect();
    deadlocks.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    (edges(&tasks, &cycles, rows), deadlocks)
}

/// Whether a snapshot has waits that may be a deadlock, if its channels are quiet.
pub(crate) fn may_be_deadlocked(snapshot: &Snapshot, limits: &Limits) -> bool {
    let tasks = Tasks::new(snapshot);
    let age = |_: &Channel, waiter: &Waiter| Some(waiter.waited);
    !deadlock::find(&tasks.waiting(age), limits.deadlock).is_empty()
}

fn describe(cycle: &Cycle, tasks: &Tasks<'_>, rows: &Rows) -> Deadlock {
    let stuck = cycle.tasks.iter().map(|number| StuckTask {
        task: tasks.list[*number].to_string(),
        waits: tasks.waits[*number].iter().filter_map(|wait| stuck_wait(wait, rows)).collect(),
    });
    let ages = cycle.tasks.iter().flat_map(|number| &tasks.waits[*number]);
    let youngest = ages.map(|(_, waiter)| waiter.waited).min().unwrap_or(Duration::ZERO);
    let (kind, reason) = match cycle.tasks.as_slice() {
        [task] => (DeadlockKind::Itself, reason_itself(&tasks.waits[*task])),
        _ => {
            let reason = format!(
                "each of these waits can be ended only by tasks that wait themselves, and none of \
                 the channels has moved for {}",
                age(youngest.as_secs_f64())
            );
            (DeadlockKind::Cycle, reason)
        }
    };
    Deadlock {
        kind,
        seconds: youngest.as_secs_f64(),
        tasks: stuck.collect(),
        others: cycle.others.len(),
        reason,
    }
}

/// Why a task waits for itself.
fn reason_itself(waits: &[(Option<&Channel>, &Waiter)]) -> String {
    let op = waits.first().map(|(_, waiter)| waiter.op);
    match op {
        Some(Op::Send) => "the task itself has the receiver of the full channel that it sends to",
        Some(Op::Closed) => "the task itself has the receivers that it waits for to go",
        _ => {
            "the task itself has all senders of the channel that it receives from: neither a \
             message comes nor the end; drop those senders before"
        }
    }
    .to_owned()
}

fn stuck_wait((channel, waiter): &(Option<&Channel>, &Waiter), rows: &Rows) -> Option<StuckWait> {
    let channel = (*channel)?;
    let row = rows.of(channel.id)?;
    let mut held_by: Vec<_> =
        users(channel, waiter.op.ended_by()).map(ToString::to_string).collect();
    held_by.sort_unstable();
    held_by.dedup();
    let full = usize::from(is_full(channel));
    let Channel { depth, capacity, weight, max_weight, .. } = *channel;
    Some(StuckWait {
        op: waiter.op.to_string(),
        channel_id: row.id.clone(),
        channel: row.label.clone(),
        about: about(&row.kind, 1, full, Filled { depth, capacity, weight, max_weight }),
        site: place(waiter.location),
        seconds: waiter.waited.as_secs_f64(),
        held_by,
    })
}

fn edges(tasks: &Tasks<'_>, cycles: &[Cycle], rows: &Rows) -> Graph {
    let mut is_stuck = vec![false; tasks.list.len()];
    for number in cycles.iter().flat_map(|cycle| cycle.tasks.iter().chain(&cycle.others)) {
        is_stuck[*number] = true;
    }
    let mut waits: Vec<(usize, &Channel, &Waiter)> = Vec::new();
    for (task, all) in tasks.waits.iter().enumerate() {
        waits.extend(all.iter().filter_map(|(channel, waiter)| Some((task, (*channel)?, *waiter))));
    }
    waits.sort_by_key(|(task, _, waiter)| Reverse((is_stuck[*task], waiter.waited)));
    let left_out = waits.len().saturating_sub(MAX_EDGES);
    waits.truncate(MAX_EDGES);
    let mut graph = Graph { left_out, ..Graph::default() };
    let mut nodes: HashMap<&Task, usize> = HashMap::new();
    let mut listed: HashSet<(u64, Side)> = HashSet::new();
    for (_, channel, waiter) in &waits {
        let Some(row) = rows.of(channel.id) else { continue };
        let mut node = |task| {
            let id = *nodes.entry(task).or_insert(graph.tasks.len());
            if id == graph.tasks.len() {
                let stuck = tasks.numbers.get(task).is_some_and(|number| is_stuck[*number]);
                graph.tasks.push(TaskNode { id, label: task.to_string(), stuck });
            }
            id
        };
        graph.waits.push(WaitEdge {
            task: node(&waiter.task),
            channel: row.id.clone(),
            instance: channel.id,
            op: waiter.op.to_string(),
            site: place(waiter.location),
            seconds: waiter.waited.as_secs_f64(),
        });
        let side = waiter.op.ended_by();
        if listed.insert((channel.id, side)) {
            graph.handles.extend(users(channel, side).map(|task| HandleEdge {
                channel: row.id.clone(),
                instance: channel.id,
                side: side.to_string(),
                task: node(task),
            }));
        }
    }
    graph
}
