//! The one writer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use levada::{mpsc, oneshot};

use super::super::body::Body;
use super::super::condition::Condition;
use super::super::memory::MemoryStore;
use super::super::writer::{Closer, Commit, Writer};
use super::super::{Change, Durability, Store, StoreError, StoreErrorKind};
use super::slow::{Begun, Slow, next};
use super::{accept, queued, succeeded};
use crate::job::{JobId, JobState, Moment, Record};

/// A writer on a slow store, and the ends by which the test leads it.
struct Bench {
    writer: Writer,
    store: Arc<Slow>,
    begun: Begun,
    go_on: mpsc::UnboundedSender<Result<(), StoreError>>,
    commits: Arc<Mutex<Vec<Commit>>>,
    closer: Closer,
}

impl Bench {
    fn new() -> Self {
        let (store, begun, go_on) = Slow::new();
        let commits = Arc::new(Mutex::new(Vec::new()));
        let observed = Arc::clone(&commits);
        let (writer, closer) = Writer::start(store.clone(), move |commit| {
            observed.lock().unwrap().push(commit);
        });
        Self { writer, store, begun, go_on, commits, closer }
    }

    /// Begins a commit of one new job, and returns once it is handed over.
    async fn begin(&self) -> (JobId, oneshot::Receiver<Result<(), StoreError>>) {
        let (id, writer) = (JobId::next(), self.writer.clone());
        let (done, result) = oneshot::channel();
        let mut commit = Box::pin(async move { writer.commit(vec![accept(id, b"")]).await });
        // There is room, so one poll hands it over.
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(commit.as_mut().poll(cx)));
        assert!(polled.await.is_pending());
        tokio::spawn(async move { done.send(commit.await) });
        (id, result)
    }

    /// Commits one new job.
    async fn accepted(&mut self) -> JobId {
        let (id, done) = self.begin().await;
        next(&mut self.begun).await;
        self.go_on.send(Ok(())).unwrap();
        done.await.unwrap().unwrap();
        id
    }
}

fn broken() -> StoreError {
    StoreError::io("no disk")
}

fn full() -> StoreError {
    StoreError { kind: StoreErrorKind::Full, message: "no room".to_owned() }
}

#[tokio::test]
async fn what_comes_during_a_commit_is_the_next_one() {
    let start = Instant::now();
    let mut bench = Bench::new();
    let (first, first_done) = bench.begin().await;
    assert_eq!(next(&mut bench.begun).await, (vec![first], Durability::Now));
    let (second, second_done) = bench.begin().await;
    let (third, third_done) = bench.begin().await;
    bench.go_on.send(Ok(())).unwrap();
    assert_eq!(first_done.await, Ok(Ok(())));

    let batch = next(&mut bench.begun).await;
    assert_eq!(batch, (vec![second, third], Durability::Now), "in their order");
    assert!(second_done.is_empty());
    bench.go_on.send(Ok(())).unwrap();
    assert_eq!((second_done.await, third_done.await), (Ok(Ok(())), Ok(Ok(()))));
    let commits = bench.commits.lock().unwrap();
    let sizes: Vec<_> = commits.iter().map(|commit| (commit.changes, commit.waiting)).collect();
    assert_eq!(sizes, [(1, 1), (2, 2)]);
    assert!(commits.iter().map(|commit| commit.took).sum::<Duration>() <= start.elapsed());
}

fn running(id: JobId) -> Record {
    Record { state: JobState::Running, revision: 2, ..queued(id, b"") }
}

#[tokio::test]
async fn a_note_goes_with_the_next_commit_unless_that_knows_better() {
    let mut bench = Bench::new();
    let noted = bench.accepted().await;
    let ended = bench.accepted().await;
    bench.writer.write_behind(Change::Update { record: running(ended).into() });
    bench.writer.write_behind(Change::Update { record: running(noted).into() });
    let record = succeeded(running(ended), Moment(9), b"");
    let end = Change::Finish { record: record.clone().into(), output: Body::empty() };
    let submitted = bench.writer.submit(vec![end]).await.unwrap();
    assert_eq!(next(&mut bench.begun).await, (vec![noted, ended], Durability::Now));
    bench.go_on.send(Ok(())).unwrap();
    assert_eq!(submitted.committed().await, Ok(()));
    assert_eq!(bench.store.record(noted), Ok(Some(running(noted))));
    assert_eq!(bench.store.record(ended), Ok(Some(record)));
}

