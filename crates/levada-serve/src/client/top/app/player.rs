//! Where a replay is.

use std::time::Duration;

/// The longest pause between two reports, before speed: a recording may have gaps.
const LONGEST: f64 = 5.0;
/// A screen is drawn no more often.
const SHORTEST: Duration = Duration::from_millis(20);
/// The powers of two that speed can be.
const SPEEDS: std::ops::RangeInclusive<i32> = -3..=6;

/// A replay: which of the reports is shown, and how fast they follow each other.
#[derive(Debug, Clone)]
pub(in super::super) struct Player {
    /// When each report was made, in seconds.
    times: Vec<f64>,
    at: usize,
    plays: bool,
    /// As a power of two.
    speed: i32,
}

impl Player {
    /// At the first of the reports, of which there is one at least.
    pub(in super::super) fn new(times: Vec<f64>) -> Self {
        Self { times, at: 0, plays: true, speed: 0 }
    }

    pub(in super::super) fn at(&self) -> usize {
        self.at
    }

    pub(in super::super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(in super::super) fn plays(&self) -> bool {
        self.plays && !self.is_last()
    }

    fn is_last(&self) -> bool {
        self.at + 1 >= self.times.len()
    }

    /// `×1`, `×4`, `×1/2`.
    pub(in super::super) fn speed(&self) -> String {
        let factor = 1 << self.speed.unsigned_abs();
        if self.speed < 0 { format!("×1/{factor}") } else { format!("×{factor}") }
    }

    /// How long the report that is shown stays.
    pub(in super::super) fn stays(&self) -> Option<Duration> {
        let next = self.times.get(self.at + 1).filter(|_| self.plays)?;
        let pause = (next - self.times[self.at]).clamp(0.0, LONGEST) / 2_f64.powi(self.speed);
        Some(Duration::try_from_secs_f64(pause).unwrap_or_default().max(SHORTEST))
    }

    /// Goes on to the next report while it plays. Whether another one is to be shown.
    pub(super) fn tick(&mut self) -> bool {
        self.plays() && self.go(self.at + 1)
    }

    /// Plays or pauses; at the end, it begins again.
    pub(super) fn toggle(&mut self) -> bool {
        if self.is_last() && self.len() > 1 {
            self.plays = true;
            return self.go(0);
        }
        self.plays = !self.plays;
        false
    }

    /// Pauses and goes a number of reports further on, or back.
    pub(super) fn step(&mut self, by: isize) -> bool {
        self.plays = false;
        self.go(self.at.saturating_add_signed(by))
    }

    fn go(&mut self, to: usize) -> bool {
        let to = to.min(self.len().saturating_sub(1));
        let moves = to != self.at;
        self.at = to;
        moves
    }

    pub(super) fn faster(&mut self, by: i32) {
        self.speed = (self.speed + by).clamp(*SPEEDS.start(), *SPEEDS.end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_plays_to_the_end_and_again() {
        let mut player = Player::new(vec![0.0, 1.0, 100.0]);
        assert_eq!(player.stays(), Some(Duration::from_secs(1)));
        assert!(player.tick());
        assert_eq!(player.stays(), Some(Duration::from_secs(5)), "a gap is short");
        assert!(player.tick() && !player.plays());
        assert_eq!((player.at(), player.stays(), player.tick()), (2, None, false));
        assert!(player.toggle());
        assert_eq!((player.at(), player.plays()), (0, true));
        assert!(!player.toggle());
        assert_eq!((player.plays(), player.stays(), player.tick()), (false, None, false));
    }

    #[test]
    fn it_steps_within_its_bounds() {
        let mut player = Player::new(vec![5.0, 4.0, f64::NAN]);
        assert!(player.step(1) && !player.plays());
        assert!(player.step(isize::MAX) && !player.step(1));
        assert!(player.step(isize::MIN) && !player.step(-1));
        player.toggle();
        assert_eq!(player.stays(), Some(SHORTEST), "time does not run backwards");
        let mut alone = Player::new(vec![1.0]);
        assert!(!alone.tick() && !alone.toggle() && alone.stays().is_none());
    }

    #[test]
    fn speed_is_a_power_of_two() {
        let mut player = Player::new(vec![0.0, 1.0]);
        assert_eq!(player.speed(), "×1");
        player.faster(2);
        assert_eq!(
            (player.speed().as_str(), player.stays()),
            ("×4", Some(Duration::from_millis(250)))
        );
        player.faster(-99);
        assert_eq!(
            (player.speed().as_str(), player.stays()),
            ("×1/8", Some(Duration::from_secs(8)))
        );
        player.faster(99);
        assert_eq!((player.speed().as_str(), player.stays()), ("×64", Some(SHORTEST)));
    }
}
