//! Which tasks wait for which channels, and suspected deadlocks.

/// Tasks that wait, and what they wait for.
///
/// # Guarantees
/// 1. At most [`MAX_EDGES`](crate::MAX_EDGES) waits are listed: those of suspected deadlocks, then
///    the oldest. `left_out` says how many are not.
/// 2. A handle is listed if it could end a listed wait and was used at least once.
///
/// # Examples
/// ```
/// let graph = levada_observe::report().graph;
/// assert_eq!((graph.waits.len(), graph.left_out), (0, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Graph {
    /// The tasks of the edges; `id` is the position in this list.
    pub tasks: Vec<TaskNode>,
    /// Edges from a task to the channel that it waits for.
    pub waits: Vec<WaitEdge>,
    /// Edges from a channel to a task that used one of its handles last, and could end the wait.
    pub handles: Vec<HandleEdge>,
    /// How many waits are not listed.
    pub left_out: usize,
}

/// A task.
///
/// # Examples
/// ```
/// for task in levada_observe::report().graph.tasks {
///     println!("{}: {}", task.id, task.label);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TaskNode {
    /// Its number in this report.
    pub id: usize,
    /// `task 12`, `thread main`.
    pub label: String,
    /// Whether it is part of a suspected deadlock, or waits for one.
    pub stuck: bool,
}

/// A task waits for a channel.
///
/// # Examples
/// ```
/// for wait in levada_observe::report().graph.waits {
///     println!("{} {} at {}", wait.op, wait.channel, wait.site);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct WaitEdge {
    /// The [`id`](TaskNode::id) of the task.
    pub task: usize,
    /// The [`id`](super::Channel::id) of the row.
    pub channel: String,
    /// Which channel of the row.
    pub instance: u64,
    /// `send`, `recv`, `changed`, `closed`.
    pub op: String,
    /// The line that waits.
    pub site: String,
    /// For how long.
    pub seconds: f64,
}

/// A task used a handle of a channel last.
///
/// # Examples
/// ```
/// for handle in levada_observe::report().graph.handles {
///     println!("{} of {} at {}", handle.side, handle.channel, handle.task);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct HandleEdge {
    /// The [`id`](super::Channel::id) of the row.
    pub channel: String,
    /// Which channel of the row.
    pub instance: u64,
    /// `sender` or `receiver`.
    pub side: String,
    /// The [`id`](TaskNode::id) of the task.
    pub task: usize,
}

/// Waits that nothing alive seems to be able to end. Always suspected only: a handle may have moved
/// to another task since it was used, and a timer that a task waits for as well is not seen.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::report().deadlocks, []);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Deadlock {
    /// Of which kind.
    pub kind: DeadlockKind,
    /// For how long: the shortest of the waits.
    pub seconds: f64,
    /// The tasks that wait for each other.
    pub tasks: Vec<StuckTask>,
    /// How many more tasks wait for those.
    pub others: usize,
    /// Why it is suspected, in words.
    pub reason: String,
}

/// Which tasks wait for which.
///
/// # Examples
/// ```
/// use levada_observe::report::DeadlockKind;
///
/// assert_ne!(DeadlockKind::Cycle, DeadlockKind::Itself);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "json", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum DeadlockKind {
    /// A task waits for what only it could do: it has all handles of the other end.
    Itself,
    /// Two tasks or more wait for each other. A reader takes a kind that it does not know for this.
    #[default]
    #[cfg_attr(feature = "json", serde(other))]
    Cycle,
}

/// A task of a [`Deadlock`].
///
/// # Examples
/// ```
/// for task in levada_observe::report().deadlocks.iter().flat_map(|deadlock| &deadlock.tasks) {
///     println!("{} waits at {}", task.task, task.waits[0].site);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StuckTask {
    /// `task 12`, `thread main`.
    pub task: String,
    /// All that it waits for: a `select!` has several.
    pub waits: Vec<StuckWait>,
}

/// A wait of a [`StuckTask`].
///
/// # Examples
/// ```
/// let report = levada_observe::report();
/// let tasks = report.deadlocks.iter().flat_map(|deadlock| &deadlock.tasks);
/// for wait in tasks.flat_map(|task| &task.waits) {
///     println!("{} on {}, held by {:?}", wait.op, wait.channel, wait.held_by);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StuckWait {
    /// `send`, `recv`, `changed`, `closed`.
    pub op: String,
    /// The [`id`](super::Channel::id) of the row.
    pub channel_id: String,
    /// The [`label`](super::Channel::label) of the row.
    pub channel: String,
    /// What the channel is: `mpsc, 1 of 1, full`.
    pub about: String,
    /// The line that waits.
    pub site: String,
    /// For how long.
    pub seconds: f64,
    /// The tasks that used the handles last which could end it.
    pub held_by: Vec<String>,
}
