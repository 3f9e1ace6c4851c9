//! How a thread stays awake while it waits: for a lock ([`Backoff`]), or to be woken
//! ([`Patience`]).
//!
//! A thread that yields lets another thread run at once, without the cost of sleeping and of being
//! woken. But where a third thread computes, the scheduler takes the yield at its word: the
//! computing thread gets a whole time slice, of some milliseconds, and the thread that yielded
//! waits for all of it. A sleeping thread is better off, since the scheduler lets a thread that
//! wakes up run soon.
//!
//! So each yield is timed. After one that took longer than [`Crowding::LONG`] the process is
//! *crowded*, and its threads do not yield for a while. Then one thread tries again. What a thread
//! loses later for having yielded, it finds out for itself ([`Losses`]).

use core::cell::Cell;
use core::hint::spin_loop;
use core::time::Duration;
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use super::atomic::{AtomicU32, Ordering};

/// Whether other threads need the processor, as far as the last yields tell. One for the process.
static CROWDING: Crowding = Crowding::new();

/// Yields, unless yields cost too much now. Answers whether the thread yielded.
fn try_yield() -> bool {
    if !CROWDING.may_yield() {
        return false;
    }
    let start = Instant::now();
    thread::yield_now();
    CROWDING.note(start.elapsed());
    true
}

/// When threads may yield, in milliseconds since the first question.
///
/// All of it is advice, and loads and stores are not ordered: a thread that reads an old value
/// yields once too often, or once too seldom.
struct Crowding {
    /// No thread yields before this time; 0 if all may.
    until: AtomicU32,
    /// How long threads do not yield after the next long yield.
    period: AtomicU32,
}

impl Crowding {
    /// A yield that takes longer met a thread that computes.
    const LONG: Duration = Duration::from_millis(1);
    /// Long enough that one lost time slice in each is no more than some per cent.
    const FIRST_PERIOD: u32 = 100;
    const LAST_PERIOD: u32 = 1_600;

    const fn new() -> Self {
        Self { until: AtomicU32::new(0), period: AtomicU32::new(Self::FIRST_PERIOD) }
    }

    /// Milliseconds, at least 1. Wraps after 49 days.
    fn now() -> u32 {
        static START: OnceLock<Instant> = OnceLock::new();
        (START.get_or_init(Instant::now).elapsed().as_millis() as u32).max(1)
    }

    /// Whether this thread may yield. Where a period is over, one thread may, and the others wait
    /// for what it finds out.
    #[inline]
    fn may_yield(&self) -> bool {
        // ORDERING: Relaxed, no pair: advice.
        let until = self.until.load(Ordering::Relaxed);
        until == 0 || self.may_try(until, Self::now())
    }

    #[cold]
    fn may_try(&self, until: u32, now: u32) -> bool {
        // More than a period ahead is a time long past, before the clock wrapped.
        if (1..=Self::LAST_PERIOD).contains(&until.wrapping_sub(now)) {
            return false;
        }
        let next = now.wrapping_add(Self::LAST_PERIOD).max(1);
        // ORDERING: Relaxed, no pair: decides only which thread tries.
        self.until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Notes how long a yield took.
    #[inline]
    fn note(&self, took: Duration) {
        // ORDERING: Relaxed, no pair: advice.
        if took > Self::LONG || self.until.load(Ordering::Relaxed) != 0 {
            self.change(took, Self::now());
        }
    }

    /// A long yield begins a period, each four times as long as the one before; a short one ends
    /// the period, and makes the next one half as long.
    #[cold]
    fn change(&self, took: Duration, now: u32) {
        // ORDERING: Relaxed, no pair: advice.
        let period = self.period.load(Ordering::Relaxed);
        let (until, period) = if took > Self::LONG {
            (now.wrapping_add(period).max(1), Self::LAST_PERIOD.min(4 * period))
        } else {
            (0, Self::FIRST_PERIOD.max(period / 2))
        };
        // ORDERING: Relaxed, no pair: advice.
        self.until.store(until, Ordering::Relaxed);
        // ORDERING: Relaxed, no pair: advice.
        self.period.store(period, Ordering::Relaxed);
    }
}

/// How a thread waits for a lock: it spins, and then naps.
#[derive(Default)]
pub(super) struct Backoff {
    step: u32,
}

impl Backoff {
    /// Bursts of this many pause instructions, of 10 to 50 nanoseconds each. Long, so that the
    /// others get much done meanwhile with a lock that is in their cache: one that goes to and fro
    /// costs more than what is done under it.
    const BURST: u32 = 64;
    /// This many of them, and then a nap: the holder has probably lost its processor, and may need
    /// ours.
    const SPINS: u32 = 8;
    /// After a nap.
    const SPINS_LEFT: u32 = 2;
    /// Linux adds 50 microseconds to it.
    const NAP: Duration = Duration::from_micros(1);

