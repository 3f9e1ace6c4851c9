//! Random changes, made to both stores and to a model that is as plain as can be; then all they
//! show is compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::super::body::{Body, INLINE};
use super::super::disk::DiskStore;
use super::super::memory::MemoryStore;
use super::super::{Change, Durability, Filter, Store};
use super::{input_of, output_of, queued};
use crate::job::{IdempotencyKey, JobId, JobState, Moment, Record};

const STATES: [JobState; 6] = [
    JobState::Queued,
    JobState::Running,
    JobState::Retrying,
    JobState::Succeeded,
    JobState::Failed,
    JobState::Cancelled,
];
/// One is the beginning of another.
const QUEUES: [&str; 3] = ["a", "ab", "b"];
const JOBS: u8 = 6;
/// None, few, and so many that they go to a file.
const LENGTHS: [usize; 4] = [0, 1, 300, 70_000];

/// All jobs there are, with input and output, and whom each key belongs to.
#[derive(Debug, Default)]
struct Model {
    jobs: BTreeMap<JobId, (Record, Option<Bytes>, Option<Bytes>)>,
    keys: BTreeMap<[u8; 32], JobId>,
}

impl Model {
    fn make(&mut self, change: &Change) {
        let id = change.id();
        let old = self.jobs.get(&id).cloned();
        let ended = old.as_ref().is_some_and(|(record, ..)| record.state.has_ended());
        let revision = old.as_ref().map(|(record, ..)| record.revision);
        let new = match (change.clone(), old.clone()) {
            (Change::Accept { record, input }, _) => {
                Some((record, Some(input.whole().unwrap()), None))
            }
            (Change::Update { record }, Some((_, input, output))) => Some((record, input, output)),
            (Change::Again { record }, Some((old, input, output)))
                if ended && !old.emptied && old.revision < record.revision =>
            {
                Some((record, input, output))
            }
            (Change::Finish { record, output }, Some((_, input, _))) => {
                Some((record, input, Some(output.whole().unwrap())))
            }
            (Change::Empty { record }, Some(_)) if ended && revision < Some(record.revision) => {
                Some((record, None, None))
            }
            (Change::Keep { record }, Some((_, input, output)))
                if ended && revision < Some(record.revision) =>
            {
                Some((record, input, output))
            }
            (Change::Forget { .. }, Some(_)) if ended => None,
            _ => return,
        };
        if let Some(key) = old.and_then(|(record, ..)| record.key)
            && self.keys.get(&key.name) == Some(&id)
        {
            self.keys.remove(&key.name);
        }
        let Some(new) = new else {
            self.jobs.remove(&id);
            return;
        };
        if let Some(key) = new.0.key {
            self.keys.insert(key.name, id);
        }
        let (record, input, output) = new;
        self.jobs.insert(id, (Arc::unwrap_or_clone(record), input, output));
    }

    fn filter(&self, keep: impl Fn(&Record) -> bool) -> Vec<Record> {
        self.jobs.values().map(|(record, ..)| record).filter(|r| keep(r)).cloned().collect()
    }

    fn list(&self, filter: &Filter) -> Vec<Record> {
        let mut jobs = self.filter(|job| {
            filter.queue.as_ref().is_none_or(|queue| *queue == job.queue)
                && filter.state.is_none_or(|state| state == job.state)
                && filter.before.is_none_or(|before| job.id < before)
        });
        jobs.reverse();
        jobs.truncate(filter.limit);
        jobs
    }

    fn expired(&self, now: Moment, limit: usize) -> Vec<Record> {
        let mut jobs =
            self.filter(|job| job.state.has_ended() && job.expires_at.is_some_and(|at| at <= now));
        jobs.sort_by_key(|job| (job.expires_at, job.id));
        jobs.truncate(limit);
        jobs
    }

    fn expiring_after(&self, time: Moment, limit: usize) -> Vec<Record> {
        let mut jobs = self.expired(Moment(u64::MAX), usize::MAX);
        jobs.retain(|job| job.expires_at > Some(time));
        jobs.truncate(limit);
        jobs
    }

    fn kept_failed(&self, queue: &str) -> u64 {
        let kept =
            |job: &Record| job.state == JobState::Failed && !job.emptied && job.queue == queue;
        self.filter(kept).len() as u64
    }

