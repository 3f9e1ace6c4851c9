//! Suspected deadlocks of real tasks: those that are, and those that are none.
//!
//! Each program runs on a runtime of its own, until all of its waits are old enough to be
//! suspected.
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::future::Future;
use std::time::{Duration, Instant};

use levada::{mpmc, mpsc, watch};
use levada_observe::report::{Deadlock, DeadlockKind, Report};
use levada_observe::{Observer, Observing};
use tokio::runtime::Runtime;

/// A wait is suspected after this time.
const SUSPECTED: Duration = Duration::from_millis(300);
const DEADLINE: Duration = Duration::from_secs(60);

/// All tests look at all channels of the process: one after the other.
static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());

struct Program {
    runtime: Runtime,
    observing: Option<Observing>,
    _turn: std::sync::MutexGuard<'static, ()>,
}

impl Program {
    fn new() -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let observer = Observer::new().without_server().deadlock_after(SUSPECTED);
        let observing = observer.interval(Duration::from_millis(20)).start().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
        Self { runtime, observing: Some(observing), _turn: turn }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(task));
    }

    /// The report, once so many tasks have waited for twice the time after which they are
    /// suspected.
    fn after_waits(&self, count: usize) -> Report {
        until(|report| {
            let waiters = report.channels.iter().flat_map(|channel| &channel.waiters);
            let old = waiters.filter(|it| it.oldest_seconds > 2.0 * SUSPECTED.as_secs_f64());
            old.map(|waiters| waiters.count).sum::<usize>() >= count
        })
    }

    /// The first suspected deadlock.
    fn deadlock(&self) -> Deadlock {
        let report = until(|report| !report.deadlocks.is_empty());
        assert_eq!(report.deadlocks.len(), 1, "{:?}", report.deadlocks);
        report.deadlocks[0].clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.observing = None;
    }
}

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

/// Sends until it cannot.
async fn fill(to: &mpsc::Sender<u8>) {
    while to.send(1).await.is_ok() {}
}

/// The tasks of a deadlock and the channels that they wait for.
fn waits(deadlock: &Deadlock) -> Vec<(&str, &str)> {
    let mut waits: Vec<_> = deadlock
        .tasks
        .iter()
        .flat_map(|task| &task.waits)
        .map(|wait| (wait.op.as_str(), wait.channel.as_str()))
        .collect();
    waits.sort_unstable();
    waits
}

#[test]
fn two_tasks_that_send_to_each_other() {
    let program = Program::new();
    let (to_a, mut a) = mpsc::builder(1).named("to_a").build();
    let (to_b, mut b) = mpsc::builder(1).named("to_b").build();
    program.spawn(async move {
        to_b.send(1).await.unwrap();
        a.recv().await.unwrap();
        fill(&to_b).await;
    });
    program.spawn(async move {
        to_a.send(1).await.unwrap();
        b.recv().await.unwrap();
        fill(&to_a).await;
    });
    let deadlock = program.deadlock();
    assert_eq!(deadlock.kind, DeadlockKind::Cycle);
    assert_eq!(waits(&deadlock), [("send", "to_a"), ("send", "to_b")]);
    assert!(deadlock.tasks.iter().all(|task| task.waits[0].site.contains("deadlocks.rs:")));
    assert!(deadlock.seconds >= SUSPECTED.as_secs_f64());
    assert!(deadlock.reason.contains("wait themselves"), "{}", deadlock.reason);
}

#[test]
fn a_receiver_that_waits_for_its_own_sender() {
    let program = Program::new();
    program.spawn(async {
        let (tx, mut rx) = mpsc::builder(8).named("own").build();
        tx.send(1).await.unwrap();
        while rx.recv().await.is_some() {}
        drop(tx);
    });
    let deadlock = program.deadlock();
    assert_eq!(deadlock.kind, DeadlockKind::Itself);
    assert_eq!(waits(&deadlock), [("recv", "own")]);
    assert!(deadlock.reason.contains("drop those senders"), "{}", deadlock.reason);
}

#[test]
fn a_select_whose_branches_are_all_stuck_and_one_that_waits_for_it() {
    let program = Program::new();
    let (to_a, mut a) = mpsc::builder(1).named("to_a").build();
    let (to_b, mut b) = mpsc::builder(1).named("to_b").build();
    let (news, mut newest) = watch::builder(0).named("news").build();
    let gateway = to_a.clone();
    program.spawn(async move {
        to_b.send(1).await.unwrap();
        a.recv().await.unwrap();
        fill(&to_b).await;
    });
    program.spawn(async move {
        news.send(1).unwrap();
        to_a.send(1).await.unwrap();
        b.recv().await.unwrap();
        newest.changed().await.unwrap();
        tokio::select! {
            () = fill(&to_a) => {}
            _ = newest.changed() => {}
        }
        drop(news);
    });
    until(|report| report.channels.iter().filter(|it| it.label == "to_a").any(|it| it.sent > 1));
    program.spawn(async move { fill(&gateway).await });
    let found = |report: &Report| report.deadlocks.first().is_some_and(|it| it.others == 1);
    let report = until(found);
    let waits = waits(&report.deadlocks[0]);
    assert_eq!(waits, [("changed", "news"), ("send", "to_a"), ("send", "to_b")]);
    assert_eq!(report.graph.tasks.iter().filter(|task| task.stuck).count(), 3);
}

