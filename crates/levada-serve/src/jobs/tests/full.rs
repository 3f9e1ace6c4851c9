//! Jobs when there is no room on the disk, and when the clock is wrong.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::{Bench, LONG, until};
use crate::job::{JobId, JobState, Moment};
use crate::jobs::lifecycle::cancel::Cancelled;
use crate::store::condition::Condition;
use crate::store::{Change, Store, StoreError, StoreErrorKind};

const MOMENT: Duration = Duration::from_millis(1);

fn full() -> StoreError {
    StoreError { kind: StoreErrorKind::Full, message: "no room".to_owned() }
}

#[tokio::test]
async fn an_end_waits_for_room_and_no_other_job_runs_until_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let go = folder.path().join("go");
    let script = "until [ -e GO ]; do sleep 0.01; done; echo run >> RUNS; exit 3";
    let script = script.replace("GO", go.to_str().unwrap());
    let mut bench = Bench::new(&script.replace("RUNS", runs.to_str().unwrap()));
    let first = bench.accept().await;
    let second = bench.accept().await;
    bench.writing(until(&first, JobState::Running)).await;
    bench.store.set_room(Err(full()));
    let writer = bench.jobs.store.writer().clone();
    let new = crate::store::tests::accept(JobId::next(), b"");
    let refused = tokio::spawn(async move { writer.commit(vec![new]).await });
    while !refused.is_finished() {
        tokio::select! {
            _ = bench.next() => bench.go_on(Err(full())),
            () = tokio::time::sleep(MOMENT) => {}
        }
    }
    assert_eq!(refused.await.unwrap(), Err(full()));
    fs::write(&go, "").unwrap();
    // That it runs may be noted before its end is there.
    while !bench.jobs.store.condition().is_stuck() {
        tokio::select! {
            _ = bench.next() => bench.go_on(Err(full())),
            () = tokio::time::sleep(MOMENT) => {}
        }
    }
    let third = bench.jobs.admission.admit(&first.queue, "somebody".to_owned()).unwrap_err();
    assert!(format!("{third:?}").contains("no room"), "{third:?}");
    assert!(matches!(bench.jobs.store.condition(), Condition::Full { .. }));
    let running = || fs::read_to_string(&runs).unwrap().lines().count();
    assert_eq!(running(), 1);
    assert_eq!(first.state(), JobState::Running, "shown before it is on disk");
    assert_eq!(second.state(), JobState::Queued);

    // One that waits can be withdrawn: that is put on disk later.
    let cancelled = bench.jobs.lifecycle.cancel(second.id).await.unwrap().unwrap();
    assert!(matches!(cancelled, Cancelled::Stopping(_)), "{cancelled:?}");
    let again = bench.jobs.lifecycle.cancel(second.id).await.unwrap().unwrap();
    assert!(matches!(again, Cancelled::Stopping(_)), "{again:?}");

    bench.store.set_room(Ok(()));
    let jobs = Arc::clone(&bench.jobs);
    bench.writing(async move { jobs.store.writer().retry().await.unwrap() }).await;
    until(&first, JobState::Failed).await;
    until(&second, JobState::Cancelled).await;
    assert_eq!(bench.jobs.store.condition(), Condition::Well);
    assert_eq!(running(), 1, "more than it ran");
    bench.end().await;
}

#[tokio::test]
async fn a_pause_is_never_longer_than_one_can_be() {
    let mut bench = Bench::without_queues("exit 0");
    let id = bench.left_by_another_process().await;
    let mut record = bench.store.record(id).unwrap().unwrap();
    record.state = JobState::Retrying;
    record.retry_at = Some(Moment::now().after(100_000 * LONG));
    let writer = bench.jobs.store.writer().clone();
    let change = Change::Update { record: record.into() };
    bench.writing(async move { writer.commit(vec![change]).await.unwrap() }).await;
    let before = Moment::now();
    bench.open_queues();
    let job = bench.jobs.registry.find_active(id).unwrap();
    let longest = job.queue.config().retry.max_backoff;
    let at = job.view().record.retry_at.unwrap();
    assert!(at >= before && at <= Moment::now().after(longest), "{at:?}");
    let jobs = Arc::clone(&bench.jobs);
    bench.writing(async move { jobs.lifecycle.cancel(id).await.unwrap() }).await;
    bench.end().await;
}
