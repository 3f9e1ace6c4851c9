//! Runs a program on each of several threads and records what they do.
//!
//! # The clock
//! One atomic counter. An operation takes a number before it begins and one after it has ended: if
//! the end of one is smaller than the beginning of another, the first had returned before the
//! second was called.
//!
//! # The end
//! A thread whose future is pending sleeps until its waker is woken. `still` counts the threads
//! that sleep or are done. Nobody but a thread that is awake wakes another, and a wake takes the
//! sleeper out of the count before the waking thread itself can enter it; so once `still` reaches
//! the number of threads nothing can happen any more, and the run is over. What is left of the
//! channel is kept until all have seen that, as its drop would wake others.

use std::any::Any;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use fastrand::Rng;
use support::hooked_waker;

// ORDERING: SeqCst everywhere in this file: a test's own bookkeeping, where speed does not matter.
const SEQ_CST: Ordering = Ordering::SeqCst;

/// What runs the programs: the operating system's threads, or a scheduler that takes their place.
pub trait Threads {
    /// Runs each on a thread of its own, and returns when all have ended.
    fn run(&self, programs: Vec<Box<dyn FnOnce() + Send>>);

    /// What a thread calls to let others go first.
    fn yield_now(&self) -> fn();
}

/// The operating system's threads.
#[derive(Clone, Copy, Debug)]
pub struct Native;

impl Threads for Native {
    fn run(&self, programs: Vec<Box<dyn FnOnce() + Send>>) {
        thread::scope(|scope| {
            for program in programs {
                scope.spawn(program);
            }
        });
    }

    fn yield_now(&self) -> fn() {
        thread::yield_now
    }
}

/// An operation that was done.
#[derive(Clone)]
pub struct Event<O> {
    /// Who did it.
    pub actor: usize,
    /// When it was called.
    pub begin: usize,
    /// When it had returned.
    pub end: usize,
    /// What it was, and what it gave.
    pub op: O,
}

impl<O> Event<O> {
    /// Whether neither had ended when the other began.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.begin < other.end && other.begin < self.end
    }
}

impl<O: Debug> Debug for Event<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { actor, begin, end, op } = self;
        write!(f, "{begin:>4} ..{end:>4}  {:indent$}{actor}: {op:?}", "", indent = actor * 24)
    }
}

/// What one thread does.
pub type Program<O> = Box<dyn FnOnce(&mut Actor<O>) + Send>;

/// Runs the programs at the same time. Gives what they did, in the order of the beginnings.
///
/// # Panics
/// As a program does.
pub fn record<O>(seed: u64, threads: &impl Threads, programs: Vec<Program<O>>) -> Vec<Event<O>>
where
    O: Send + 'static,
{
    let stage = Arc::new(Stage {
        clock: AtomicUsize::new(0),
        actors: programs.len(),
        ready: AtomicUsize::new(0),
        still: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
        yield_now: threads.yield_now(),
    });
    // Locked once by each thread, when it is done.
    let done = Arc::new(Mutex::new(Vec::new()));
    let run = programs.into_iter().enumerate().map(|(id, program)| {
        let mut actor = Actor::new(id, seed, Arc::clone(&stage));
        let done = Arc::clone(&done);
        Box::new(move || {
            actor.stage.wait_for_all();
            // Others would wait for ever for an actor that does not leave.
            let result = catch_unwind(AssertUnwindSafe(|| program(&mut actor)));
            actor.leave();
            if let Err(panic) = result {
                resume_unwind(panic);
            }
            done.lock().expect("nobody panics with it").push(actor);
        }) as Box<dyn FnOnce() + Send>
    });
    threads.run(run.collect());
    let actors = std::mem::take(&mut *done.lock().expect("nobody panics with it"));
    assert_eq!(actors.len(), stage.actors, "every program ends");
    let mut events: Vec<_> = actors.into_iter().flat_map(|mut a| a.events.split_off(0)).collect();
    events.sort_by_key(|event| (event.begin, event.actor));
    events
}

/// What the actors share.
struct Stage {
    clock: AtomicUsize,
    actors: usize,
    ready: AtomicUsize,
    /// Actors that sleep or are done.
    still: AtomicUsize,
    is_over: AtomicBool,
    yield_now: fn(),
}

impl Stage {
    fn now(&self) -> usize {
        self.clock.fetch_add(1, SEQ_CST)
    }

    fn wait_for_all(&self) {
        self.ready.fetch_add(1, SEQ_CST);
        while self.ready.load(SEQ_CST) < self.actors {
            self.relax();
        }
    }

    /// Between two looks at something that another thread will change: soon, if it has a core.
    fn relax(&self) {
        (0..16).for_each(|_| std::hint::spin_loop());
        (self.yield_now)();
    }
}

/// Who runs a program: the thread's log, its random numbers and its sleep.
pub struct Actor<O> {
    id: usize,
    /// Draws what to do.
    pub rng: Rng,
    events: Vec<Event<O>>,
    values: u8,
    stage: Arc<Stage>,
    sleep: Arc<Sleep>,
    waker: Waker,
    /// What must not drop before the end.
    kept: Vec<Box<dyn Any + Send>>,
}

