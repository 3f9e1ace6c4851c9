//! What is reported, as data: the one thing that all surfaces show.
//!
//! - `channel`: rows of channels, and what is in them
//! - `program`: oneshots, blocked time, channels that ended
//! - `graph`: which tasks wait for which channels, and suspected deadlocks

mod channel;
mod graph;
mod program;

pub use self::channel::{Channel, History, QueueTime, Rates, Shares, State, Subscriber, Waiters};
pub use self::graph::{
    Deadlock, DeadlockKind, Graph, HandleEdge, StuckTask, StuckWait, TaskNode, WaitEdge,
};
pub use self::program::{Blocked, Ended, Oneshots, Program, Window};

/// The version of [`Report`] that this crate writes.
///
/// # Guarantees
/// 1. Within a version, fields are added only. A reader ignores fields and [`State`]s that it does
///    not know.
/// 2. A field that changes its meaning or is removed means another version.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::report::VERSION, 1);
/// ```
pub const VERSION: u32 = 1;

/// What all channels of a program are doing, and what is wrong with them.
///
/// # The JSON (feature `json`)
/// [`Report::to_json`] writes one object whose fields are those of this type, under the same names.
/// Times are seconds, as numbers with a fraction; a line of the source is
/// `"src/http.rs:88:17"` (line and column); `null` means that it does not apply or is not known.
/// `tests/example.json` of this crate is a whole example.
///
/// | field | what |
/// |---|---|
/// | `version` | [`VERSION`] |
/// | `program` | [`Program`] |
/// | `window` | [`Window`]; `null` without an observer, and then all rates, shares and histories are, too |
/// | `findings` | [`Finding`]s, the worst first |
/// | `deadlocks` | [`Deadlock`]s, the oldest first |
/// | `channels` | [`Channel`]s, the most troubled first |
/// | `oneshots` | [`Oneshots`] that tasks wait for, the oldest first |
/// | `blocked` | [`Blocked`] time by line, the longest first |
/// | `ended` | [`Ended`] channels by the line that created them and by name |
/// | `graph` | [`Graph`] |
///
/// # Examples
/// ```
/// use levada::mpsc;
///
/// let (tx, _rx) = mpsc::builder(1).named("jobs").build();
/// tx.try_send("sweep").unwrap();
/// let report = levada_observe::report();
/// assert_eq!(report.channels[0].label, "jobs");
/// assert_eq!(report.channels[0].depth, Some(1));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// Whose channels they are.
    pub program: Program,
    /// What rates, shares and histories are taken from; `None` without an observer.
    pub window: Option<Window>,
    /// What is wrong, in words; the worst first.
    pub findings: Vec<Finding>,
    /// Suspected deadlocks, the oldest first.
    pub deadlocks: Vec<Deadlock>,
    /// The channels that are alive and were used, without oneshots, the most troubled first.
    /// Channels without a name that one line created for one type are one row; so are those of that
    /// line and one name.
    pub channels: Vec<Channel>,
    /// The oneshots that tasks wait for.
    pub oneshots: Vec<Oneshots>,
    /// How long waits took that ended, by line; the longest sum first.
    pub blocked: Vec<Blocked>,
    /// The channels that ended, by the line that created them and by name.
    pub ended: Vec<Ended>,
    /// Which tasks wait for which channels, and which tasks use those.
    pub graph: Graph,
}

/// A sentence about what is wrong, and the rule that it comes from.
///
/// The rules are listed in [`diagnosis`](crate#diagnosis).
///
/// # Examples
/// ```
/// for finding in levada_observe::report().findings {
///     println!("{}: {}", finding.rule, finding.text);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Finding {
    /// The rule: `deadlock`, `full`, `unread`, `lagging`, `growing`, `oneshot`.
    pub rule: String,
    /// The [`id`](Channel::id) of the row that it is about, if it is about one.
    pub channel: Option<String>,
    /// The line that it is about, if it is about one: where most tasks wait, or where the channel
    /// was created.
    pub site: Option<String>,
    /// The sentence.
    pub text: String,
}

#[cfg(feature = "json")]
impl Report {
    /// The report as JSON; see [above](Self#the-json-feature-json).
    ///
    /// # Examples
    /// ```
    /// let json = levada_observe::report().to_json();
    /// assert!(json.starts_with("{\"version\":1,"));
    /// ```
    pub fn to_json(&self) -> String {
        // Only maps with other keys than strings, and foreign `Serialize`, can fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`to_json`](Self::to_json) wrote, also in a later program.
    ///
    /// # Errors
    /// If it is no JSON, has another version, or lacks a field.
    ///
    /// # Examples
    /// ```
    /// use levada_observe::report::Report;
    ///
    /// let report = levada_observe::report();
    /// assert_eq!(Report::from_json(&report.to_json()).unwrap(), report);
    /// assert!(Report::from_json("{\"version\":2}").unwrap_err().to_string().contains("version 2"));
    /// ```
    pub fn from_json(json: &str) -> Result<Self, ReadError> {
        #[derive(serde::Deserialize)]
        struct Versioned {
            version: u32,
        }
        let read = |error: serde_json::Error| ReadError(error.to_string());
        let Versioned { version } = serde_json::from_str(json).map_err(read)?;
        if version != VERSION {
            return Err(ReadError(format!(
                "it has version {version}, and this program reads version {VERSION}: use a levada \
                 of the same version as the program that is looked into"
            )));
        }
        serde_json::from_str(json).map_err(read)
    }
}

/// A text is no [`Report`] that this version can read.
///
/// # Examples
/// ```
/// use levada_observe::report::Report;
///
/// let error = Report::from_json("[]").unwrap_err();
/// assert!(error.to_string().starts_with("this is no report of levada: "));
/// ```
#[cfg(feature = "json")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(String);

#[cfg(feature = "json")]
impl core::fmt::Display for ReadError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "this is no report of levada: {}", self.0)
    }
}

#[cfg(feature = "json")]
impl core::error::Error for ReadError {}
