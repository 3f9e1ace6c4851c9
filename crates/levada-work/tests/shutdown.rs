//! The phases of the end, and what still runs.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use levada_work::shutdown::{Phase, Shutdown, ShuttingDown};
use support::{Event, Task, hooked_waker, poll_now, within_deadline};
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

/// Each task begins the next one before it ends, so that there always is a guard until all are
/// done.
#[test]
fn a_drain_ends_after_all_that_runs() {
    const ROUNDS: usize = 300;
    const CHAINS: usize = 4;
    const LINKS: usize = 10;

    fn link(left: usize, guard: levada_work::shutdown::ShutdownGuard, ended: Arc<AtomicUsize>) {
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

/// `select!` has taken a connection, and the drain comes before the guard.
#[tokio::test]
async fn nothing_begins_after_a_drain() {
    let shutdown = Shutdown::new();
    let signal = shutdown.signal();
    assert_eq!(shutdown.drain(LIMIT).await, Ok(()));
    assert_eq!(signal.try_track("connection").err(), Some(ShuttingDown));
    assert!(shutdown.still_running().is_empty());
    assert_eq!(ShuttingDown.to_string(), "the shutdown has begun: no new work is taken");
}

/// Each way to stop refuses new work, and each is seen by what was tracked before.
#[tokio::test]
async fn every_way_to_stop_refuses() {
    let ways: [fn(Shutdown); 4] = [
        |shutdown| assert_eq!(shutdown.advance(), Phase::Draining),
        |shutdown| drop(poll_now(shutdown.drain(LIMIT))),
        |shutdown| drop(poll_now(shutdown.abort(LIMIT))),
        drop,
    ];
    for stop in ways {
        let shutdown = Shutdown::new();
        let signal = shutdown.signal();
        let guard = signal.try_track("before").unwrap();
        stop(shutdown);
        assert!(signal.phase() >= Phase::Draining);
        assert_eq!(signal.try_track("after").err(), Some(ShuttingDown));
        assert_eq!(guard.try_track("after").err(), Some(ShuttingDown));
        drop((guard.track("child"), guard.clone()));
    }
}

/// Its conversion is foreign code in the middle of `try_track`: a drain begins, and ends, there.
struct DrainsMeanwhile<'a>(&'a Shutdown);

impl From<DrainsMeanwhile<'_>> for Cow<'static, str> {
    fn from(name: DrainsMeanwhile<'_>) -> Self {
        assert_eq!(poll_now(name.0.drain(LIMIT)), Poll::Ready(Ok(())));
        "late".into()
    }
}

#[tokio::test]
async fn a_drain_in_the_middle_of_a_try_track() {
    let shutdown = Shutdown::new();
    let signal = shutdown.signal();
    assert_eq!(signal.phase(), Phase::Running);
    assert_eq!(signal.try_track(DrainsMeanwhile(&shutdown)).err(), Some(ShuttingDown));
    assert!(shutdown.still_running().is_empty());
}

/// A waker that the new phase wakes comes before the drain has looked whether a guard is left.
#[tokio::test]
async fn a_try_track_in_the_middle_of_a_drain() {
    let shutdown = Shutdown::new();
    let signal = shutdown.signal();
    let refused = Arc::new(AtomicUsize::new(0));
    let (count, tracks) = (Arc::clone(&refused), shutdown.signal());
    let waker = hooked_waker(move |event| {
        if event == Event::Wake {
            assert_eq!(tracks.try_track("late").err(), Some(ShuttingDown));
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let mut draining = Box::pin(signal.draining());
    assert!(draining.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(shutdown.drain(LIMIT).await, Ok(()));
    assert_eq!(refused.load(Ordering::SeqCst), 1);
}

/// What begins is waited for, and what comes too late does not begin, whichever is first.
#[test]
fn work_begins_before_a_drain_or_not_at_all() {
    const ROUNDS: usize = 400;
    let (begun, refused) = within_deadline(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(async {
            let (mut all_begun, mut all_refused) = (0, 0);
            for round in 0..ROUNDS {
                let shutdown = Shutdown::new();
                let ended = Arc::new(AtomicUsize::new(0));
                let mut intakes = JoinSet::new();
                for _ in 0..2 {
                    let (signal, ended) = (shutdown.signal(), Arc::clone(&ended));
                    intakes.spawn(async move {
                        let mut begun = 0;
                        while let Ok(guard) = signal.try_track("connection") {
                            begun += 1;
                            let ended = Arc::clone(&ended);
                            tokio::spawn(async move {
                                ended.fetch_add(1, Ordering::SeqCst);
                                drop(guard);
                            });
                            tokio::task::yield_now().await;
                        }
                        begun
                    });
                }
                // Every other time, the drain begins when the intakes are at work.
                while round % 2 == 0 && ended.load(Ordering::SeqCst) < 1 + round % 5 {
                    tokio::task::yield_now().await;
                }
                assert_eq!(shutdown.drain(Duration::from_secs(60)).await, Ok(()));
                let over = ended.load(Ordering::SeqCst);
                let begun: usize = intakes.join_all().await.into_iter().sum();
                assert_eq!((begun, ended.load(Ordering::SeqCst)), (over, over));
                all_begun += begun;
                all_refused += 2;
            }
            (all_begun, all_refused)
        })
    });
    assert!(begun >= ROUNDS / 2 && refused == 2 * ROUNDS);
}