#[tokio::test]
async fn notes_need_no_disk_and_reach_it_when_the_writer_is_closed() {
    let mut bench = Bench::new();
    let id = bench.accepted().await;
    bench.writer.write_behind(Change::Update { record: running(id).into() });
    assert_eq!(next(&mut bench.begun).await, (vec![id], Durability::Later));
    let again = Record { revision: 3, ..running(id) };
    bench.writer.write_behind(Change::Update { record: again.clone().into() });
    let mut closing = tokio::spawn(bench.closer.close());
    bench.go_on.send(Ok(())).unwrap();
    let mut last = None;
    loop {
        tokio::select! {
            closed = &mut closing => break assert_eq!(closed.unwrap(), Ok(())),
            begun = next(&mut bench.begun) => {
                last = Some(begun.1);
                bench.go_on.send(Ok(())).unwrap();
            }
        }
    }
    assert_eq!(last, Some(Durability::Now));
    assert_eq!(bench.store.record(id), Ok(Some(again)));

    bench.writer.write_behind(accept(JobId::next(), b""));
    let error = bench.writer.commit(vec![]).await.unwrap_err();
    assert!(error.message.contains("closed"), "{error}");
}

#[tokio::test]
async fn what_was_taken_is_committed_also_when_the_handles_are_gone() {
    let mut bench = Bench::new();
    let id = JobId::next();
    bench.writer.write_behind(accept(id, b""));
    drop((bench.writer, bench.closer));
    assert_eq!(next(&mut bench.begun).await, (vec![id], Durability::Later));
    bench.go_on.send(Ok(())).unwrap();
}

#[tokio::test]
async fn whoever_waits_or_comes_after_a_fault_gets_the_same_error() {
    let mut bench = Bench::new();
    let mut condition = bench.writer.condition();
    let (_, first_done) = bench.begin().await;
    next(&mut bench.begun).await;
    let (_, second_done) = bench.begin().await;
    assert_eq!(*condition.borrow(), Condition::Well);
    bench.go_on.send(Err(broken())).unwrap();
    assert_eq!(first_done.await, Ok(Err(broken())));
    assert_eq!(*condition.borrow_and_update(), Condition::Failed(broken()));
    assert_eq!(second_done.await, Ok(Err(broken())));
    bench.writer.write_behind(accept(JobId::next(), b""));
    assert_eq!(bench.writer.commit(vec![accept(JobId::next(), b"")]).await, Err(broken()));
    assert_eq!(bench.closer.close().await, Err(broken()));
    assert!(bench.begun.try_recv().is_err(), "the store was asked again");
}

/// A job that ended, to be written.
fn end(id: JobId, bytes: usize) -> Change {
    let output = vec![0; bytes];
    let record = succeeded(running(id), Moment(9), &output);
    Change::Finish { record: record.into(), output: output.into() }
}

