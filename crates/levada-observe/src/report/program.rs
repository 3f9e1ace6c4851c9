//! What is reported of the whole program.

/// Whose channels they are.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::report().program.pid, std::process::id());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Program {
    /// The name of the executable file.
    pub name: String,
    /// The number of the process.
    pub pid: u32,
    /// When the report was made: seconds since 1970 (UTC).
    pub time_unix_seconds: f64,
    /// How long the observer runs; `None` without one.
    pub observed_seconds: Option<f64>,
    /// The version of this crate.
    pub levada: String,
}

/// What rates, shares and histories are taken from.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::report().window, None, "there is no observer");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Window {
    /// How long it is.
    pub seconds: f64,
    /// How many samples were taken in it.
    pub samples: u64,
}

/// Oneshots that tasks wait for, all created by one line.
///
/// # Examples
/// ```
/// use levada::oneshot;
/// use std::{future::Future, pin::pin, task::{Context, Waker}};
///
/// let (_tx, rx) = oneshot::channel::<u32>();
/// let mut rx = pin!(rx);
/// assert!(rx.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
/// let oneshots = &levada_observe::report().oneshots[0];
/// assert_eq!((oneshots.message.as_str(), oneshots.count), ("u32", 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Oneshots {
    /// `recv`: for the answer; or `closed`: that the receiver goes.
    pub op: String,
    /// The line that created them: `src/http.rs:20:34`.
    pub site: String,
    /// The type of the message.
    pub message: String,
    /// How many.
    pub count: usize,
    /// For how long the first task has waited.
    pub oldest_seconds: f64,
    /// For how long 95 % of them have waited, at most.
    pub p95_seconds: f64,
    /// For how long all of them have waited together.
    pub sum_seconds: f64,
    /// The tasks, those that wait longest, at most [`MAX_TASKS`](crate::MAX_TASKS).
    pub tasks: Vec<String>,
}

/// How long the waits of one line took that ended, for channels that one line created.
///
/// # Examples
/// ```
/// for blocked in levada_observe::report().blocked {
///     println!("{} at {}: {} s", blocked.op, blocked.site, blocked.sum_seconds);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Blocked {
    /// `send`, `recv`, `changed`, `closed`.
    pub op: String,
    /// The line that waited: `src/http.rs:88:17`.
    pub site: String,
    /// The line that created the channels.
    pub channel_site: String,
    /// The [label](super::Channel::label) of the channels, if some are alive: else their line.
    pub channel: String,
    /// How many waits ended.
    pub count: u64,
    /// How long they were together.
    pub sum_seconds: f64,
    /// How long the longest was.
    pub max_seconds: f64,
}

/// The channels that were used and ended, all created by one line and with one name.
///
/// # Examples
/// ```
/// use levada::mpsc;
///
/// let (tx, rx) = mpsc::channel(1);
/// tx.try_send(1).unwrap();
/// drop((tx, rx));
/// assert_eq!(levada_observe::report().ended[0].channels, 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Ended {
    /// Their name, if they had one.
    #[cfg_attr(feature = "json", serde(default))]
    pub name: Option<String>,
    /// `mpsc`, `mpmc`, `broadcast`, `watch`.
    pub kind: String,
    /// The line that created them.
    pub site: String,
    /// The type of the messages.
    pub message: String,
    /// How many.
    pub channels: u64,
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that overflow policies or `force_send` evicted or discarded.
    #[cfg_attr(feature = "json", serde(default))]
    pub evicted: u64,
}
