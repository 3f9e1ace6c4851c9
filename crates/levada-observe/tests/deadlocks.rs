//! Suspected deadlocks of real tasks: those that are, and those that are none.
//!
//! Each program runs on a runtime of its own, until all of its waits are old enough to be
//! suspected.
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use async_executor::LocalExecutor;
use levada::mpsc::rendezvous;
use levada::{mpmc, mpsc, oneshot, watch};
use levada_observe::report::{Deadlock, DeadlockKind, Report};
use levada_observe::{Observer, Observing};
use tokio::runtime::{Handle, Runtime};

/// A wait is suspected after this time.
const SUSPECTED: Duration = Duration::from_millis(300);
const DEADLINE: Duration = Duration::from_secs(60);

/// All tests look at all channels of the process: one after the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What a thread of a program waits for.
type Stopped = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Program {
    runtime: Runtime,
    /// Threads of the program, which end when the sender is dropped.
    threads: Mutex<Vec<JoinHandle<()>>>,
    stop: Option<tokio::sync::watch::Sender<()>>,
    observing: Option<Observing>,
    _turn: MutexGuard<'static, ()>,
}

impl Program {
    fn new() -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let observer = Observer::new().without_server().deadlock_after(SUSPECTED);
        let observing = observer.interval(Duration::from_millis(20)).start().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
        let (threads, stop) = (Mutex::default(), Some(tokio::sync::watch::Sender::new(())));
        Self { runtime, threads, stop, observing: Some(observing), _turn: turn }
    }

    /// Runs a thread in the context of the runtime. Its future ends with the program.
    fn on_thread(&self, run: impl FnOnce(&Handle, Stopped) + Send + 'static) {
        let (handle, mut receiver) =
            (self.runtime.handle().clone(), self.stop.as_ref().unwrap().subscribe());
        let stopped = Box::pin(async move { while receiver.changed().await.is_ok() {} });
        let thread = thread::spawn(move || {
            let _context = handle.enter();
            run(&handle, stopped);
        });
        self.threads.lock().unwrap().push(thread);
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
        self.stop = None;
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        threads.drain(..).for_each(|thread| drop(thread.join()));
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
        thread::sleep(Duration::from_millis(10));
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

/// A rendezvous is never full of messages: a sender that waits is all there is.
#[test]
fn two_tasks_that_hand_over_to_each_other() {
    let program = Program::new();
    let (to_a, mut a) = rendezvous::builder().named("to_a").build();
    let (to_b, mut b) = rendezvous::builder().named("to_b").build();
    program.spawn(async move {
        let (sent, received) = tokio::join!(to_b.send(1), a.recv());
        assert!(sent.is_ok() && received == Some(1));
        let _gone = to_b.send(2).await;
    });
    program.spawn(async move {
        let (sent, received) = tokio::join!(to_a.send(1), b.recv());
        assert!(sent.is_ok() && received == Some(1));
        let _gone = to_a.send(2).await;
    });
    let deadlock = program.deadlock();
    assert_eq!(deadlock.kind, DeadlockKind::Cycle);
    assert_eq!(waits(&deadlock), [("send", "to_a"), ("send", "to_b")]);
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
    let programs: [(&str, Start); 10] = [
        ("idle workers", idle_workers),
        ("a select with a timer that ticks", select_with_ticks),
        ("a select with a live branch", select_with_live_branch),
        ("a permit that is out", permit_that_is_out),
        ("a weak sender", weak_sender),
        ("one receiver of two that is busy", busy_receiver),
        ("a sender that was never used", unused_sender),
        ("a queue that moves slowly", slow_queue),
        ("an executor on a thread of the runtime", other_executor),
        ("an answer that comes late", late_answer),
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

/// For levada both tasks are the thread: one waits for what the other sends one day.
fn other_executor(program: &Program) -> usize {
    program.on_thread(|_, stopped| {
        let (tx, mut rx) = mpsc::builder(1).named("other executor").build();
        let executor = LocalExecutor::new();
        executor.spawn(async move { while rx.recv().await.is_some() {} }).detach();
        let sends = async move {
            tx.send(1).await.unwrap();
            tokio::time::sleep(DEADLINE).await;
            drop(tx);
        };
        executor.spawn(sends).detach();
        futures_lite::future::block_on(executor.run(stopped));
    });
    1
}

/// The client waits for a oneshot that it has created, and the server for the client; a third task
/// has the oneshot's sender.
fn late_answer(program: &Program) -> usize {
    let (requests, mut server) = mpsc::builder(1).named("requests").build();
    program.spawn(async move {
        let (answer, answered) = oneshot::channel::<u8>();
        requests.send(answer).await.unwrap();
        drop(answered.await);
        drop(requests);
    });
    program.spawn(async move {
        while let Some(answer) = server.recv().await {
            tokio::spawn(async move {
                tokio::time::sleep(DEADLINE).await;
                drop(answer);
            });
        }
    });
    1
}

/// What `block_on` polls has no number, as the tasks of an executor have none: see `deadlock`.
#[test]
fn the_task_of_block_on_is_suspected_if_it_is_spawned() {
    async fn main() {
        let (tx, mut rx) = mpsc::builder(8).named("main").build();
        tx.send(1).await.unwrap();
        while rx.recv().await.is_some() {}
        drop(tx);
    }
    let program = Program::new();
    program.on_thread(|handle, stopped| {
        handle.block_on(async {
            tokio::select! {
                () = main() => {}
                () = stopped => {}
            }
        });
    });
    assert_eq!(program.after_waits(1).deadlocks, []);
    program.spawn(main());
    assert_eq!(waits(&program.deadlock()), [("recv", "main")]);
}
