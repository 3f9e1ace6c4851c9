//! How many operations a round has: the same number for all contenders of a cell.

use crate::cell::Round;
use std::time::Duration;

/// Rounds shorter than this say too little about the cost of an operation.
const ENOUGH: Duration = Duration::from_millis(2);

/// What a round may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// About, for the contender that others are measured by.
    pub(crate) usual: Duration,
}

impl Budget {
    /// At most, for the slowest.
    fn longest(self) -> Duration {
        self.usual * 3
    }
}

/// A round that took long is run again this often: it may have been a thread that did not get a
/// core.
const AGAIN: usize = 4;

/// Finds out how many nanoseconds an operation takes, with growing rounds.
pub(crate) fn cost(mut round: impl FnMut(u64) -> Result<Round, String>) -> Result<f64, String> {
    let mut time = |n| match round(n)? {
        Round::Time(elapsed) => Ok(elapsed),
        _ => Err("a calibrated cell measures time".to_owned()),
    };
    let mut n = 64;
    loop {
        let mut elapsed = time(n)?;
        for _ in 0..AGAIN {
            if elapsed < ENOUGH {
                break;
            }
            elapsed = elapsed.min(time(n)?);
        }
        let nanoseconds = elapsed.as_nanos() as f64;
        if elapsed >= ENOUGH || n >= 1 << 30 {
            return Ok(nanoseconds / n as f64);
        }
        // Not more than eight times as many: what is measured at first is a cold start.
        let wanted = 1.5 * ENOUGH.as_nanos() as f64 / nanoseconds.max(1.0);
        n = (n as f64 * wanted.clamp(1.5, 8.0)) as u64;
    }
}

/// The number of operations of a round: `usual` decides, unless the slowest would take too long.
pub(crate) fn operations(budget: Budget, usual: f64, slowest: f64) -> u64 {
    let by_usual = budget.usual.as_nanos() as f64 / usual;
    let by_slowest = budget.longest().as_nanos() as f64 / slowest;
    (by_usual.min(by_slowest) as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { usual: Duration::from_millis(20) };

    #[test]
    fn finds_the_cost_whatever_it_is() {
        for cost_of_one in [0.5, 15.0, 200.0, 50_000.0, 3e6] {
            let mut rounds = 0;
            let found = cost(|n| {
                rounds += 1;
                Ok(Round::Time(Duration::from_nanos((n as f64 * cost_of_one) as u64)))
            });
            let found = found.unwrap();
            assert!((found / cost_of_one - 1.0).abs() < 0.01, "{found} for {cost_of_one}");
            assert!(rounds <= 10 + AGAIN, "{rounds} rounds for {cost_of_one}");
        }
    }

    #[test]
    fn a_thread_that_got_no_core_does_not_count() {
        let mut rounds = 0;
        let found = cost(|n| {
            rounds += 1;
            let held_up = if rounds % 3 == 0 { 9e6 } else { 0.0 };
            Ok(Round::Time(Duration::from_nanos((n as f64 * 10.0 + held_up) as u64)))
        });
        assert!((found.unwrap() / 10.0 - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_failure_ends_it() {
        assert_eq!(cost(|_| Err("hangs".into())), Err("hangs".to_owned()));
    }

    #[test]
    fn the_usual_decides_unless_the_slowest_would_take_too_long() {
        assert_eq!(operations(BUDGET, 100.0, 250.0), 200_000);
        assert_eq!(operations(BUDGET, 100.0, 600.0), 100_000);
        assert_eq!(operations(BUDGET, 1e9, 1e9), 1);
    }
}