    pub(super) fn snooze(&mut self) {
        if self.step < Self::SPINS {
            for _ in 0..Self::BURST {
                spin_loop();
            }
            self.step += 1;
        } else {
            thread::sleep(Self::NAP);
            self.step = Self::SPINS - Self::SPINS_LEFT;
        }
    }
}

thread_local! {
    /// How many pauses this thread makes before it sleeps, as the last waits tell.
    static SPINS: Cell<u32> = const { Cell::new(Patience::FIRST_SPINS) };
    /// Whether its yields have cost this thread its processor.
    static LOSSES: Cell<Losses> = const { Cell::new(Losses::NONE) };
    /// Whether the last sleep of this thread was so short that yields could have replaced it.
    static SLEPT_BRIEFLY: Cell<bool> = const { Cell::new(false) };
}

/// What a thread knows of its own yields.
///
/// Since Linux 6.6 a thread that has yielded stays behind the others for a while: when it wakes
/// another thread, that one takes its processor for a whole time slice. Where all threads that
/// share the processor wait for each other and yield, that evens out; beside one that always has
/// work, it is a loss. So a thread measures the time from the end of a wait with yields to its next
/// wait. A thread that spends it computing does not need to yield either.
#[derive(Clone, Copy)]
struct Losses {
    /// When the last wait with yields ended.
    ended: Option<Instant>,
    /// So many waits are without yields.
    skip: u32,
    /// So many more after the next loss.
    next: u32,
}

impl Losses {
    const NONE: Self = Self { ended: None, skip: 0, next: Self::FIRST };
    const LOSS: Duration = Duration::from_millis(1);
    const FIRST: u32 = 256;
    const LAST: u32 = 1 << 16;

    /// Whether a wait that begins now may yield.
    fn may_yield(&mut self, now: impl Fn() -> Instant) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let Some(ended) = self.ended.take() else { return true };
        if now().saturating_duration_since(ended) < Self::LOSS {
            self.next = Self::FIRST.max(self.next - 1);
            return true;
        }
        self.skip = self.next;
        self.next = Self::LAST.min(4 * self.next);
        false
    }
}

/// How long a thread that has nothing to do stays awake before it sleeps, which costs it and the
/// thread that wakes it some microseconds each. Bounded by a few times as many.
///
/// It first spins: twice as long each time that was worth it, and half as long each time it was
/// not. A thread on a single processor, or one that waits for long, soon spins for an instant only.
/// Then it yields, where that is no loss, and where it may help: the last sleep of the thread was
/// short.
#[derive(Default)]
pub(crate) struct Patience {
    spins: u32,
    yields: u32,
    may_yield: bool,
}

impl Patience {
    /// In pause instructions, of 10 to 50 nanoseconds each.
    const FIRST_SPINS: u32 = 64;
    const LEAST_SPINS: u32 = 8;
    const MOST_SPINS: u32 = 512;
    /// Between two looks, 1, 2, 4 and so on, up to this.
    const BURST: u32 = 16;
    /// Then come yields: with more threads than processors, the others are what is waited for.
    const YIELDS: u32 = 8;
    /// A sleep that took longer would not have ended during the yields.
    const SHORT_SLEEP: Duration = Duration::from_micros(100);

    fn limit() -> u32 {
        SPINS.try_with(Cell::get).unwrap_or(Self::LEAST_SPINS)
    }

    /// Lets some time pass, if there is any left.
    #[cold]
    pub(crate) fn is_left(&mut self) -> bool {
        let limit = Self::limit();
        if self.yields == 0 && self.spins < limit {
            let burst = (self.spins + 1).min(Self::BURST);
            (0..burst).for_each(|_| spin_loop());
            self.spins += burst;
            return true;
        }
        if self.yields == 0 {
            Self::set_limit(limit / 2);
            self.may_yield = Self::may_yield();
        }
        self.yields += 1;
        self.may_yield && self.yields <= Self::YIELDS && try_yield()
    }

    /// What the thread waited for has come while it was awake.
    #[inline]
    pub(crate) fn was_worth_it(&self) {
        if self.spins > 0 && self.yields == 0 {
            Self::set_limit(Self::limit() * 2);
        }
    }

    /// Runs `sleep`, of which the thread was woken, and remembers whether it was short.
    pub(crate) fn asleep<T>(&self, sleep: impl FnOnce() -> T) -> T {
        // WebAssembly has no clock of its own.
        let start = (!cfg!(target_family = "wasm")).then(Instant::now);
        let woken = sleep();
        let was_brief = start.is_some_and(|start| start.elapsed() < Self::SHORT_SLEEP);
        let _ = SLEPT_BRIEFLY.try_with(|slept| slept.set(was_brief));
        woken
    }

