//! What is kept under which key: the same on disk and in memory.
//!
//! Everything is in ordered tables from bytes to bytes. Numbers in keys are big-endian, so that the
//! order of the keys is that of the numbers.
//!
//! | table     | key                         | value                                           |
//! |-----------|-----------------------------|-------------------------------------------------|
//! | `meta`    | a name                      | a number                                        |
//! | `jobs`    | id                          | the [`Record`], as JSON                         |
//! | `inputs`  | id                          | the input                                       |
//! | `outputs` | id                          | the output                                      |
//! | `files`   | `i` or `o`, id              | the name of the file that has the input, output |
//! | `keys`    | digest of an idempotency key | id                                             |
//! | `places`  | queue, FF, state, id        | nothing                                         |
//! | `expiry`  | when it is forgotten, id    | nothing                                         |
//! | `kept`    | when it ended, id           | how many bytes it takes that can be given up    |
//!
//! The last three are found from the records; `expiry` and `kept` have jobs that ended.

use bytes::Bytes;
use serde::Deserialize;

use super::StoreError;
use crate::job::{JobId, JobState, Moment, Record};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Meta,
    Jobs,
    Inputs,
    Outputs,
    Files,
    Keys,
    Places,
    Expiry,
    Kept,
}

impl Table {
    /// In the order of the discriminants.
    pub(super) const ALL: [(Self, &str); 9] = [
        (Self::Meta, "meta"),
        (Self::Jobs, "jobs"),
        (Self::Inputs, "inputs"),
        (Self::Outputs, "outputs"),
        (Self::Files, "files"),
        (Self::Keys, "keys"),
        (Self::Places, "places"),
        (Self::Expiry, "expiry"),
        (Self::Kept, "kept"),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// In `meta`: the sum of all values of `kept`.
pub(super) const KEPT_BYTES: &[u8] = b"kept-bytes";

/// Greater than every id, as the end of a range.
pub(super) const AFTER_ALL_IDS: [u8; 17] = [0xFF; 17];

/// Ends the name of a queue: no UTF-8 has this byte.
const END_OF_QUEUE: u8 = 0xFF;

/// Greater than every place.
pub(super) const AFTER_ALL_PLACES: [u8; 2] = [END_OF_QUEUE, 0xFF];

/// Where a job stands in the indexes.
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) place: Vec<u8>,
    pub(super) expiry: Option<Vec<u8>>,
    /// With how many bytes.
    pub(super) kept: Option<(Vec<u8>, u64)>,
}

impl Entries {
    pub(super) fn of(record: &Record) -> Self {
        let id = record.id.to_bytes();
        let ended = record.state.has_ended();
        let expiry = record.expires_at.filter(|_| ended).map(|at| moment_key(at, &id));
        let bytes = kept_bytes(record);
        let end = record.finished_at.unwrap_or(record.created_at);
        Self {
            place: place_key(&record.queue, record.state, &id),
            expiry,
            kept: (bytes > 0).then(|| (moment_key(end, &id), bytes)),
        }
    }
}

/// How many bytes can be given up of a job that ended: its input, its output and the end of its
/// standard error.
pub(super) fn kept_bytes(record: &Record) -> u64 {
    let output = match record.state {
        state if record.emptied || !state.has_ended() => return 0,
        JobState::Succeeded => record.output_bytes,
        _ => 0,
    };
    record.input_bytes.saturating_add(output).saturating_add(record.stderr_tail.len() as u64)
}

/// With an empty `id`, the beginning of all places of this queue and state.
pub(super) fn place_key(queue: &str, state: JobState, id: &[u8]) -> Vec<u8> {
    // These numbers are on disks.
    let state = match state {
        JobState::Queued => 0,
        JobState::Running => 1,
        JobState::Retrying => 2,
        JobState::Succeeded => 3,
        JobState::Failed => 4,
        JobState::Cancelled => 5,
    };
    [queue.as_bytes(), &[END_OF_QUEUE, state], id].concat()
}

/// Greater than every place in this queue, smaller than all that come after them.
pub(super) fn after_queue(queue: &str) -> Vec<u8> {
    [queue.as_bytes(), &[END_OF_QUEUE, 0xFF]].concat()
}

pub(super) fn queue_of_place(place: &[u8]) -> Result<&str, StoreError> {
    place
        .iter()
        .position(|byte| *byte == END_OF_QUEUE)
        .and_then(|end| str::from_utf8(&place[..end]).ok())
        .ok_or_else(|| StoreError::corrupt("the index by queue has a key without a queue"))
}

/// A point in time and an id.
pub(super) fn moment_key(at: Moment, id: &[u8]) -> Vec<u8> {
    [&at.0.to_be_bytes(), id].concat()
}

/// The id that a key ends with.
pub(super) fn id_at_end(key: &[u8]) -> Result<JobId, StoreError> {
    key.last_chunk()
        .map(|id| JobId::from_bytes(*id))
        .ok_or_else(|| StoreError::corrupt("an index has a key without an id"))
}

pub(super) fn number(value: &[u8]) -> Result<u64, StoreError> {
    let bytes =
        value.try_into().map_err(|_| StoreError::corrupt("a number is not 8 bytes long"))?;
    Ok(u64::from_be_bytes(bytes))
}

pub(super) fn number_value(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

pub(super) fn decode(value: &[u8]) -> Result<Record, StoreError> {
    serde_json::from_slice(value).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::corrupt(format!("the record of a job cannot be read: {error}"))
}

/// Of a record, whether input and output are no longer kept. Costs less than the whole of it.
pub(super) fn is_emptied(value: &[u8]) -> Result<bool, StoreError> {
    #[derive(Deserialize)]
    struct Emptied {
        emptied: bool,
    }
    let record: Emptied = serde_json::from_slice(value).map_err(unreadable)?;
    Ok(record.emptied)
}

pub(super) fn encode(record: &Record) -> Bytes {
    // It has no map and no number that JSON does not have.
    serde_json::to_vec(record).expect("a record is JSON").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is tested here is on disks: another layout is another `FORMAT`.
    #[test]
    fn keys_are_what_they_were() {
        for (position, (table, name)) in Table::ALL.into_iter().enumerate() {
            assert_eq!((table as usize, table.name()), (position, name));
        }
        let states = [
            JobState::Queued,
            JobState::Running,
            JobState::Retrying,
            JobState::Succeeded,
            JobState::Failed,
            JobState::Cancelled,
        ];
        for (number, state) in (0..).zip(states) {
            assert_eq!(place_key("q", state, &[7; 2]), [b'q', 0xFF, number, 7, 7]);
        }
        assert_eq!(moment_key(Moment(0x0102), &[7; 2]), [0, 0, 0, 0, 0, 0, 1, 2, 7, 7]);
        assert_eq!(number(&number_value(300)), Ok(300));
    }

    #[test]
    fn a_key_that_is_damaged_is_an_error() {
        assert!(queue_of_place(b"no end").is_err());
        assert!(queue_of_place(&[0xC3, 0xFF, 0]).is_err());
        assert!(id_at_end(&[1; 15]).is_err());
        assert!(number(&[1; 7]).is_err());
        assert!(decode(b"{").is_err());
    }
}
