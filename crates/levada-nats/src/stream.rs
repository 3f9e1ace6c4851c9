//! Streams: made if they are not there, compared with what is wanted if they are.

use async_nats::jetstream::context::{Context, CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, Stream};
use async_nats::jetstream::{self, ErrorCode};
use serde_json::Value;
use std::error::Error;
use std::fmt;

/// When a message counts as stored.
///
/// ```
/// use levada_nats::Durability;
///
/// // The server writes to disk within two minutes: see `sync_interval` in its documentation.
/// assert_eq!(Durability::default(), Durability::Lazy);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// One server has the message in a file, which it may not have synced. The message survives
    /// `kill -9` of the server, not a loss of power within `sync_interval` (2 minutes by default).
    #[default]
    Lazy,
    /// One server has synced the message. The server must be configured with
    /// `jetstream { sync_interval: always }`; no request can ask it whether it is.
    Fsync,
    /// Three servers of a cluster have the message, in files as with `Lazy`. It survives the loss
    /// of one of them.
    Replicated,
}

impl Durability {
    pub(crate) fn replicas(self) -> usize {
        match self {
            Self::Lazy | Self::Fsync => 1,
            Self::Replicated => 3,
        }
    }
}

/// A setting of a stream that exists, and what was wanted instead. The names are the server's:
/// `max_msgs`, `duplicate_window` (nanoseconds).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The setting.
    pub setting: String,
    /// What the stream has.
    pub existing: String,
    /// What was wanted.
    pub wanted: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, not {}", self.setting, self.existing, self.wanted)
    }
}

/// Why a queue, a topic or a cell could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// A stream of this name exists with other settings.
    Differs {
        /// The stream.
        stream: String,
        /// What differs.
        differences: Vec<Difference>,
    },
    /// The cluster has too few servers for three replicas, or the server is in no cluster.
    Replicas {
        /// The stream.
        stream: String,
        /// What the server says.
        reason: String,
    },
    /// The settings contradict each other, or are beyond a limit.
    Settings(String),
    /// The server refused for another reason.
    Refused {
        /// What was to be made.
        stream: String,
        /// What the server says.
        reason: String,
    },
    /// The server did not answer in time. The same call may succeed later.
    NoAnswer {
        /// What was to be made.
        stream: String,
        /// What the client met.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { stream, differences } => {
                write!(f, "the stream {stream:?} exists with other settings: ")?;
                for (i, difference) in differences.iter().enumerate() {
                    write!(f, "{}{difference}", if i > 0 { ", " } else { "" })?;
                }
                write!(f, "; open it with those, or change them with `nats stream edit {stream}`")
            }
            Self::Replicas { stream, reason } => write!(
                f,
                "no three replicas for {stream:?} ({reason}): start a cluster of three servers, \
                 or choose another durability"
            ),
            Self::Settings(text) => f.write_str(text),
            Self::Refused { stream, reason } => {
                write!(f, "the NATS server refuses {stream:?}: {reason}")
            }
            Self::NoAnswer { stream, source } => {
                write!(f, "the NATS server did not answer when {stream:?} was opened: {source}")
            }
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoAnswer { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

impl OpenError {
    /// What the server's refusal to make `stream` means.
    pub(crate) fn from_server(stream: &str, error: &jetstream::Error) -> Self {
        let (stream, reason) = (stream.to_owned(), error.to_string());
        match error.error_code() {
            // There are three: one of them starts, or is too busy to say that it is there.
            ErrorCode::CLUSTER_NO_PEERS if reason.contains("peer offline") => {
                Self::no_answer(&stream, error.clone())
            }
            ErrorCode::CLUSTER_NO_PEERS | ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED => {
                Self::Replicas { stream, reason }
            }
            _ => Self::Refused { stream, reason },
        }
    }

    pub(crate) fn no_answer(stream: &str, error: impl Error + Send + Sync + 'static) -> Self {
        Self::NoAnswer { stream: stream.to_owned(), source: Box::new(error) }
    }
}

/// The stream with these settings, which is made if it does not exist.
pub(crate) async fn open(jetstream: &Context, wanted: Config) -> Result<Stream, OpenError> {
    let name = wanted.name.clone();
    match jetstream.create_stream(wanted.clone()).await {
        Ok(created) => return Ok(created),
        Err(error) => match error.kind() {
            CreateStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NAME_EXIST => {}
            CreateStreamErrorKind::JetStream(refusal) => {
                return Err(OpenError::from_server(&name, &refusal));
            }
            _ => return Err(OpenError::no_answer(&name, error)),
        },
    }
    let existing = jetstream.get_stream(&name).await.map_err(|error| match error.kind() {
        // Another process has just made it, and not all servers of the cluster know of it yet.
        GetStreamErrorKind::JetStream(refusal)
            if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND =>
        {
            OpenError::no_answer(&name, error)
        }
        GetStreamErrorKind::JetStream(refusal) => OpenError::from_server(&name, &refusal),
        _ => OpenError::no_answer(&name, error),
    })?;
    let differences = differences(&existing.cached_info().config, &wanted);
    if differences.is_empty() {
        Ok(existing)
    } else {
        Err(OpenError::Differs { stream: name, differences })
    }
}

/// Settings that do not change what a stream does, and one that the server adds to.
const IGNORED: [&str; 3] = ["description", "metadata", "consumer_limits"];

/// What differs, of the settings that `wanted` sets.
fn differences(existing: &Config, wanted: &Config) -> Vec<Difference> {
    let (Ok(Value::Object(existing)), Ok(Value::Object(wanted))) =
        (serde_json::to_value(existing), serde_json::to_value(wanted))
    else {
        return Vec::new();
    };
    let differ = wanted.iter().filter(|(setting, _)| !IGNORED.contains(&setting.as_str()));
    let differ = differ.filter_map(|(setting, wanted)| {
        let existing = existing.get(setting).unwrap_or(&Value::Null);
        let same = limit(existing) == limit(wanted);
        (!same).then(|| Difference {
            setting: setting.clone(),
            existing: existing.to_string(),
            wanted: wanted.to_string(),
        })
    });
    differ.collect()
}

/// No limit is 0 in a request, and -1 in an answer.
fn limit(value: &Value) -> Value {
    if value.as_i64() == Some(0) || value.is_null() { Value::from(-1) } else { value.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_nats::jetstream::stream::{DiscardPolicy, RetentionPolicy};

    fn queue() -> Config {
        Config {
            name: "jobs".to_owned(),
            max_messages: 100,
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            num_replicas: 1,
            ..Config::default()
        }
    }

    #[test]
    fn what_the_server_fills_in_is_no_difference() {
        let existing = Config {
            max_bytes: -1,
            max_consumers: -1,
            max_messages_per_subject: -1,
            duplicate_window: std::time::Duration::from_secs(120),
            metadata: [("_nats.level".to_owned(), "1".to_owned())].into(),
            ..queue()
        };
        assert_eq!(differences(&existing, &queue()), []);
    }

    #[test]
    fn every_setting_that_differs_is_named() {
        let existing = Config { max_messages: 50, discard: DiscardPolicy::Old, ..queue() };
        let error = OpenError::Differs {
            stream: "jobs".to_owned(),
            differences: differences(&existing, &queue()),
        };
        let text = error.to_string();
        assert!(text.contains("max_msgs is 50, not 100"), "{text}");
        assert!(text.contains("discard is \"old\", not \"new\""), "{text}");
    }
}
