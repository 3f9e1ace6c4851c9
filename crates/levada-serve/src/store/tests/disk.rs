//! What only the store on disk can do, or do wrong.

use std::cell::Cell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use redb::ReadableDatabase;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::super::body::Body;
use super::super::disk::DiskStore;
use super::super::layout::Table;
use super::super::query::{self, Entry, Read, Side};
use super::super::{Change, Durability, Filter, Store, StoreError, StoreErrorKind};
use super::{accept, contents, finish, ids, input_of, output_of, put, queued};
use crate::job::{JobId, JobState, Moment};

const LARGE: usize = 70_000;
/// Where a test that is started as a process of its own has its store.
const DIR: &str = "LEVADA_TEST_STORE";

fn files(dir: &Path) -> usize {
    fs::read_dir(dir.join("bodies")).unwrap().count()
}

#[test]
fn only_its_user_may_look() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("new/store");
    let store = DiskStore::open(&dir).unwrap();
    store.commit(&[accept(JobId::next(), &[1; LARGE])], Durability::Now).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("jobs.redb")), 0o600);
    assert_eq!(mode(&dir.join("bodies")), 0o700);
    let body = fs::read_dir(dir.join("bodies")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(mode(&body), 0o600);
}

#[test]
fn a_second_one_is_refused_until_the_first_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = DiskStore::open(dir.path()).unwrap();
    let error = DiskStore::open(dir.path()).unwrap_err();
    assert!(error.message.contains("another process uses it"), "{error}");
    assert!(error.message.contains(dir.path().to_str().unwrap()), "{error}");
    store.commit(&[accept(JobId::next(), b"")], Durability::Now).unwrap();
    drop(store);
    DiskStore::open(dir.path()).unwrap();
}

/// Starts a test of this file as another process.
fn start(test: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", &format!("store::tests::disk::{test}")])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "a process that other tests start"]
fn accepts_until_it_is_killed() {
    let store = DiskStore::open(Path::new(&std::env::var_os(DIR).unwrap())).unwrap();
    for length in [5, LARGE].into_iter().cycle() {
        let id = JobId::next();
        store.commit(&[accept(id, &vec![9; length])], Durability::Now).unwrap();
        // In a line of its own, whatever the test harness prints.
        let mut out = std::io::stdout().lock();
        writeln!(out, "\naccepted {id}").unwrap();
    }
}

#[test]
fn what_was_accepted_survives_a_kill_and_nobody_else_gets_in_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut accepted = Vec::new();
    for _ in 0..3 {
        let mut process = start("accepts_until_it_is_killed", dir.path());
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let new = lines.map_while(Result::ok).filter_map(|line| {
            line.strip_prefix("accepted ").map(|id| id.parse::<JobId>().unwrap())
        });
        let mut new = new.peekable();
        assert!(new.peek().is_some(), "it accepted nothing");
        let error = DiskStore::open(dir.path()).unwrap_err();
        assert!(error.message.contains("another process uses it"), "{error}");
        let before = accepted.len();
        for id in new {
            accepted.push(id);
            if accepted.len() == before + 30 {
                process.kill().unwrap();
            }
        }
        process.wait().unwrap();

        let store = DiskStore::open(dir.path()).unwrap();
        let there = ids(&store.unfinished().unwrap());
        assert!(accepted.len() >= before + 30);
        assert!(accepted.iter().all(|id| there.contains(id)));
        for id in there {
            let record = store.record(id).unwrap().unwrap();
            assert_eq!(input_of(&store, id).unwrap().unwrap().len() as u64, record.input_bytes);
        }
    }
}

/// A store in which standard error did not count yet.
#[test]
fn what_was_added_for_a_job_is_taken_away_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = DiskStore::open(dir.path()).unwrap();
    let jobs: Vec<_> = (0..3).map(|_| JobId::next()).collect();
    for id in &jobs {
        let mut record = queued(*id, &[7; 20]);
        record.state = JobState::Failed;
        record.finished_at = Some(Moment(9));
        record.stderr_tail = "x".repeat(1_000);
        let change =
            Change::Accept { record: record.into(), input: Bytes::from_static(&[7; 20]).into() };
        store.commit(&[change], Durability::Now).unwrap();
    }
    assert_eq!(store.heaviest(9).unwrap().1, 3 * 1_020);
    drop(store);
    for id in &jobs[..2] {
        let end = [&9_u64.to_be_bytes()[..], &id.to_bytes()].concat();
        put(dir.path(), "kept", &end, &20_u64.to_be_bytes());
    }
    put(dir.path(), "meta", b"kept-bytes", &1_060_u64.to_be_bytes());

    let store = DiskStore::open(dir.path()).unwrap();
    let left = |gone: usize| {
        store.commit(&[Change::Forget { id: jobs[gone] }], Durability::Now).unwrap();
        store.heaviest(9).unwrap().1
    };
    assert_eq!([left(0), left(2), left(1)], [1_040, 20, 0]);
}

