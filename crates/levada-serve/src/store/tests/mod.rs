//! Tests of both stores.

mod damage;
mod disk;
mod faults;
mod model;
mod retention;
mod simulated;
pub(crate) mod slow;
mod spool;
mod writer;

use std::path::Path;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::memory::MemoryStore;
use super::{Change, Durability, Store, StoreError};
use crate::job::{JobId, JobState, Moment, Outcome, Record};

/// A job that was just accepted.
fn queued(id: JobId, input: &[u8]) -> Record {
    Record {
        id,
        queue: "default".to_owned(),
        state: JobState::Queued,
        revision: 1,
        attempt: 0,
        max_attempts: 3,
        interruptions: 0,
        created_at: Moment(1),
        started_at: None,
        finished_at: None,
        retry_at: None,
        expires_at: None,
        outcome: None,
        exit_code: None,
        signal: None,
        status: None,
        fault: None,
        stderr_tail: String::new(),
        input_bytes: input.len() as u64,
        input_type: Some("text/plain".to_owned()),
        output_bytes: 0,
        output_type: None,
        emptied: false,
        client: "somebody".to_owned(),
        trace: None,
        key: None,
        ticket: None,
        holding: None,
    }
}

/// The same job after it succeeded.
fn succeeded(mut record: Record, end: Moment, output: &[u8]) -> Record {
    record.state = JobState::Succeeded;
    record.outcome = Some(Outcome::Succeeded);
    record.revision += 1;
    record.finished_at = Some(end);
    record.expires_at = Some(Moment(end.0 + 100));
    record.output_bytes = output.len() as u64;
    record
}

pub(crate) fn accept(id: JobId, input: &[u8]) -> Change {
    Change::Accept { record: queued(id, input).into(), input: Bytes::copy_from_slice(input).into() }
}

fn finish(record: Record, end: Moment, output: &[u8]) -> Change {
    let record = succeeded(record, end, output).into();
    Change::Finish { record, output: Bytes::copy_from_slice(output).into() }
}

fn ids(records: &[Record]) -> Vec<JobId> {
    records.iter().map(|record| record.id).collect()
}

/// All of the input of a job.
fn input_of(store: &dyn Store, id: JobId) -> Result<Option<Bytes>, StoreError> {
    store.input(id)?.map(|input| input.whole()).transpose()
}

/// All of the output of a job.
fn output_of(store: &dyn Store, id: JobId) -> Result<Option<Bytes>, StoreError> {
    store.output(id)?.map(|output| output.whole()).transpose()
}

/// Everything a store shows of the jobs with these ids, to compare it with another one.
fn contents(
    store: &dyn Store,
    of: &[JobId],
) -> Vec<(Option<Record>, Option<Bytes>, Option<Bytes>)> {
    let one = |id: &JobId| {
        (store.record(*id).unwrap(), input_of(store, *id).unwrap(), output_of(store, *id).unwrap())
    };
    of.iter().map(one).collect()
}

/// Behind the back of a store that is closed.
fn put(dir: &Path, table: &str, key: &[u8], value: &[u8]) {
    let database = redb::Database::open(dir.join("jobs.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let table = redb::TableDefinition::<&[u8], &[u8]>::new(table);
    transaction.open_table(table).unwrap().insert(key, value).unwrap();
    transaction.commit().unwrap();
}

/// Bytes that are a piece of a larger buffer, and what becomes `None` when that is no longer held.
fn piece_of_a_buffer(bytes: &[u8]) -> (Bytes, Weak<()>) {
    struct Buffer(Vec<u8>, #[expect(dead_code, reason = "it is only there or not")] Arc<()>);
    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let held = Arc::new(());
    let there = Arc::downgrade(&held);
    let buffer = [&[0; 4_096], bytes, &[0; 4_096]].concat();
    let buffer = Bytes::from_owner(Buffer(buffer, held));
    (buffer.slice(4_096..4_096 + bytes.len()), there)
}

#[test]
fn a_store_in_memory_keeps_no_buffers_of_others() {
    let (store, id) = (MemoryStore::default(), JobId::next());
    let (sent, of_input) = piece_of_a_buffer(b"input");
    let (written, of_output) = piece_of_a_buffer(b"output");
    let record = queued(id, b"input");
    let done = succeeded(record.clone(), Moment(1), b"output");
    let accepted = Change::Accept { record: record.into(), input: sent.into() };
    let changes = [accepted, Change::Finish { record: done.into(), output: written.into() }];
    store.commit(&changes, Durability::Now).unwrap();
    drop(changes);
    assert_eq!(input_of(&store, id), Ok(Some(Bytes::from_static(b"input"))));
    assert_eq!(output_of(&store, id), Ok(Some(Bytes::from_static(b"output"))));
    assert!(of_input.upgrade().is_none() && of_output.upgrade().is_none());
}
