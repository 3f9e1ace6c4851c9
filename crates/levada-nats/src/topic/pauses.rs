//! Pauses between attempts.

use std::time::Duration;

/// Before the first attempt there is only a short pause, so that many subscribers of one server do
/// not come back in one moment.
const SHORTEST: Duration = Duration::from_millis(100);
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses that double from 1 to 30 seconds, of which each attempt takes a random part of at least a
/// half.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    attempts: u32,
}

impl Pauses {
    /// The pause before the next attempt.
    pub(super) fn next(&mut self) -> Duration {
        let longest = match self.attempts.checked_sub(1) {
            None => SHORTEST,
            Some(doublings) => FIRST.saturating_mul(1 << doublings.min(5)).min(LONGEST),
        };
        self.attempts = self.attempts.saturating_add(1);
        longest.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
    }

    /// An attempt succeeded.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let mut pauses = Pauses::default();
        for longest in [100, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000] {
            let (pause, longest) = (pauses.next(), Duration::from_millis(longest));
            assert!(pause <= longest && pause >= longest / 2, "{pause:?} of {longest:?}");
        }
        pauses.reset();
        assert!(pauses.next() <= SHORTEST);
    }
}
