//! What meets in the store, or while it writes.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Bench, LONG, accept, until};
use crate::job::{JobId, JobState};
use crate::jobs::active::{Abandoned, JobView};
use crate::jobs::lifecycle::accept::NotAgain;
use crate::jobs::lifecycle::cancel::Cancelled;
use crate::jobs::registry::Job;
use crate::store::{Change, Store, StoreError};

#[tokio::test]
async fn a_job_that_is_emptied_meanwhile_does_not_run_again() {
    let mut bench = Bench::new("echo why >&2; exit 3");
    let job = bench.accept().await;
    bench.writing(until(&job, JobState::Failed)).await;
    let (id, queue) = (job.id, Arc::clone(&job.queue));
    let mut emptied = bench.store.record(id).unwrap().unwrap();
    emptied.emptied = true;
    emptied.revision += 1;
    let emptying = Change::Empty { record: emptied.clone().into() };
    let emptying = bench.jobs.store.writer().submit(vec![emptying]).await.unwrap();
    assert_eq!(bench.next().await, [id]);

    let again =
        tokio::spawn(Arc::clone(&bench.jobs.lifecycle).run_again(id, "somebody".to_owned()));
    // It has read the record, and found that the job can be run again.
    while queue.depth() == 0 {
        tokio::task::yield_now().await;
    }
    bench.go_on(Ok(()));
    emptying.committed().await.unwrap();
    let again = bench.writing(again).await.unwrap();
    assert!(matches!(again, Err(NotAgain::NoInput)), "{again:?}");
    assert_eq!(bench.store.record(id), Ok(Some(emptied)), "how it failed is still known");
    assert_eq!(queue.depth(), 0);
    bench.end().await;
}

/// How long a wrong answer, which would come at once, is waited for.
const AT_ONCE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_job_is_found_active_as_soon_as_it_is_on_disk() {
    let mut bench = Bench::new("exit 3");
    let accepting = tokio::spawn(accept(Arc::clone(&bench.jobs)));
    let id = bench.next().await[0];
    found_active(&mut bench, id, accepting).await;
    let job = bench.jobs.registry.find_active(id).unwrap();
    bench.writing(until(&job, JobState::Failed)).await;

    let again =
        tokio::spawn(Arc::clone(&bench.jobs.lifecycle).run_again(id, "somebody".to_owned()));
    assert_eq!(bench.next().await, [id]);
    found_active(&mut bench, id, again).await;
    bench.end().await;
}

/// `accepting` has begun a commit; while that is made and not answered, a client finds the job.
async fn found_active<T>(bench: &mut Bench, id: JobId, accepting: JoinHandle<T>) {
    bench.store.hold_answers(true);
    bench.go_on(Ok(()));
    while bench.store.record(id).unwrap().is_none_or(|record| record.state.has_ended()) {
        tokio::task::yield_now().await;
    }
    let jobs = Arc::clone(&bench.jobs);
    let mut finding = pin!(jobs.registry.find(id));
    let early = timeout(AT_ONCE, &mut finding).await;
    assert!(early.is_err(), "found before it is active: {early:?}");
    bench.store.hold_answers(false);
    bench.go_on(Ok(()));
    accepting.await.unwrap();
    let found = bench.writing(finding).await.unwrap();
    assert!(matches!(found, Some(Job::Active(_))), "{found:?}");
}

#[tokio::test]
async fn a_job_whose_end_or_next_attempt_cannot_be_stored_stays_and_says_so() {
    for script in ["exit 0", "exit 3", "exit 75"] {
        let mut bench = Bench::new(script);
        let job = bench.accept().await;
        assert_eq!(bench.next().await, [job.id]);
        let full = StoreError::io("no room");
        bench.go_on(Err(full.clone()));
        let mut view = job.watch();
        let view = timeout(LONG, view.wait_for(JobView::is_final)).await.unwrap().unwrap().clone();
        assert_eq!(view.abandoned, Some(Abandoned::NotStored), "{script}: {view:?}");
        assert_eq!(view.record.state, JobState::Running, "{script}");

        let found = bench.jobs.registry.find(job.id).await.unwrap();
        assert!(matches!(found, Some(Job::Active(_))), "{script}: {found:?}");
        assert_eq!(bench.jobs.lifecycle.cancel(job.id).await.unwrap_err(), full, "{script}");
        assert_eq!(bench.jobs.registry.unfinished(), 1, "{script}: it runs again after a restart");
    }
}

#[tokio::test]
async fn a_job_that_is_run_again_counts_against_who_asked_also_after_a_restart() {
    let mut bench = Bench::new("exit 3");
    let job = bench.accept().await;
    bench.writing(until(&job, JobState::Failed)).await;
    let again = Arc::clone(&bench.jobs.lifecycle).run_again(job.id, "another".to_owned());
    bench.writing(again).await.unwrap().unwrap();
    assert_eq!(bench.store.record(job.id).unwrap().unwrap().client, "another");
    bench.end().await;
}

#[tokio::test]
async fn a_job_without_a_queue_is_cancelled_once() {
    let mut bench = Bench::without_queues("exit 0");
    let id = bench.left_by_another_process().await;
    let mut events = bench.jobs.reporter.events.subscribe(None).events;
    let cancel = || {
        let jobs = Arc::clone(&bench.jobs);
        tokio::spawn(async move { jobs.lifecycle.cancel(id).await.unwrap().unwrap() })
    };
    let (first, second) = (cancel(), cancel());
    let both = bench.writing(async { [first.await.unwrap(), second.await.unwrap()] }).await;
    let ended = both.iter().filter(|what| matches!(what, Cancelled::Ended(_))).count();
    assert_eq!(ended, 1, "{both:?}");
    assert_eq!(events.try_recv().unwrap().name, "finished");
    assert!(events.try_recv().is_err(), "it ended twice");
    bench.end().await;
}

#[tokio::test]
async fn a_job_that_is_cancelled_while_its_queue_is_opened_does_not_run_on() {
    let mut bench = Bench::without_queues("sleep 600");
    let id = bench.left_by_another_process().await;
    let jobs = Arc::clone(&bench.jobs);
    let cancelling = tokio::spawn(async move { jobs.lifecycle.cancel(id).await.unwrap().unwrap() });
    assert_eq!(bench.next().await, [id]);
    // The store still says that it waits.
    bench.open_queues();
    bench.go_on(Ok(()));
    let cancelled = bench.writing(cancelling).await.unwrap();
    assert!(matches!(cancelled, Cancelled::Ended(_) | Cancelled::Stopping(_)), "{cancelled:?}");
    let jobs = Arc::clone(&bench.jobs);
    let gone = async {
        while jobs.registry.unfinished() > 0 {
            tokio::task::yield_now().await;
        }
    };
    bench.writing(gone).await;
    bench.end().await;
}

#[tokio::test]
async fn a_job_that_is_interrupted_is_among_those_that_are_left() {
    let mut bench = Bench::new("exec sleep 600");
    let job = bench.accept().await;
    bench.writing(until(&job, JobState::Running)).await;
    bench.shutdown.advance();
    bench.shutdown.advance();
    let mut view = job.watch();
    let interrupted = async { view.wait_for(JobView::is_final).await.unwrap().abandoned };
    assert_eq!(bench.writing(interrupted).await, Some(Abandoned::Interrupted));
    let found = bench.jobs.registry.find(job.id).await.unwrap();
    assert!(matches!(found, Some(Job::Active(_))), "{found:?}");
    assert_eq!(bench.jobs.registry.unfinished(), 1, "it runs again after a restart");
    bench.end().await;
}