    fn heaviest(&self, limit: usize) -> (Vec<Record>, u64) {
        let bytes = |job: &Record| {
            let output = if job.state == JobState::Succeeded { job.output_bytes } else { 0 };
            job.input_bytes + output + job.stderr_tail.len() as u64
        };
        let mut jobs = self.filter(|job| job.state.has_ended() && !job.emptied && bytes(job) > 0);
        let all = jobs.iter().map(bytes).sum();
        jobs.sort_by_key(|job| (job.finished_at.unwrap_or(job.created_at), job.id));
        jobs.truncate(limit);
        (jobs, all)
    }
}

fn id(number: u8) -> JobId {
    JobId::from_bytes([number; 16])
}

fn key(number: u8) -> IdempotencyKey {
    IdempotencyKey { name: [number; 32], content: [0; 32] }
}

fn any_record() -> impl Strategy<Value = Record> {
    let moments = (option::of(0_u64..6), option::of(0_u64..6));
    let kinds = (0..JOBS, 0..QUEUES.len(), 0..STATES.len(), 1_u64..5, 0_usize..3);
    (kinds, moments, option::of(0_u8..3)).prop_map(
        |((number, queue, state, revision, said), m, owner)| {
            let mut record = queued(id(number), b"");
            record.queue = QUEUES[queue].to_owned();
            record.state = STATES[state];
            record.revision = revision;
            record.stderr_tail = "e".repeat(said * 100);
            record.finished_at = m.0.map(Moment);
            record.expires_at = m.1.map(Moment);
            record.key = owner.map(key);
            record
        },
    )
}

fn any_body() -> impl Strategy<Value = Body> {
    (0..LENGTHS.len(), any::<u8>()).prop_map(|(length, byte)| vec![byte; LENGTHS[length]].into())
}

fn any_change() -> impl Strategy<Value = Change> {
    let input = |(mut record, input): (Record, Body)| {
        record.input_bytes = input.len();
        Change::Accept { record: record.into(), input }
    };
    let output = |(mut record, output): (Record, Body)| {
        record.output_bytes = output.len();
        Change::Finish { record: record.into(), output }
    };
    let empty = |mut record: Record| {
        record.emptied = true;
        Change::Empty { record: record.into() }
    };
    prop_oneof![
        4 => (any_record(), any_body()).prop_map(input),
        3 => any_record().prop_map(|record| Change::Update { record: record.into() }),
        2 => any_record().prop_map(|record| Change::Again { record: record.into() }),
        3 => (any_record(), any_body()).prop_map(output),
        1 => any_record().prop_map(empty),
        1 => any_record().prop_map(|record| Change::Keep { record: record.into() }),
        2 => (0..JOBS).prop_map(|number| Change::Forget { id: id(number) }),
    ]
}

/// A job that failed and is run again by a client that may have read its record before the job was
/// given up.
fn run_again() -> impl Strategy<Value = Vec<Change>> {
    let given_up = option::of(any::<bool>());
    (any_record(), any_body(), given_up, 1_u64..4).prop_map(
        |(record, input, given_up, revision)| {
            let input_bytes = input.len();
            let failed = Record { state: JobState::Failed, revision: 1, input_bytes, ..record };
            let emptied = Record { emptied: true, revision: 2, ..failed.clone() };
            let again = Record { state: JobState::Queued, revision, ..failed.clone() };
            let id = failed.id;
            let given_up = given_up.map(|forgotten| {
                if forgotten {
                    Change::Forget { id }
                } else {
                    Change::Empty { record: emptied.into() }
                }
            });
            let mut changes = vec![Change::Accept { record: failed.into(), input }];
            changes.extend(given_up);
            changes.push(Change::Again { record: again.into() });
            changes
        },
    )
}

