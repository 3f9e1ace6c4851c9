//! Rows of channels.

/// One row: a named channel, or all channels without a name that one line created for one type.
///
/// Counts are sums over the channels of the row.
///
/// # Examples
/// ```
/// use levada::mpsc;
///
/// let connections: Vec<_> = (0..3).map(|_| mpsc::channel::<u32>(16)).collect();
/// connections.iter().for_each(|(tx, _)| tx.try_send(1).unwrap());
/// let report = levada_observe::report();
/// assert_eq!(report.channels[0].instances, 3);
/// assert_eq!(report.channels[0].capacity, Some(48));
/// # drop(connections);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Channel {
    /// Unlike that of all other rows, and the same in each report of one program.
    pub id: String,
    /// What the row is called: the name, or `src/main.rs:10`; longer where that is not unique.
    pub label: String,
    /// The name that was given to a builder.
    pub name: Option<String>,
    /// `mpsc`, `mpsc weighted`, `mpsc rendezvous`, `mpmc`, `broadcast`, `broadcast lossless`,
    /// `watch`.
    pub kind: String,
    /// The line that created the channels: `src/main.rs:10:20`.
    pub site: String,
    /// The type of the messages.
    pub message: String,
    /// Its size in bytes, without what a message has on the heap.
    pub message_bytes: usize,
    /// What is most wrong with it.
    pub state: State,
    /// How much: rows are sorted by it, the largest first. 0 if nothing is.
    pub trouble: u32,
    /// How many channels the row is.
    pub instances: usize,
    /// How many of them are full now.
    pub instances_full: usize,
    /// How many of them were closed, or have lost all of one end.
    pub instances_closed: usize,
    /// How many messages they can hold; `None` if their number has no bound, and for watch. 0 for a
    /// rendezvous.
    pub capacity: Option<usize>,
    /// How many messages are in them. For broadcast: those that the slowest receiver has yet to
    /// get. `None` for watch.
    pub depth: Option<usize>,
    /// The largest depth of one of them that was seen since it was created.
    pub high_water: Option<usize>,
    /// Capacity that permits have reserved, or that was granted to senders that have not taken it
    /// yet.
    pub reserved: Option<usize>,
    /// What the messages in weighted channels weigh, with the permits that are out and what was
    /// granted to senders that have not taken it yet.
    pub weight: Option<usize>,
    /// How much they may weigh.
    pub max_weight: Option<usize>,
    /// Messages sent since they were created; for watch, values.
    pub sent: u64,
    /// Messages received since they were created; `None` for broadcast and watch.
    pub received: Option<u64>,
    /// Messages that overflow policies or `force_send` evicted or discarded since the channels were
    /// created; `None` if they have no policy and `force_send` was never called.
    pub evicted: Option<u64>,
    /// Senders, without weak ones.
    pub senders: usize,
    /// Weak senders.
    pub weak_senders: usize,
    /// Receivers.
    pub receivers: usize,
    /// Receivers that were never used: no task has ever polled them.
    pub receivers_unused: usize,
    /// Messages in a second, the mean of the window.
    pub rates: Option<Rates>,
    /// Shares of the window.
    pub shares: Option<Shares>,
    /// The window in steps.
    pub history: Option<History>,
    /// The tasks that wait, by what they wait for and where; the longest wait first.
    pub waiters: Vec<Waiters>,
    /// How long messages were in the queue: over the window, or since the channel was created
    /// without one. `None` where that is not measured, and before the 64th message.
    pub queue_time: Option<QueueTime>,
    /// The receivers of a broadcast or watch that were used, the slowest first, at most
    /// [`MAX_SUBSCRIBERS`](crate::MAX_SUBSCRIBERS).
    pub subscribers: Vec<Subscriber>,
}

/// What is most wrong with a row, the worst last.
///
/// # Examples
/// ```
/// use levada_observe::report::State;
///
/// assert!(State::Full > State::Ok);
/// assert_eq!(State::Full.to_string(), "full");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
#[cfg_attr(feature = "json", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum State {
    /// All channels of the row are closed.
    Closed,
    /// Nothing.
    #[default]
    Ok,
    /// A receiver lags: it has missed messages, or will miss some.
    Lagging,
    /// It is unbounded, and grew over the window.
    Growing,
    /// It has messages, and nothing receives them.
    Unread,
    /// It is full, and senders wait.
    Full,
    /// It is part of a suspected deadlock.
    Deadlock,
}

