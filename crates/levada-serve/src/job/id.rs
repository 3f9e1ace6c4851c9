//! The id of a job.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(feature = "nats")]
use super::Moment;

/// Names a job. Ids are UUIDs of version 7 (RFC 9562): later ones are greater, and an id cannot be
/// guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct JobId(Uuid);

impl JobId {
    /// An id that is greater than all this process gave out before.
    pub(crate) fn next() -> Self {
        Self(Uuid::now_v7())
    }

    /// When it was made.
    #[cfg(feature = "nats")]
    pub(crate) fn made_at(self) -> Moment {
        // RFC 9562, 5.7: the first 48 bits are milliseconds.
        let [a, b, c, d, e, f, ..] = self.to_bytes();
        Moment(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// As a key whose order is that of the ids.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl FromStr for JobId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Only the form that is given out: one job has one address.
        let id = Uuid::try_parse(text).map_err(|_| NotAnId)?;
        let mut buffer = Uuid::encode_buffer();
        if id.hyphenated().encode_lower(&mut buffer) == text { Ok(Self(id)) } else { Err(NotAnId) }
    }
}

/// A text is not the id of any job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the id of a job: those look like 019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33")
    }
}

impl std::error::Error for NotAnId {}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_increase_also_between_threads() {
        let give_out = || (0..10_000).map(|_| JobId::next()).collect::<Vec<_>>();
        let mut ids: Vec<JobId> = std::thread::scope(|scope| {
            let threads = [scope.spawn(give_out), scope.spawn(give_out)];
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids[..10_000].is_sorted_by(|a, b| a < b));
        assert!(ids[10_000..].is_sorted_by(|a, b| a < b));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 20_000);
    }

    #[cfg(feature = "nats")]
    #[test]
    fn an_id_has_its_time() {
        let before = Moment::now();
        let made_at = JobId::next().made_at();
        assert!((before.0..=Moment::now().0).contains(&made_at.0), "{before:?} {made_at:?}");
    }

    #[test]
    fn an_id_has_one_form() {
        let id = JobId::next();
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(JobId::from_bytes(id.to_bytes()), id);
        for other in [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), text + "0"]
        {
            assert_eq!(other.parse::<JobId>(), Err(NotAnId), "{other}");
        }
        assert_eq!("".parse::<JobId>(), Err(NotAnId));
    }
}
