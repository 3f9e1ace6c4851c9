//! What the observer's thread, the server and the callers of [`report`] share.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use levada::observe::snapshot;

use crate::assemble;
use crate::history::History;
use crate::limits::Limits;
use crate::report::Report;
use crate::transitions::{Transition, Transitions};

/// How long the steps of the window are.
const STEP: Duration = Duration::from_secs(1);
/// The time between two snapshots without an observer: channels that do not move in it are quiet.
const ONE_SHOT: Duration = Duration::from_millis(50);

/// The observer that runs, the last one if there are several.
static CURRENT: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// What was seen so far.
#[derive(Debug)]
pub(super) struct Shared {
    limits: Limits,
    window: Duration,
    seen: Mutex<Seen>,
    stops: Mutex<bool>,
    stopping: Condvar,
}

#[derive(Debug)]
struct Seen {
    history: History,
    transitions: Transitions,
    rotated: Instant,
    checked: Instant,
}

impl Shared {
    pub(super) fn new(limits: Limits, window: Duration) -> Self {
        let now = Instant::now();
        let seen = Seen {
            history: History::new(window, STEP),
            transitions: Transitions::default(),
            rotated: now,
            checked: now,
        };
        let (seen, stops) = (Mutex::new(seen), Mutex::new(false));
        Self { limits, window, seen, stops, stopping: Condvar::new() }
    }

    /// Makes it the one that [`report`] asks.
    pub(super) fn make_current(self: &Arc<Self>) {
        *lock(&CURRENT) = Arc::downgrade(self);
    }

    /// Takes a sample. Once a second, what has begun or ended.
    pub(super) fn sample(&self) -> Vec<Transition> {
        let snapshot = snapshot();
        let mut seen = lock(&self.seen);
        seen.history.sample(&snapshot);
        if snapshot.taken.saturating_duration_since(seen.rotated) >= self.window / 2 {
            seen.history.rotate_queue_times(&snapshot);
            seen.rotated = snapshot.taken;
        }
        if snapshot.taken.saturating_duration_since(seen.checked) < STEP {
            return Vec::new();
        }
        seen.checked = snapshot.taken;
        let report = assemble::report(&snapshot, &seen.history, &self.limits, true);
        seen.transitions.step(&report, snapshot.taken)
    }

    pub(super) fn report(&self) -> Report {
        let snapshot = snapshot();
        let mut seen = lock(&self.seen);
        seen.history.sample(&snapshot);
        assemble::report(&snapshot, &seen.history, &self.limits, true)
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        *lock(&self.stops) = true;
        self.stopping.notify_all();
    }

    /// Waits for so long; whether the thread is to go on.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let stops = lock(&self.stops);
        let waited = self.stopping.wait_timeout_while(stops, time, |stops| !*stops);
        let (stops, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !*stops
    }
}

/// The report of the observer that runs, or of this moment if none does.
pub(super) fn report() -> Report {
    let current = lock(&CURRENT).upgrade();
    current.map_or_else(one_shot, |shared| shared.report())
}

/// A report without a window.
fn one_shot() -> Report {
    let limits = Limits::default();
    let mut history = History::new(STEP, STEP);
    let mut now = snapshot();
    history.sample(&now);
    if assemble::may_be_deadlocked(&now, &limits) {
        std::thread::sleep(ONE_SHOT);
        now = snapshot();
        history.sample(&now);
    }
    assemble::report(&now, &history, &limits, false)
}

/// A panic under one of these locks leaves nothing half done that matters.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