fn compare(store: &dyn Store, model: &Model) {
    for number in 0..JOBS {
        let (record, input, output) =
            model.jobs.get(&id(number)).map_or((None, None, None), |(record, input, output)| {
                (Some(record.clone()), input.clone(), output.clone())
            });
        assert_eq!(store.record(id(number)), Ok(record));
        assert_eq!(input_of(store, id(number)), Ok(input));
        assert_eq!(output_of(store, id(number)), Ok(output));
    }
    for number in 0..3 {
        let owner = model.keys.get(&key(number).name).map(|id| model.jobs[id].0.clone());
        assert_eq!(store.by_key(&key(number).name), Ok(owner));
    }
    assert_eq!(store.unfinished(), Ok(model.filter(|job| !job.state.has_ended())));
    let queues = QUEUES.into_iter().chain(["unknown"]).map(|queue| Some(queue.to_owned()));
    for queue in queues.chain([None]) {
        for state in STATES.into_iter().map(Some).chain([None]) {
            for before in [None, Some(id(0)), Some(id(3)), Some(id(JOBS))] {
                for limit in [0, 1, 2, 100] {
                    let filter = Filter { queue: queue.clone(), state, before, limit };
                    assert_eq!(store.list(&filter), Ok(model.list(&filter)), "{filter:?}");
                }
            }
        }
    }
    for queue in QUEUES {
        assert_eq!(store.kept_failed(queue), Ok(model.kept_failed(queue)));
    }
    for limit in [1, 3, 100] {
        for now in 0..6 {
            let expired = model.expired(Moment(now), limit).into_iter().map(Ok).collect();
            assert_eq!(store.expired(Moment(now), limit), Ok(expired));
            let later = model.expiring_after(Moment(now), limit).into_iter().map(Ok).collect();
            assert_eq!(store.expiring_after(Moment(now), limit), Ok(later));
        }
        let (heaviest, all) = model.heaviest(limit);
        assert_eq!(store.heaviest(limit), Ok((heaviest.into_iter().map(Ok).collect(), all)));
    }
}

/// Changes that are committed at once; whether that lasts; and whether the store is then opened
/// anew.
type Step = (Vec<Change>, bool, bool);

fn any_step() -> impl Strategy<Value = Step> {
    let changes = prop_oneof![4 => vec(any_change(), 0..6), 1 => run_again()];
    (changes, any::<bool>(), prop::bool::weighted(0.3))
}

/// The same change, with a long body in a file that is written before: as it is when a client sent
/// it in pieces.
fn spooled(disk: &DiskStore, mut change: Change) -> Change {
    if let Change::Accept { input: body, .. } | Change::Finish { output: body, .. } = &mut change {
        let bytes = body.whole().unwrap();
        // Others were in one piece.
        if bytes.len() > INLINE && bytes[0] % 2 == 0 {
            let mut file = disk.new_body().unwrap().unwrap();
            file.write(&bytes[..300]).unwrap();
            file.write(&bytes[300..]).unwrap();
            file.sync().unwrap();
            *body = Body::File(Arc::new(file));
        }
    }
    change
}

/// What was said of input and output stays, as the service does it: it updates and finishes only
/// what has not ended, which is not emptied. But it may have read a record that it wants to run
/// again before that was emptied.
fn with_true_sizes(model: &Model, mut change: Change) -> Change {
    let Some((old, ..)) = model.jobs.get(&change.id()) else { return change };
    match &mut change {
        Change::Again { record } => {
            let record = Arc::make_mut(record);
            record.input_bytes = old.input_bytes;
            record.output_bytes = old.output_bytes;
        }
        Change::Update { record } | Change::Empty { record } | Change::Keep { record } => {
            let record = Arc::make_mut(record);
            record.input_bytes = old.input_bytes;
            record.output_bytes = old.output_bytes;
            record.emptied |= old.emptied;
        }
        Change::Finish { record, .. } => {
            let record = Arc::make_mut(record);
            record.input_bytes = old.input_bytes;
            record.emptied = old.emptied;
        }
        Change::Accept { .. } | Change::Forget { .. } => {}
    }
    change
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_do_what_the_model_does(steps in vec(any_step(), 1..12)) {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = DiskStore::open(dir.path()).unwrap();
        let memory = MemoryStore::default();
        let mut model = Model::default();
        for (changes, now, reopen) in steps {
            let mut exact = Vec::new();
            for change in changes {
                let change = with_true_sizes(&model, change);
                model.make(&change);
                exact.push(change);
            }
            let durability = if now { Durability::Now } else { Durability::Later };
            memory.commit(&exact, durability).unwrap();
            let spooled: Vec<_> = exact.into_iter().map(|it| spooled(&disk, it)).collect();
            disk.commit(&spooled, durability).unwrap();
            drop(spooled);
            if reopen {
                disk.commit(&[], Durability::Now).unwrap();
                drop(disk);
                disk = DiskStore::open(dir.path()).unwrap();
            }
            compare(&disk, &model);
            compare(&memory, &model);
        }
    }
}
