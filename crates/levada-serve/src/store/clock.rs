//! Whether the clock is right.
//!
//! The clock may run ahead and be set back later, by an administrator or when a machine that has
//! just started gets the time from the network. Jobs deleted in between would not come back. So a
//! clock that jumps is believed only after it has run on for a while, and the time that passes is
//! measured by the monotonic clock, which cannot be set.

use std::time::{Duration, Instant};

use crate::job::Moment;

/// How far from the time that has passed it may have moved since it was looked at last: more than
/// it is corrected by while it runs.
const SLACK: Duration = Duration::from_secs(60);

/// How long the service may have been down, so that the clock is believed at once.
const DOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// How long it has to run on after a jump.
pub(crate) const PROBATION: Duration = Duration::from_secs(60 * 60);

#[derive(Debug)]
pub(crate) struct Clock {
    /// What it showed when it was looked at last, and when that was.
    last: (Moment, Instant),
    /// When it can be believed.
    right_from: Instant,
}

impl Clock {
    /// `known` is the latest time that the store knows of.
    pub(crate) fn new(shows: Moment, now: Instant, known: Option<Moment>) -> Self {
        let is_right =
            known.is_none_or(|known| known <= shows.after(SLACK) && shows.since(known) <= DOWN);
        let right_from = if is_right { now } else { now + PROBATION };
        Self { last: (shows, now), right_from }
    }

    /// The time, if the clock, which shows this, can be believed.
    pub(crate) fn time(&mut self, shows: Moment, now: Instant) -> Option<Moment> {
        let (before, then) = self.last;
        let expected = before.after(now - then);
        if shows.since(expected).max(expected.since(shows)) > SLACK {
            self.right_from = now + PROBATION;
        }
        self.last = (shows, now);
        (now >= self.right_from).then_some(shows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = DOWN;
    const STEP: Duration = Duration::from_secs(10);

    /// A clock, what it shows, and the time that has passed.
    struct Bench(Clock, Moment, Instant);

    impl Bench {
        fn new(known: Option<Moment>) -> Self {
            let (shows, now) = (Moment(1_800_000_000_000), Instant::now());
            Self(Clock::new(shows, now, known), shows, now)
        }

        /// What is believed after this time.
        fn after(&mut self, time: Duration) -> Option<Moment> {
            (self.1, self.2) = (self.1.after(time), self.2 + time);
            self.0.time(self.1, self.2)
        }
    }

    #[test]
    fn a_clock_that_runs_is_believed() {
        let mut bench = Bench::new(None);
        for _ in 0..10 {
            // It is corrected a little.
            bench.1 = bench.1.after(Duration::from_secs(50));
            assert_eq!(bench.after(STEP), Some(bench.1));
            bench.1.0 -= 50_000;
            assert_eq!(bench.after(STEP), Some(bench.1));
        }
    }

    #[test]
    fn a_clock_that_runs_ahead_and_is_set_back_is_not_believed_in_between() {
        let mut bench = Bench::new(None);
        let right = bench.1;
        bench.1 = right.after(3650 * DAY);
        for _ in 0..10 {
            assert_eq!(bench.after(STEP), None);
        }
        bench.1 = right.after(10 * STEP);
        assert_eq!(bench.after(STEP), None);
        assert_eq!(bench.after(PROBATION - STEP), None);
        assert_eq!(bench.after(STEP), Some(right.after(PROBATION + 11 * STEP)));
    }

    #[test]
    fn a_clock_that_stays_where_it_jumped_to_is_believed_later() {
        for ahead in [true, false] {
            let mut bench = Bench::new(None);
            bench.1 = if ahead { bench.1.after(DAY) } else { Moment(1_000_000) };
            assert_eq!(bench.after(STEP), None);
            assert_eq!(bench.after(PROBATION), Some(bench.1));
        }
    }

    #[test]
    fn a_clock_that_is_far_from_what_the_store_knows_is_believed_later() {
        let shows = Bench::new(None).1;
        for (known, believed) in [
            (shows, true),
            (Moment(shows.0 - 86_400_000), true),
            (Moment(shows.0 - 86_400_001), false),
            (Moment(0), false),
            (shows.after(SLACK), true),
            (shows.after(SLACK + STEP), false),
        ] {
            let mut bench = Bench::new(Some(known));
            assert_eq!(bench.after(STEP).is_some(), believed, "{known:?}");
            assert_eq!(bench.after(PROBATION), Some(bench.1), "{known:?}");
        }
    }
}