/// Messages in a second: the mean of the [window](super::Window), or of the time since the channel
/// is known. What is faster or slower within it is in [`History`].
///
/// # Examples
/// ```
/// let report = levada_observe::report();
/// assert!(report.channels.iter().all(|channel| channel.rates.is_none()), "there is no observer");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Rates {
    /// Sent.
    pub sent: f64,
    /// Received; `None` for broadcast and watch.
    pub received: Option<f64>,
    /// Evicted or discarded; `None` without an overflow policy.
    pub evicted: Option<f64>,
}

/// Shares of the window, from 0 to 1: of all samples of all channels of the row.
///
/// # Examples
/// ```
/// let report = levada_observe::report();
/// assert!(report.channels.iter().all(|channel| channel.shares.is_none()), "there is no observer");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Shares {
    /// Full.
    pub full: f64,
    /// Empty.
    pub empty: f64,
    /// With a sender that waits for capacity.
    pub senders_waiting: f64,
    /// With a receiver that waits for a message: the receivers have time.
    pub receivers_waiting: f64,
}

/// The window in steps, the oldest first; all lists are of one length.
///
/// # Examples
/// ```
/// let report = levada_observe::report();
/// assert!(report.channels.iter().all(|channel| channel.history.is_none()), "there is no observer");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct History {
    /// How long a step is.
    pub step_seconds: f64,
    /// The mean depth in each step, of all channels of the row together; 0 for watch.
    pub depth: Vec<f64>,
    /// Messages sent in a second, in each step.
    pub sent: Vec<f64>,
    /// Messages received in a second, in each step; 0 for broadcast and watch.
    pub received: Vec<f64>,
}

/// Tasks that wait at one line for the same.
///
/// # Examples
/// ```
/// for channel in levada_observe::report().channels {
///     for waiters in channel.waiters {
///         println!("{} x {} at {}", waiters.count, waiters.op, waiters.site);
///     }
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Waiters {
    /// `send`, `recv`, `changed`, `closed`.
    pub op: String,
    /// The line: `src/http.rs:88:17`.
    pub site: String,
    /// How many.
    pub count: usize,
    /// For how long the first one has waited.
    pub oldest_seconds: f64,
    /// For how long 95 % of them have waited, at most.
    pub p95_seconds: f64,
    /// For how long all of them have waited together.
    pub sum_seconds: f64,
    /// The tasks, those that wait longest, at most [`MAX_TASKS`](crate::MAX_TASKS).
    pub tasks: Vec<String>,
}

/// How long messages were in a queue, of one message in 64.
///
/// # Examples
/// ```
/// use levada::mpsc;
///
/// let (tx, mut rx) = mpsc::channel(300);
/// (0..300).for_each(|message| tx.try_send(message).unwrap());
/// while rx.try_recv().is_ok() {}
/// let report = levada_observe::report();
/// let time = report.channels[0].queue_time.as_ref().unwrap();
/// assert!(time.samples > 0 && time.p50_seconds <= time.p99_seconds);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct QueueTime {
    /// How many messages were measured.
    pub samples: u64,
    /// The median.
    pub p50_seconds: f64,
    /// The time within which 90 % were received.
    pub p90_seconds: f64,
    /// The time within which 99 % were received.
    pub p99_seconds: f64,
    /// The longest.
    pub max_seconds: f64,
}

/// A receiver of a broadcast or watch.
///
/// # Examples
/// ```
/// use levada::broadcast;
///
/// let (tx, mut rx) = broadcast::channel(4);
/// assert!(rx.try_recv().is_err(), "nothing yet");
/// (0..6).for_each(|event| drop(tx.send(event).unwrap()));
/// assert!(rx.try_recv().is_err(), "it has lagged");
/// let report = levada_observe::report();
/// assert_eq!(report.channels[0].subscribers[0].missed, 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Subscriber {
    /// The task that used it last.
    pub task: String,
    /// Messages that it has yet to get, or will miss; for watch, values that it has not seen.
    pub behind: u64,
    /// Messages that it has missed.
    pub missed: u64,
}

impl State {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Closed, "closed"),
        (Self::Ok, "ok"),
        (Self::Lagging, "lagging"),
        (Self::Growing, "growing"),
        (Self::Unread, "unread"),
        (Self::Full, "full"),
        (Self::Deadlock, "deadlock"),
    ];
}

impl core::fmt::Display for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let found = Self::ALL.iter().find(|(state, _)| state == self);
        f.pad(found.map_or("ok", |(_, word)| word))
    }
}

/// A word that is not known is [`Ok`](State::Ok).
#[cfg(feature = "json")]
impl<'de> serde::Deserialize<'de> for State {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        Ok(found.map_or_else(Self::default, |(state, _)| *state))
    }
}
