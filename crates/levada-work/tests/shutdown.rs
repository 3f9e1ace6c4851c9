//! The phases of the end, and who still runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use levada_work::shutdown::{Phase, Shutdown};
use support::{Task, poll_now, within_deadline};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn phases_only_grow() {
    let shutdown = Shutdown::new();
    let signal = shutdown.signal();
    let mut draining = Task::waiting(signal.draining());
    let mut aborting = Task::waiting(signal.aborting());
    assert_eq!(shutdown.advance(), Phase::Draining);
    assert!(draining.is_woken() && draining.poll().is_ready());
    assert!(aborting.poll().is_pending());
    assert_eq!(shutdown.advance(), Phase::Aborting);
    assert!(aborting.is_woken() && aborting.poll().is_ready());
    assert_eq!(shutdown.advance(), Phase::Aborting);
    assert_eq!(shutdown.drain(LIMIT).await, Ok(()));
    assert_eq!((shutdown.phase(), signal.phase()), (Phase::Aborting, Phase::Aborting));
    // One who comes late sees it, too.
    shutdown.signal().draining().await;
    shutdown.signal().aborting().await;
}

#[tokio::test]
async fn abort_skips_the_drain() {
    let shutdown = Shutdown::new();
    let signal = shutdown.signal();
    let mut draining = Task::waiting(signal.draining());
    assert_eq!(shutdown.abort(LIMIT).await, Ok(()));
    assert!(draining.poll().is_ready());
    assert_eq!(signal.phase(), Phase::Aborting);
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_the_last_guard() {
    let shutdown = Shutdown::new();
    let start = Instant::now();
    for seconds in 1..=3 {
        let guard = shutdown.signal().track("job");
        tokio::spawn(async move {
            guard.draining().await;
            sleep(Duration::from_secs(seconds)).await;
            drop(guard);
        });
    }
    assert_eq!(shutdown.still_running().count(), 3);
    assert_eq!(shutdown.drain(LIMIT).await, Ok(()));
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert!(shutdown.still_running().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_drain_names_who_is_late() {
    let shutdown = Shutdown::new();
    let signal = shutdown.signal();
    let kept =
        [signal.track("writer"), signal.track(format!("client {}", 7)), signal.track("writer")];
    let quick = signal.track("quick");
    drop(quick);
    let start = Instant::now();
    let late = shutdown.drain(LIMIT).await.unwrap_err();
    assert_eq!(start.elapsed(), LIMIT);
    assert_eq!(late.count(), 3);
    assert_eq!(late.names().collect::<Vec<_>>(), [("client 7", 1), ("writer", 2)]);
    assert_eq!(late.to_string(), "3 still running: 1 client 7, 2 writer");
    assert_eq!(signal.phase(), Phase::Draining, "a drain does not abort");
    drop(kept);
    assert_eq!(shutdown.abort(Duration::ZERO).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_is_cancelled_has_begun() {
    let shutdown = Shutdown::new();
    let guard = shutdown.signal().track("job");
    drop(Task::waiting(shutdown.drain(LIMIT)));
    assert_eq!(shutdown.phase(), Phase::Draining);
    let mut second = Task::waiting(shutdown.drain(Duration::MAX));
    drop(guard);
    assert_eq!(second.poll(), Poll::Ready(Ok(())));
}

#[tokio::test]
async fn a_clone_of_a_guard_counts() {
    let shutdown = Shutdown::new();
    let guard = shutdown.signal().track("job");
    let other = guard.clone();
    assert_eq!(shutdown.still_running().count(), 2);
    drop(guard);
    assert_eq!(shutdown.drain(Duration::ZERO).await.unwrap_err().count(), 1);
    drop(other);
    assert_eq!(shutdown.drain(Duration::ZERO).await, Ok(()));
}

#[tokio::test]
async fn a_panic_drops_the_guard() {
    let shutdown = Shutdown::new();
    let guard = shutdown.signal().track("job");
    let task = tokio::spawn(async move {
        let _guard = guard;
        panic!("on purpose");
    });
    assert_eq!(shutdown.drain(LIMIT).await, Ok(()));
    assert!(task.await.is_err());
}

#[tokio::test]
async fn nobody_left_to_say_so_is_a_drain_and_no_abort() {
    let shutdown = Shutdown::new();
    let signal = shutdown.signal();
    let other = shutdown.clone();
    let mut draining = Task::waiting(signal.draining());
    drop(shutdown);
    assert!(draining.poll().is_pending(), "there is another");
    drop(other);
    assert!(draining.is_woken() && draining.poll().is_ready());
    assert_eq!(signal.phase(), Phase::Draining);
    assert!(poll_now(signal.aborting()).is_pending());
    drop(signal.track("late")); // Harmless.
}

/// Each task begins the next one before it ends, so that there always is a guard until all are done.
#[test]
fn a_drain_ends_after_all_that_runs() {
    const ROUNDS: usize = 300;
    const CHAINS: usize = 4;
    const LINKS: usize = 10;

    fn link(left: usize, guard: levada_work::shutdown::Guard, ended: Arc<AtomicUsize>) {
        tokio::spawn(async move {
            if left > 0 {
                link(left - 1, guard.track("link"), Arc::clone(&ended));
            }
            ended.fetch_add(1, Ordering::SeqCst);
            drop(guard);
        });
    }

    within_deadline(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build();
        runtime.unwrap().block_on(async {
            for _ in 0..ROUNDS {
                let shutdown = Shutdown::new();
                let ended = Arc::new(AtomicUsize::new(0));
                for _ in 0..CHAINS {
                    link(LINKS - 1, shutdown.signal().track("link"), Arc::clone(&ended));
                }
                let mut drains = JoinSet::new();
                for _ in 0..2 {
                    let shutdown = shutdown.clone();
                    drains.spawn(async move { shutdown.drain(Duration::from_secs(60)).await });
                }
                assert_eq!(drains.join_all().await, [Ok(()), Ok(())]);
                assert_eq!(ended.load(Ordering::SeqCst), CHAINS * LINKS);
                assert!(shutdown.still_running().is_empty());
            }
        });
    });
}