#[tokio::test]
async fn when_the_disk_is_full_new_jobs_are_refused_and_ends_wait() {
    let mut bench = Bench::new();
    let ids = [bench.accepted().await, bench.accepted().await, bench.accepted().await];
    let condition = bench.writer.condition();
    // All of them in one commit.
    let (_, before) = bench.begin().await;
    next(&mut bench.begun).await;
    let large = bench.writer.submit(vec![end(ids[0], 100_000)]).await.unwrap();
    let small = bench.writer.submit(vec![end(ids[1], 10)]).await.unwrap();
    let (new, refused) = bench.begin().await;
    let forget = Change::Forget { id: JobId::next() };
    let forgotten = forget.id();
    let freeing = bench.writer.submit(vec![forget]).await.unwrap();
    bench.go_on.send(Ok(())).unwrap();
    assert_eq!(before.await, Ok(Ok(())));
    assert_eq!(next(&mut bench.begun).await.0, [ids[0], ids[1], new, forgotten]);
    bench.go_on.send(Err(full())).unwrap();
    assert_eq!(refused.await, Ok(Err(full())));

    // It is opened again, and what frees room is made.
    assert_eq!(next(&mut bench.begun).await.0, [forgotten]);
    assert_eq!(bench.store.reopened(), 1);
    bench.go_on.send(Ok(())).unwrap();
    assert_eq!(freeing.committed().await, Ok(()));
    assert_eq!(next(&mut bench.begun).await.0, [ids[1]]);
    bench.go_on.send(Err(full())).unwrap();
    let stuck = Condition::Full { error: full(), waiting: true };
    condition.clone().wait_for(|now| *now == stuck).await.unwrap();
    assert_eq!(bench.writer.commit(vec![accept(JobId::next(), b"")]).await, Err(full()));
    let late = bench.writer.submit(vec![end(ids[2], 5)]).await.unwrap();
    assert!(bench.begun.try_recv().is_err(), "there is no hurry");

    // There is room for what is small.
    let retry = tokio::spawn({
        let writer = bench.writer.clone();
        async move { writer.retry().await }
    });
    assert_eq!(next(&mut bench.begun).await.0, [ids[1]]);
    bench.go_on.send(Ok(())).unwrap();
    assert_eq!(small.committed().await, Ok(()));
    assert_eq!(next(&mut bench.begun).await.0, [ids[2]]);
    bench.go_on.send(Ok(())).unwrap();
    assert_eq!(late.committed().await, Ok(()));
    assert_eq!(next(&mut bench.begun).await.0, [ids[0]]);
    bench.go_on.send(Err(full())).unwrap();
    assert_eq!(retry.await.unwrap(), Ok(()));
    assert_eq!(*condition.borrow(), stuck);

    // And for all, but not for more.
    bench.store.set_room(Err(full()));
    let retry = bench.writer.clone();
    let retry = tokio::spawn(async move { retry.retry().await });
    while !retry.is_finished() {
        tokio::select! {
            begun = next(&mut bench.begun) => {
                assert!(begun.0.is_empty() || begun.0 == [ids[0]], "{begun:?}");
                bench.go_on.send(Ok(())).unwrap();
            }
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    assert_eq!(large.committed().await, Ok(()));
    assert_eq!(*condition.borrow(), Condition::Full { error: full(), waiting: false });
    assert_eq!(bench.writer.commit(vec![accept(JobId::next(), b"")]).await, Err(full()));

    bench.store.set_room(Ok(()));
    let retry = bench.writer.clone();
    let retry = tokio::spawn(async move { retry.retry().await });
    next(&mut bench.begun).await;
    bench.go_on.send(Ok(())).unwrap();
    assert_eq!(retry.await.unwrap(), Ok(()));
    assert_eq!(*condition.borrow(), Condition::Well);
    bench.accepted().await;
    for id in ids {
        assert_eq!(bench.store.record(id).unwrap().unwrap().state, JobState::Succeeded);
    }
    bench.closer.close().await.unwrap();
}

/// Room is missing only after the commit was made: the waiting caller gets its success.
#[tokio::test]
async fn a_job_that_is_there_after_all_was_accepted() {
    let mut bench = Bench::new();
    bench.store.hold_answers(true);
    let (new, accepted) = bench.begin().await;
    assert_eq!(next(&mut bench.begun).await.0, [new]);
    bench.go_on.send(Ok(())).unwrap();
    bench.go_on.send(Err(full())).unwrap();
    assert_eq!(accepted.await, Ok(Ok(())));
    assert_eq!(bench.store.record(new), Ok(Some(queued(new, b""))));
    assert!(bench.writer.condition().borrow().is_full());
}

#[tokio::test]
async fn what_was_noted_before_the_disk_was_full_is_not_lost() {
    let mut bench = Bench::new();
    let id = bench.accepted().await;
    bench.writer.write_behind(Change::Update { record: running(id).into() });
    assert_eq!(next(&mut bench.begun).await, (vec![id], Durability::Later));
    bench.go_on.send(Ok(())).unwrap();
    let (new, refused) = bench.begin().await;
    assert_eq!(next(&mut bench.begun).await.0, [new]);
    bench.go_on.send(Err(full())).unwrap();
    assert_eq!(refused.await, Ok(Err(full())));
    assert_eq!(next(&mut bench.begun).await, (vec![id], Durability::Later), "once more");
    bench.go_on.send(Ok(())).unwrap();
    let closing = tokio::spawn(bench.closer.close());
    assert_eq!(next(&mut bench.begun).await, (vec![], Durability::Now));
    bench.go_on.send(Ok(())).unwrap();
    closing.await.unwrap().unwrap();
}

#[tokio::test]
async fn at_the_end_nothing_waits_for_room() {
    let mut bench = Bench::new();
    let ids = [bench.accepted().await, bench.accepted().await];
    let first = bench.writer.submit(vec![end(ids[0], 5)]).await.unwrap();
    for _ in 0..2 {
        assert_eq!(next(&mut bench.begun).await.0, [ids[0]]);
        bench.go_on.send(Err(full())).unwrap();
    }
    bench.writer.condition().wait_for(Condition::is_stuck).await.unwrap();
    bench.writer.wait_no_more();
    assert_eq!(next(&mut bench.begun).await.0, [ids[0]], "once more");
    bench.go_on.send(Err(full())).unwrap();
    assert_eq!(first.committed().await, Err(full()));
    let second = bench.writer.submit(vec![end(ids[1], 5)]).await.unwrap();
    assert_eq!(next(&mut bench.begun).await.0, [ids[1]]);
    bench.go_on.send(Err(full())).unwrap();
    assert_eq!(second.committed().await, Err(full()));
    bench.closer.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_looked_at_again_by_itself() {
    let mut bench = Bench::new();
    let writer = bench.writer.clone();
    let trying = tokio::spawn(async move { writer.keep_trying().await });
    let (_, refused) = bench.begin().await;
    next(&mut bench.begun).await;
    bench.store.set_room(Err(full()));
    bench.go_on.send(Err(full())).unwrap();
    assert_eq!(refused.await, Ok(Err(full())));
    let mut at = Vec::new();
    let begin = tokio::time::Instant::now();
    for _ in 0..7 {
        assert_eq!(next(&mut bench.begun).await, (vec![], Durability::Now));
        at.push(begin.elapsed().as_secs());
        bench.go_on.send(Ok(())).unwrap();
    }
    assert_eq!(at, [1, 3, 7, 15, 31, 61, 91]);
    bench.store.set_room(Ok(()));
    while *bench.writer.condition().borrow() != Condition::Well {
        tokio::select! {
            _ = next(&mut bench.begun) => bench.go_on.send(Ok(())).unwrap(),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    trying.abort();
}

#[tokio::test]
async fn a_store_that_starts_without_room_takes_no_jobs() {
    let (store, _begun, _go_on) = Slow::new();
    store.set_room(Err(full()));
    let (writer, _closer) = Writer::start(store.clone(), |_| ());
    assert_eq!(*writer.condition().borrow(), Condition::Full { error: full(), waiting: false });
    assert_eq!(writer.commit(vec![accept(JobId::next(), b"")]).await, Err(full()));
}

#[tokio::test]
async fn a_commit_whose_caller_is_gone_is_made() {
    let mut bench = Bench::new();
    let (first, _) = bench.begin().await;
    next(&mut bench.begun).await;
    bench.go_on.send(Ok(())).unwrap();
    bench.closer.close().await.unwrap();
    assert_eq!(bench.store.record(first), Ok(Some(queued(first, b""))));
}

#[tokio::test]
async fn a_store_that_panics_has_failed() {
    let bench = Bench::new();
    let (_, done) = bench.begin().await;
    drop(bench.go_on);
    let error = done.await.unwrap().unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Io);
    assert_eq!(*bench.writer.condition().borrow(), Condition::Failed(error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_lose_nothing_and_share_commits() {
    let (store, commits) = (Arc::new(MemoryStore::default()), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&commits);
    let (writer, closer) = Writer::start(store.clone(), move |commit| {
        assert!(commit.waiting <= 1024);
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let callers: Vec<_> = (0..2_000)
        .map(|_| {
            let (id, writer) = (JobId::next(), writer.clone());
            tokio::spawn(async move {
                writer.commit(vec![accept(id, b"")]).await.unwrap();
                writer.write_behind(Change::Update { record: running(id).into() });
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    closer.close().await.unwrap();
    let jobs = store.unfinished().unwrap();
    assert_eq!(jobs.len(), 2_000);
    assert!(jobs.iter().all(|job| job.state == JobState::Running));
    assert!(commits.load(Ordering::Relaxed) < 4_000);
}

#[tokio::test]
async fn what_commands_wrote_is_weighed_whatever_it_is() {
    const MUCH: usize = 40 << 20;
    let mut bench = Bench::new();
    let (first, _) = bench.begin().await;
    next(&mut bench.begun).await;
    let ids = [JobId::next(), JobId::next()];
    let mut submitted = Vec::new();
    for id in ids {
        let stderr_tail = "x".repeat(MUCH);
        let change = Change::Update { record: Record { stderr_tail, ..running(id) }.into() };
        submitted.push(bench.writer.submit(vec![change]).await.unwrap());
    }
    for id in ids {
        bench.go_on.send(Ok(())).unwrap();
        let batch = next(&mut bench.begun).await.0;
        assert_eq!(batch, [id], "both do not go into one commit after {first}");
    }
    bench.go_on.send(Ok(())).unwrap();
    for submitted in submitted {
        submitted.committed().await.unwrap();
    }
    bench.closer.close().await.unwrap();
}