impl<O> Debug for Actor<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<O> Actor<O> {
    fn new(id: usize, seed: u64, stage: Arc<Stage>) -> Self {
        let mut rng = Rng::with_seed(seed.wrapping_mul(64).wrapping_add(id as u64));
        let sleep = Arc::new(Sleep::default());
        let waker = waker(rng.u32(..), Arc::clone(&stage), Arc::clone(&sleep));
        Self { id, rng, events: Vec::new(), values: 0, stage, sleep, waker, kept: Vec::new() }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> usize {
        self.id
    }

    /// A value that nobody else sends.
    ///
    /// # Panics
    /// In a run with more than 8 actors.
    pub fn value(&mut self) -> u8 {
        self.values += 1;
        u8::try_from(self.id * 32).expect("at most 8 actors") + self.values
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage.is_over.load(SEQ_CST)
    }

    /// Lets others go first, perhaps.
    pub fn jitter(&mut self) {
        match self.rng.u8(..8) {
            0 => (self.stage.yield_now)(),
            1 | 2 => (0..self.rng.u8(..8)).for_each(|_| std::hint::spin_loop()),
            _ => {}
        }
    }

    /// Does one operation and records it.
    pub fn record(&mut self, op: impl FnOnce() -> O) {
        self.record_steps(|| vec![op()]);
    }

    /// Does one operation and records each of its steps as having been done at some time meanwhile.
    pub fn record_steps(&mut self, op: impl FnOnce() -> Vec<O>) {
        let begin = self.stage.now();
        let steps = op();
        let end = self.stage.now();
        let actor = self.id;
        self.events.extend(steps.into_iter().map(|op| Event { actor, begin, end, op }));
    }

    /// Polls until the future is ready, this actor has enough of it, or the run is over.
    pub fn wait<F: Future>(&mut self, future: F, ops: &Polled<'_, F::Output, O>) {
        let mut patience = (self.rng.u8(..3) == 0).then(|| self.rng.u8(..4));
        let mut future = Some(Box::pin(future));
        while let Some(pending) = &mut future {
            self.sleep.state.store(AWAKE, SEQ_CST);
            let waker = self.waker.clone();
            let mut is_pending = false;
            self.record_steps(|| {
                let poll = pending.as_mut().poll(&mut Context::from_waker(&waker));
                is_pending = poll.is_pending();
                (ops.poll)(poll)
            });
            if !is_pending {
                future = None;
            } else if patience == Some(0) {
                (0..self.rng.u8(..4)).for_each(|_| (self.stage.yield_now)());
                self.record(|| {
                    future = None;
                    (ops.cancelled)()
                });
            } else if !self.sleep() {
                self.record(ops.starved);
                future = None;
            }
            patience = patience.map(|polls| polls.saturating_sub(1));
        }
    }

    /// Keeps something until all actors are done.
    pub fn keep(&mut self, what: impl Send + 'static) {
        self.kept.push(Box::new(what));
    }

    /// Sleeps until it is woken, or nobody is left who could. Answers whether to go on.
    fn sleep(&self) -> bool {
        let state = &self.sleep.state;
        if state.compare_exchange(AWAKE, ASLEEP, SEQ_CST, SEQ_CST).is_err() {
            return true;
        }
        let stage = &self.stage;
        stage.still.fetch_add(1, SEQ_CST);
        while state.load(SEQ_CST) == ASLEEP {
            if stage.still.load(SEQ_CST) == stage.actors {
                stage.is_over.store(true, SEQ_CST);
            }
            if stage.is_over.load(SEQ_CST) {
                return false;
            }
            stage.relax();
        }
        !stage.is_over.load(SEQ_CST)
    }

    /// It is done, and never wakes another again.
    fn leave(&self) {
        self.sleep.state.store(AWAKE, SEQ_CST);
        self.stage.still.fetch_add(1, SEQ_CST);
    }
}

/// What to record of a future.
#[expect(missing_debug_implementations, reason = "three functions")]
pub struct Polled<'a, R, O> {
    /// The steps of a poll with this result.
    pub poll: &'a dyn Fn(Poll<R>) -> Vec<O>,
    /// The drop of the future while it is pending.
    pub cancelled: &'a dyn Fn() -> O,
    /// It is pending when the run is over.
    pub starved: &'a dyn Fn() -> O,
}

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const WOKEN: u8 = 2;

#[derive(Default)]
struct Sleep {
    state: AtomicU8,
}

/// A waker whose bits, one for each event in its life, say when it lets others go first.
fn waker(bits: u32, stage: Arc<Stage>, sleep: Arc<Sleep>) -> Waker {
    let turn = AtomicUsize::new(0);
    hooked_waker(move |event| {
        if event == support::Event::Wake && sleep.state.swap(WOKEN, SEQ_CST) == ASLEEP {
            stage.still.fetch_sub(1, SEQ_CST);
        }
        if bits.rotate_right(turn.fetch_add(1, SEQ_CST) as u32) & 3 == 0 {
            (stage.yield_now)();
        }
    })
}