/// Starts the tasks of a program, and tells how many of them wait.
type Start = fn(&Program) -> usize;

/// Every program that waits for long and is alive: how many are reported is the number of false
/// positives, of which there are to be none.
#[test]
fn live_programs_are_not_suspected() {
    let programs: [(&str, Start); 8] = [
        ("idle workers", idle_workers),
        ("a select with a timer that ticks", select_with_ticks),
        ("a select with a live branch", select_with_live_branch),
        ("a permit that is out", permit_that_is_out),
        ("a weak sender", weak_sender),
        ("one receiver of two that is busy", busy_receiver),
        ("a sender that was never used", unused_sender),
        ("a queue that moves slowly", slow_queue),
    ];
    let mut suspected = Vec::new();
    for (name, start) in programs {
        let program = Program::new();
        let waits = start(&program);
        let report = program.after_waits(waits);
        suspected.extend(report.deadlocks.into_iter().map(|deadlock| (name, deadlock)));
    }
    assert_eq!(suspected, []);
}

fn idle_workers(program: &Program) -> usize {
    let (tx, rx) = mpmc::builder::<u8>(4).named("jobs").build();
    for rx in [rx.clone(), rx] {
        program.spawn(async move { while rx.recv().await.is_some() {} });
    }
    program.spawn(async move {
        tx.send(1).await.unwrap();
        tokio::time::sleep(DEADLINE).await;
        drop(tx);
    });
    2
}

fn select_with_ticks(program: &Program) -> usize {
    program.spawn(async {
        let (tx, mut rx) = mpsc::builder(1).named("ticking").build();
        tx.send(1).await.unwrap();
        rx.recv().await.unwrap();
        let mut ticks = tokio::time::interval(SUSPECTED / 10);
        let recv = rx.recv();
        tokio::pin!(recv);
        loop {
            tokio::select! {
                _ = &mut recv => break,
                _ = ticks.tick() => {}
            }
        }
        drop(tx);
    });
    1
}

fn select_with_live_branch(program: &Program) -> usize {
    let (stop, mut stopped) = mpsc::builder::<u8>(1).named("stop").build();
    program.spawn(async move {
        let (tx, mut rx) = mpsc::builder(1).named("own").build();
        tx.send(1).await.unwrap();
        rx.recv().await.unwrap();
        tokio::select! {
            _ = rx.recv() => {}
            _ = stopped.recv() => {}
        }
        drop(tx);
    });
    program.spawn(async move {
        assert!(!stop.is_closed());
        tokio::time::sleep(DEADLINE).await;
        drop(stop);
    });
    2
}

fn permit_that_is_out(program: &Program) -> usize {
    program.spawn(async {
        let (tx, mut rx) = mpsc::builder(1).named("reserved").build();
        tx.send(1).await.unwrap();
        rx.recv().await.unwrap();
        let permit = tx.clone().reserve_owned().await.unwrap();
        let _wait = tx.send(2).await;
        drop((permit, rx));
    });
    1
}

fn weak_sender(program: &Program) -> usize {
    program.spawn(async {
        let (tx, mut rx) = mpsc::builder(1).named("weak").build();
        let weak = tx.downgrade();
        tx.send(1).await.unwrap();
        rx.recv().await.unwrap();
        rx.recv().await;
        drop((tx, weak));
    });
    1
}

fn busy_receiver(program: &Program) -> usize {
    let (tx, rx) = mpmc::builder(1).named("busy").build();
    let busy = rx.clone();
    program.spawn(async move {
        busy.recv().await.unwrap();
        tokio::time::sleep(DEADLINE).await;
        drop(busy);
    });
    program.spawn(async move {
        while tx.send(1).await.is_ok() {}
        drop(rx);
    });
    1
}

fn unused_sender(program: &Program) -> usize {
    program.spawn(async {
        let (tx, mut rx) = mpsc::builder(1).named("unused").build();
        let other = tx.clone();
        tx.send(1).await.unwrap();
        rx.recv().await.unwrap();
        rx.recv().await;
        drop((tx, other));
    });
    1
}

/// The line is long: each sender waits for long, while the queue moves.
fn slow_queue(program: &Program) -> usize {
    let (tx, mut rx) = mpsc::builder(1).named("slow").build();
    for _sender in 0..100 {
        let tx = tx.clone();
        program.spawn(async move { while tx.send(1).await.is_ok() {} });
    }
    drop(tx);
    program.spawn(async move {
        while rx.recv().await.is_some() {
            tokio::time::sleep(SUSPECTED / 8).await;
        }
    });
    20
}