    #[cold]
    fn set_limit(spins: u32) {
        let _ = SPINS.try_with(|all| all.set(spins.clamp(Self::LEAST_SPINS, Self::MOST_SPINS)));
    }

    fn may_yield() -> bool {
        let ask = |all: &Cell<Losses>| {
            let mut losses = all.get();
            let may_yield = losses.may_yield(Instant::now);
            all.set(losses);
            may_yield
        };
        SLEPT_BRIEFLY.try_with(Cell::get).unwrap_or(false) && LOSSES.try_with(ask).unwrap_or(false)
    }
}

impl Drop for Patience {
    #[inline]
    fn drop(&mut self) {
        if self.may_yield {
            let ended = Some(Instant::now());
            let _ = LOSSES.try_with(|all| all.set(Losses { ended, ..all.get() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Crowding::LONG;
    const LONG: Duration = Duration::from_millis(3);

    /// When threads may yield again after a long yield at `now`.
    fn until(crowding: &Crowding, now: u32) -> u32 {
        crowding.change(LONG, now);
        // ORDERING: Relaxed, no pair: one thread.
        crowding.until.load(Ordering::Relaxed)
    }

    #[test]
    fn threads_yield_until_a_yield_is_long() {
        let crowding = Crowding::new();
        assert!(crowding.may_yield());
        crowding.note(SHORT);
        assert!(crowding.may_yield());
        crowding.note(LONG);
        assert!(!crowding.may_yield());
    }

    #[test]
    fn each_period_is_longer_up_to_a_bound() {
        let crowding = Crowding::new();
        for (now, period) in [(1, 100), (200, 400), (700, 1_600), (3_000, 1_600)] {
            let until = until(&crowding, now);
            assert_eq!(until, now + period);
            assert!(!crowding.may_try(until, until - 1));
        }
    }

    /// Of the threads that come after a period, one tries.
    #[test]
    fn one_thread_tries_and_its_yield_decides() {
        let crowding = Crowding::new();
        let until_then = until(&crowding, 1);
        assert!(crowding.may_try(until_then, until_then));
        // ORDERING: Relaxed, no pair: one thread.
        let claimed = crowding.until.load(Ordering::Relaxed);
        assert!(!crowding.may_try(claimed, until_then), "the others wait for the first");
        assert!(!crowding.may_try(until_then, until_then), "an old look claims nothing");

        crowding.change(SHORT, until_then);
        assert!(crowding.may_yield());
        assert_eq!(until(&crowding, 500), 700, "half of the next period");
    }

    /// A thread that lost its processor after it had yielded stops for a number of waits that grows
    /// with each loss, and shrinks where there is none.
    #[test]
    fn a_thread_whose_yields_are_losses_stops() {
        let start = Instant::now();
        let mut losses = Losses::NONE;
        assert!(losses.may_yield(|| panic!("nothing to compare with")));
        for skipped in [256, 1_024, 4_096, 16_384, 65_536, 65_536] {
            losses.ended = Some(start);
            assert!(!losses.may_yield(|| start + Losses::LOSS));
            assert_eq!((0..).take_while(|_| !losses.may_yield(|| start)).count(), skipped);
        }
        for _ in 0..65_536 - 256 {
            losses.ended = Some(start);
            assert!(losses.may_yield(|| start));
        }
        assert_eq!((losses.skip, losses.next), (0, Losses::FIRST));
    }

    /// A thread spins for longer if that was worth it, and else for an instant.
    #[test]
    fn spinning_follows_its_success() {
        let limit = Patience::limit;
        for _ in 0..10 {
            let mut patience = Patience::default();
            while patience.yields == 0 && patience.is_left() {}
        }
        assert_eq!(limit(), Patience::LEAST_SPINS);
        for _ in 0..10 {
            let mut patience = Patience::default();
            assert!(patience.is_left());
            patience.was_worth_it();
        }
        assert_eq!(limit(), Patience::MOST_SPINS);
    }

    /// A thread yields only after a short sleep: at first, and after a long sleep, it does not.
    #[test]
    fn yields_follow_the_last_sleep() {
        let may_yield = || {
            LOSSES.set(Losses::NONE);
            Patience::may_yield()
        };
        assert!(!may_yield(), "no sleep yet");
        Patience::default().asleep(|| ());
        assert!(may_yield());
        Patience::default().asleep(|| thread::sleep(2 * Patience::SHORT_SLEEP));
        assert!(!may_yield());
    }

    /// The clock wraps, and a time long past is no period.
    #[test]
    fn a_clock_that_wraps_is_no_long_period() {
        let crowding = Crowding::new();
        let end = until(&crowding, u32::MAX - 10);
        assert_eq!(end, 89);
        assert!(!crowding.may_try(end, u32::MAX));
        assert!(!crowding.may_try(end, 88));
        assert!(crowding.may_try(end, end + 1_000_000), "long past");
    }
}
