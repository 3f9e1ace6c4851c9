//! The harness refutes queues that are wrong: each fault of a wrapper around a correct queue is
//! found, and the correct one passes.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use levada::mpmc::error::TryRecvError;
use linearizability::queue::{Op, Queue, Refused};
use linearizability::{Actor, Event, Native, Program, explore, record};

/// What is wrong with the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// Gives the newest message if another thread came in between two locks.
    LastInFirstOut,
    /// Reads and removes in two steps: one message may come twice, and another one never.
    Torn,
    /// Loses the message if another thread sent in between.
    Lost,
    /// Tells the length that a counter had before.
    StaleLen,
    /// Looks whether there is room, and then stores.
    Overfull,
}

const CAPACITY: usize = 2;

struct Racy {
    fault: Fault,
    queue: Mutex<VecDeque<u8>>,
    len: AtomicUsize,
    changes: AtomicUsize,
}

impl Racy {
    fn new(fault: Fault) -> Self {
        let (queue, len, changes) = Default::default();
        Self { fault, queue, len, changes }
    }

    fn locked<R>(&self, f: impl FnOnce(&mut VecDeque<u8>) -> R) -> R {
        f(&mut self.queue.lock().expect("nobody panics with it"))
    }

    /// Lets others in, and tells whether one changed something.
    fn is_disturbed(&self) -> bool {
        // ORDERING: SeqCst, no pair: a test's own count.
        let before = self.changes.load(Ordering::SeqCst);
        std::thread::yield_now();
        // ORDERING: as above.
        before != self.changes.load(Ordering::SeqCst)
    }

    fn changed(&self) {
        // ORDERING: SeqCst, no pair: a test's own count.
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn try_send(&self, value: u8) -> Result<(), Refused> {
        if self.fault == Fault::Overfull && self.locked(|queue| queue.len()) < CAPACITY {
            std::thread::yield_now();
            self.locked(|queue| queue.push_back(value));
            return Ok(());
        }
        let lost = self.fault == Fault::Lost && self.is_disturbed();
        let sent = self.locked(|queue| {
            let room = queue.len() < CAPACITY;
            if room && !lost {
                queue.push_back(value);
            }
            room
        });
        self.changed();
        if self.fault == Fault::StaleLen {
            std::thread::yield_now();
        }
        // ORDERING: SeqCst, no pair: it is meant to be late.
        self.len.fetch_add(usize::from(sent), Ordering::SeqCst);
        if sent { Ok(()) } else { Err(Refused::Full) }
    }

    fn try_recv(&self) -> Result<u8, TryRecvError> {
        let front = self.locked(|queue| queue.front().copied());
        let disturbed = self.is_disturbed();
        let message = self.locked(|queue| match self.fault {
            Fault::LastInFirstOut if disturbed => queue.pop_back(),
            Fault::Torn => queue.pop_front().and(front),
            _ => queue.pop_front(),
        });
        self.changed();
        // ORDERING: SeqCst, no pair: it is meant to be late.
        self.len.fetch_sub(usize::from(message.is_some()), Ordering::SeqCst);
        message.ok_or(TryRecvError::Empty)
    }

    fn len(&self) -> usize {
        match self.fault {
            // ORDERING: SeqCst, no pair: it is meant to be late.
            Fault::StaleLen => self.len.load(Ordering::SeqCst),
            _ => self.locked(|queue| queue.len()),
        }
    }
}

fn run(seed: u64, fault: Fault) -> (Queue, Vec<Event<Op>>) {
    let racy = Arc::new(Racy::new(fault));
    let program = |_| {
        let racy = Arc::clone(&racy);
        Box::new(move |actor: &mut Actor<Op>| {
            for _ in 0..8 {
                match actor.rng.u8(..5) {
                    0 | 1 => {
                        let (id, value) = (actor.id(), actor.value());
                        actor.record_steps(|| match racy.try_send(value) {
                            Ok(()) => vec![Op::TakeRoom(id), Op::TrySend(id, value, Ok(()))],
                            refused @ Err(_) => vec![Op::TrySend(id, value, refused)],
                        });
                    }
                    2 | 3 => actor.record(|| Op::TryRecv(racy.try_recv())),
                    _ => actor.record(|| Op::Len(racy.len())),
                }
            }
        }) as Program<Op>
    };
    let queue = Queue { capacity: CAPACITY, senders: 3, receivers: 3, promises: false };
    (queue, record(seed, &Native, (0..3).map(program).collect()))
}

#[test]
fn a_queue_that_is_right_passes() {
    let tally = explore("a right queue", 300, |seed| run(seed, Fault::Nothing));
    assert!(tally.reordered > 0, "no history in which the order of the calls is not the answer");
}

#[test]
fn queues_that_are_wrong_are_refuted() {
    let faults =
        [Fault::LastInFirstOut, Fault::Torn, Fault::Lost, Fault::StaleLen, Fault::Overfull];
    for fault in faults {
        let refute = || explore("a wrong queue", 5000, |seed| run(seed, fault));
        let panic = catch_unwind(AssertUnwindSafe(refute)).expect_err(&format!("{fault:?} passed"));
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.contains("not linearizable"), "{fault:?}: {message}");
        println!("{fault:?}: {}", message.lines().next().unwrap_or_default());
    }
}
