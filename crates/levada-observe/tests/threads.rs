//! Threads without a runtime that wait for each other, and an executor of which a thread runs many
//! tasks. One test: the threads stay until the process ends.

use std::time::{Duration, Instant};

use async_executor::LocalExecutor;
use levada::mpsc;
use levada_observe::Observer;
use levada_observe::report::{Report, Waiters};

const SUSPECTED: Duration = Duration::from_millis(300);
const DEADLINE: Duration = Duration::from_secs(60);

fn until(is_there: impl Fn(&Report) -> bool) -> Report {
    let began = Instant::now();
    loop {
        let report = levada_observe::report();
        if is_there(&report) {
            return report;
        }
        assert!(began.elapsed() < DEADLINE, "{report:#?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How many tasks have waited at the channel for long.
fn old(report: &Report, label: &str) -> usize {
    let waiters = report.channels.iter().filter(|it| it.label == label).flat_map(|it| &it.waiters);
    let is_old = |it: &&Waiters| it.oldest_seconds > 2.0 * SUSPECTED.as_secs_f64();
    waiters.filter(is_old).map(|waiters| waiters.count).sum()
}

#[test]
fn threads_that_sleep_are_suspected_and_threads_that_poll_are_not() {
    let observer = Observer::new().without_server().deadlock_after(SUSPECTED);
    let _observing = observer.interval(Duration::from_millis(20)).start().unwrap();

    // One thread polls three tasks. Two wait for what the third sends one day: for levada all
    // three are the thread.
    let executor = std::thread::Builder::new().name("executor".to_owned());
    let (tx, mut rx) = mpsc::builder(1).named("smol").build();
    let _executor = executor.spawn(move || {
        let executor = LocalExecutor::new();
        executor.spawn(async move { while rx.recv().await.is_some() {} }).detach();
        let sends = async move {
            tx.send(1).await.unwrap();
            std::future::pending::<()>().await;
            drop(tx);
        };
        executor.spawn(sends).detach();
        futures_lite::future::block_on(executor.run(std::future::pending::<()>()))
    });
    let report = until(|report| old(report, "smol") == 1);
    assert_eq!(report.deadlocks, []);

    let (to_a, mut a) = mpsc::builder(1).named("to_a").build();
    let (to_b, mut b) = mpsc::builder(1).named("to_b").build();
    let unused = (to_a.clone(), to_b.clone());
    let _a = std::thread::spawn(move || {
        to_b.blocking_send(1).unwrap();
        a.blocking_recv().unwrap();
        a.blocking_recv()
    });
    let _b = std::thread::spawn(move || {
        to_a.blocking_send(1).unwrap();
        b.blocking_recv().unwrap();
        b.blocking_recv()
    });
    // The senders that were never used could end it.
    let report = until(|report| old(report, "to_a") + old(report, "to_b") == 2);
    assert_eq!(report.deadlocks, []);
    drop(unused);
    let report = until(|report| !report.deadlocks.is_empty());
    let waits = report.deadlocks[0].tasks.iter().flat_map(|task| &task.waits);
    let mut waits: Vec<_> = waits.map(|wait| format!("{} {}", wait.op, wait.channel)).collect();
    waits.sort_unstable();
    assert_eq!(waits, ["recv to_a", "recv to_b"]);
    assert_eq!(old(&report, "smol"), 1, "it still waits, and is none");
    assert_eq!(report.deadlocks.len(), 1);
}