#[test]
fn another_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let id = JobId::next();
    let store = DiskStore::open(dir.path()).unwrap();
    store.commit(&[accept(id, &[1; LARGE])], Durability::Now).unwrap();
    drop(store);
    set_format(dir.path(), 2);
    fs::write(dir.path().join("bodies/of-a-later-version"), b"it knows what for").unwrap();

    let error = DiskStore::open(dir.path()).unwrap_err();
    assert!(error.message.contains("its format is 2, and this levada knows 1"), "{error}");
    assert_eq!(files(dir.path()), 2);
    set_format(dir.path(), 1);
    let store = DiskStore::open(dir.path()).unwrap();
    assert_eq!(input_of(&store, id), Ok(Some(Bytes::from_static(&[1; LARGE]))));
}

fn set_format(dir: &Path, version: u64) {
    put(dir, "meta", b"format", &version.to_be_bytes());
}

#[test]
fn the_database_of_another_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let database = redb::Database::create(dir.path().join("jobs.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let theirs = redb::TableDefinition::<&str, u64>::new("theirs");
    transaction.open_table(theirs).unwrap().insert("one", 1).unwrap();
    transaction.commit().unwrap();
    drop(database);

    let error = DiskStore::open(dir.path()).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt, "{error}");
    let database = redb::Database::open(dir.path().join("jobs.redb")).unwrap();
    let tables = database.begin_read().unwrap().list_tables().unwrap().count();
    assert_eq!(tables, 1);
}

#[test]
fn large_bodies_are_files_that_go_when_they_are_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = DiskStore::open(dir.path()).unwrap();
    let (kept, emptied, forgotten) = (JobId::next(), JobId::next(), JobId::next());
    let jobs = [kept, emptied, forgotten];
    let accepted: Vec<_> = jobs.iter().map(|id| accept(*id, &[1; LARGE])).collect();
    store.commit(&accepted, Durability::Now).unwrap();
    let output = [2; LARGE];
    let finished: Vec<_> =
        jobs.iter().map(|id| finish(queued(*id, &[1; LARGE]), Moment(9), &output)).collect();
    store.commit(&finished, Durability::Now).unwrap();
    assert_eq!(files(dir.path()), 6);
    assert_eq!(store.heaviest(10).unwrap().1, 6 * LARGE as u64);

    let mut record = store.record(emptied).unwrap().unwrap();
    record.emptied = true;
    record.revision += 1;
    let given_up = [Change::Empty { record: record.into() }, Change::Forget { id: forgotten }];
    store.commit(&given_up, Durability::Later).unwrap();
    assert_eq!(output_of(&store, emptied), Ok(None));
    assert_eq!(files(dir.path()), 6, "the commit may be lost: its files are still needed");
    store.commit(&[], Durability::Now).unwrap();
    assert_eq!(files(dir.path()), 2);
    assert_eq!(output_of(&store, kept), Ok(Some(Bytes::from_static(&[2; LARGE]))));

    // As if it had been killed between the file and the commit.
    fs::write(dir.path().join("bodies/019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33"), b"half").unwrap();
    let before = contents(&store, &jobs);
    drop(store);
    let store = DiskStore::open(dir.path()).unwrap();
    assert_eq!(files(dir.path()), 2);
    assert_eq!(contents(&store, &jobs), before);
}

#[test]
fn a_large_body_that_cannot_be_written_fails_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = DiskStore::open(dir.path()).unwrap();
    let (small, large) = (JobId::next(), JobId::next());
    store.commit(&[accept(small, b"small")], Durability::Now).unwrap();
    fs::remove_dir(dir.path().join("bodies")).unwrap();
    let both = [accept(JobId::next(), b""), accept(large, &[1; LARGE])];
    let error = store.commit(&both, Durability::Now).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Io);
    assert!(error.message.contains("cannot write"), "{error}");
    assert_eq!(store.commit(&[], Durability::Now), Err(error));
    assert_eq!(ids(&store.unfinished().unwrap()), [small]);
    drop(store);
    let store = DiskStore::open(dir.path()).unwrap();
    assert_eq!(ids(&store.unfinished().unwrap()), [small]);
    store.commit(&[accept(large, &[1; LARGE])], Durability::Now).unwrap();
}

