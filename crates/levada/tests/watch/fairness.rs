//! Readers and writers that are at it all the time: every one gets through, and no thread waits
//! for ever.

use crate::shared::let_others_run;
use levada::watch;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::within_deadline;

/// So often a writer has to get through between readers: within the deadline, which is far more
/// than it takes.
const TIMES: usize = if cfg!(miri) { 3 } else { 500 };

/// So often two threads have to take turns, which takes the scheduler each time.
const TURNS: usize = if cfg!(miri) { 3 } else { 100 };

/// What a reader or a writer does with the value.
fn work() {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(20) {
        std::hint::spin_loop();
    }
}

/// The threads of a test that go on until it has seen enough.
#[derive(Clone, Default)]
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn spawn(&self, mut f: impl FnMut() + Send + 'static) -> thread::JoinHandle<()> {
        let is_over = Arc::clone(&self.0);
        thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                f();
            }
        })
    }

    fn end(&self, threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
        self.0.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().expect("it panicked"));
    }
}

/// Readers that overlap each other.
fn readers(busy: &Busy, rx: &watch::Receiver<usize>) -> [thread::JoinHandle<()>; 3] {
    [(); 3].map(|()| {
        let rx = rx.clone();
        busy.spawn(move || {
            let look = rx.borrow();
            work();
            drop(look);
        })
    })
}

/// C61.
#[test]
fn a_writer_gets_through_between_readers() {
    within_deadline(|| {
        let (tx, rx) = watch::channel(0);
        let busy = Busy::default();
        let readers = readers(&busy, &rx);
        for _ in 0..TIMES {
            tx.send_modify(|value| *value += 1);
        }
        for times in 0..TURNS {
            assert_eq!(tx.send_replace(TIMES + times + 1), TIMES + times);
        }
        busy.end(readers);
        assert_eq!(*rx.borrow(), TIMES + TURNS);
    });
}

/// C61, on the thread of a runtime: the other tasks go on.
#[cfg(feature = "tokio")]
#[test]
fn a_writer_in_a_task_does_not_freeze_the_runtime() {
    within_deadline(|| {
        let (tx, rx) = watch::channel(0);
        let busy = Busy::default();
        let readers = readers(&busy, &rx);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let rounds = runtime.block_on(async {
            let writer = tokio::spawn(async move {
                for _ in 0..TIMES {
                    tx.send_if_modified(|value| {
                        *value += 1;
                        true
                    });
                    tokio::task::yield_now().await;
                }
            });
            let mut rounds = 0;
            while !writer.is_finished() {
                rounds += 1;
                tokio::task::yield_now().await;
            }
            rounds
        });
        assert!(rounds >= TIMES, "{rounds} rounds beside {TIMES} modifications");
        busy.end(readers);
        assert_eq!(*rx.borrow(), TIMES);
    });
}

/// C61, the other way round.
#[test]
fn a_reader_gets_through_between_modifications() {
    within_deadline(|| {
        let (tx, rx) = watch::channel((0, 0));
        let busy = Busy::default();
        let writer = busy.spawn(move || {
            tx.send_modify(|value| {
                value.0 += 1;
                work();
                value.1 += 1;
            });
        });
        // The thread may run for long without the other one: only what differs counts.
        let (mut times, mut last) = (0, 0);
        while times < TURNS {
            let look = rx.borrow();
            assert_eq!(look.0, look.1);
            times += usize::from(look.0 > last);
            last = look.0;
        }
        busy.end([writer]);
    });
}

/// C61, among writers.
#[test]
fn a_writer_gets_through_beside_another() {
    within_deadline(|| {
        // Which of the two was the last, and how often it was another one than before.
        let (tx, _rx) = watch::channel((false, 0));
        let modify = |tx: &watch::Sender<(bool, usize)>, is_first| {
            tx.send_modify(|(last, turns)| {
                work();
                *turns += usize::from(*last != is_first);
                *last = is_first;
            });
        };
        let busy = Busy::default();
        let other = tx.clone();
        let writer = busy.spawn(move || modify(&other, false));
        while tx.borrow().1 < TURNS {
            modify(&tx, true);
        }
        busy.end([writer]);
    });
}

/// Runs `between` on a thread that holds a `Ref`, while a writer waits for that.
fn while_a_writer_waits(between: impl FnOnce(&watch::Receiver<usize>)) {
    let (tx, rx) = watch::channel(0);
    let held = rx.borrow();
    let writer = thread::spawn(move || tx.send_modify(|value| *value += 1));
    let_others_run();
    between(&rx);
    assert!(!writer.is_finished() && *held == 0);
    drop(held);
    writer.join().expect("it panicked");
    assert_eq!(*rx.borrow(), 1);
}

/// C52.
#[test]
fn a_thread_with_a_look_takes_more_past_a_waiting_writer() {
    within_deadline(|| {
        while_a_writer_waits(|rx| {
            let busy = Busy::default();
            let readers = readers(&busy, rx);
            let looks: Vec<_> = (0..100).map(|_| rx.borrow()).collect();
            for _ in 0..10_000 {
                assert_eq!(*rx.borrow(), 0);
            }
            drop(looks);
            busy.end(readers);
        });
    });
}

/// C52, where the thread with the look waits for another one that looks.
#[test]
fn threads_that_wait_for_each_other_pass_a_waiting_writer() {
    within_deadline(|| {
        while_a_writer_waits(|rx| {
            for _ in 0..100 {
                let rx = rx.clone();
                thread::spawn(move || assert_eq!(*rx.borrow(), 0)).join().unwrap();
            }
        });
    });
}

/// C7. What is forgotten keeps a modification waiting until the next `send`, and nobody else.
#[test]
fn a_forgotten_look_stops_the_modification_only() {
    within_deadline(|| {
        let (tx, rx) = watch::channel(0);
        let other = rx.clone();
        thread::spawn(move || support::forget(support::leak(other).borrow())).join().unwrap();
        let modifier = tx.clone();
        let writer = thread::spawn(move || modifier.send_modify(|value| *value += 1));
        let looks = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        assert_eq!(*rx.borrow(), 0);
                        looks.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert!(looks.into_inner() == 2_000 && !writer.is_finished());
        tx.send(10).unwrap();
        writer.join().unwrap();
        assert_eq!(*rx.borrow(), 11);
    });
}