#[test]
#[ignore = "a process that other tests start"]
fn has_no_descriptor_for_a_large_body() {
    let dir = PathBuf::from(std::env::var_os(DIR).unwrap());
    let store = DiskStore::open(&dir).unwrap();
    let (before, large) = (JobId::next(), JobId::next());
    store.commit(&[accept(before, &[1; LARGE])], Durability::Now).unwrap();
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limits }).unwrap();
    assert!(fs::File::open(&dir).is_err());
    let end = finish(queued(before, &[1; LARGE]), Moment(9), &[2; LARGE]);
    store.commit(&[accept(large, &[3; LARGE]), end], Durability::Now).unwrap();
    assert!(input_of(&store, before).is_err(), "a file cannot be read now");
    assert_eq!(input_of(&store, large), Ok(Some(Bytes::from_static(&[3; LARGE]))));
    setrlimit(Resource::Nofile, limits).unwrap();
    assert_eq!(files(&dir), 1);
    drop(store);

    let store = DiskStore::open(&dir).unwrap();
    assert_eq!(input_of(&store, large), Ok(Some(Bytes::from_static(&[3; LARGE]))));
    assert_eq!(output_of(&store, before), Ok(Some(Bytes::from_static(&[2; LARGE]))));
    store.commit(&[accept(large, &[4; LARGE])], Durability::Now).unwrap();
    assert_eq!(input_of(&store, large), Ok(Some(Bytes::from_static(&[4; LARGE]))));
    assert_eq!(files(&dir), 2);
}

#[test]
fn a_large_body_without_a_descriptor_goes_into_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let output =
        start("has_no_descriptor_for_a_large_body", dir.path()).wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn whoever_reads_while_bodies_come_and_go_gets_whole_ones() {
    let dir = tempfile::tempdir().unwrap();
    let store = DiskStore::open(dir.path()).unwrap();
    let id = JobId::next();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut whole = 0;
            while whole == 0 || !over.load(Ordering::Relaxed) {
                if let Some(input) = input_of(&store, id).unwrap() {
                    assert!(input.len() == LARGE && input.iter().all(|byte| *byte == input[0]));
                    whole += 1;
                }
            }
            whole
        });
        for round in 0..40 {
            let input = [round; LARGE];
            store.commit(&[accept(id, &input)], Durability::Now).unwrap();
            let end = finish(queued(id, &input), Moment(1), b"");
            let forgotten = [end, Change::Forget { id }];
            // The last one stays, for a reader that was not quick enough to see any.
            let changes = if round < 39 { &forgotten[..] } else { &[] };
            store.commit(changes, Durability::Now).unwrap();
        }
        over.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(files(dir.path()), 1);
}

/// Tables that count what is read from them.
struct Counted<T> {
    tables: T,
    reads: Cell<usize>,
}

impl<T: Read> Read for Counted<T> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.reads.set(self.reads.get() + 1);
        self.tables.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        keys: Range<&[u8]>,
        from: Side,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let entries = self.tables.scan(table, keys, from, limit)?;
        self.reads.set(self.reads.get() + 1 + entries.len());
        Ok(entries)
    }
}

#[test]
fn the_work_of_a_question_is_that_of_its_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = DiskStore::open(dir.path()).unwrap();
    let mut waiting = Vec::new();
    for _ in 0..100 {
        let jobs: Vec<_> = (0..1_000).map(|_| JobId::next()).collect();
        let ended = jobs[1..].iter().map(|id| {
            let record = super::succeeded(queued(*id, b""), Moment(9), b"").into();
            Change::Accept { record, input: Body::empty() }
        });
        let changes: Vec<_> = ended.chain([accept(jobs[0], b"")]).collect();
        store.commit(&changes, Durability::Later).unwrap();
        waiting.push(jobs[0]);
    }
    store.commit(&[], Durability::Now).unwrap();
    drop(store);

    let store = DiskStore::open(dir.path()).unwrap();
    assert_eq!(ids(&store.unfinished().unwrap()), waiting);
    store.with_tables(|tables| {
        let counted = Counted { tables, reads: Cell::new(0) };
        let question = |ask: &dyn Fn() -> usize, most: usize| {
            let answers = ask();
            let reads = counted.reads.replace(0);
            assert!(reads <= most, "{reads} reads for {answers} jobs");
            answers
        };
        assert_eq!(question(&|| query::unfinished(&counted).unwrap().len(), 250), 100);
        let filter = |queue: Option<&str>, state| Filter {
            queue: queue.map(str::to_owned),
            state,
            before: None,
            limit: 50,
        };
        for (filter, most) in [
            (filter(None, None), 60),
            (filter(Some("default"), None), 400),
            (filter(None, Some(JobState::Succeeded)), 150),
            (filter(Some("default"), Some(JobState::Queued)), 150),
        ] {
            assert_eq!(question(&|| query::list(&counted, &filter).unwrap().len(), most), 50);
        }
        let expired = || query::expired(&counted, Moment(u64::MAX), 50).unwrap().len();
        assert_eq!(question(&expired, 150), 50);
    });
}
