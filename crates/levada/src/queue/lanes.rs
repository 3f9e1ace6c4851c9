//! Several channels with one receiver: which of them it asks first.
#![forbid(unsafe_code)]

use core::time::Duration;
use std::time::Instant;

/// How the lanes of a channel are served. Lane 0 is the highest.
///
/// # Examples
/// ```
/// use levada::mpsc::{self, lanes::Serve};
/// use std::time::Duration;
///
/// let (_tx, _rx) = mpsc::lanes::<u8, 2>([4, 64], Serve::Strict);
/// let (_tx, _rx) = mpsc::lanes::<u8, 2>([4, 64], Serve::Weighted([8, 1]));
/// let (_tx, _rx) = mpsc::lanes::<u8, 2>([4, 64], Serve::Aged(Duration::from_millis(50)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Serve<const N: usize> {
    /// A message of a lane is received only when the lanes above it are empty. A lane starves for
    /// as long as those above it are busy.
    Strict,
    /// In turns: in each round a lane gives at most as many messages as its number says, the lanes
    /// in order. A round ends when each lane has given its number or is empty. So while a lane has
    /// messages, at most twice the sum of the other numbers come from others between two of its.
    Weighted([u32; N]),
    /// As [`Strict`](Self::Strict), but no lane is passed over for longer: once this time has
    /// passed since a message of a higher lane was first received in its place, a lane that is not
    /// empty is served next. If there are several, the one that was passed over first.
    ///
    /// It gives one message then, and its time begins anew when it is passed over again.
    /// The clock is read only while a lane is passed over; on a system without a clock
    /// (`wasm32-unknown-unknown`) that panics.
    Aged(Duration),
}

/// Whose turn it is. Knows no channel.
#[derive(Debug)]
pub(crate) struct Turns<const N: usize> {
    serve: Serve<N>,
    /// What each lane may still give in this round.
    left: [u32; N],
    /// Since when each lane is passed over.
    passed: [Option<Instant>; N],
}

impl<const N: usize> Turns<N> {
    /// # Panics
    /// If a weight is zero, or there is no lane.
    #[track_caller]
    pub(crate) fn new(serve: Serve<N>) -> Self {
        assert!(N > 0, "a channel needs at least one lane");
        let left = match serve {
            Serve::Weighted(weights) => weights,
            Serve::Strict | Serve::Aged(_) => [0; N],
        };
        let starves = matches!(serve, Serve::Weighted(_)) && left.contains(&0);
        assert!(!starves, "a lane with weight zero would never be served");
        Self { serve, left, passed: [None; N] }
    }

    /// In which order the lanes are asked for the next message.
    pub(crate) fn order(&self) -> [usize; N] {
        let mut order = core::array::from_fn(|lane| lane);
        match self.serve {
            Serve::Strict => {}
            // One without a rest is served only if no other has a message: then a round begins.
            Serve::Weighted(_) => order.sort_by_key(|lane| self.left[*lane] == 0),
            Serve::Aged(limit) => {
                if let Some(due) = self.due(limit) {
                    order[..=due].rotate_right(1);
                }
            }
        }
        order
    }

    /// The lane that was passed over first, if that is long ago.
    fn due(&self, limit: Duration) -> Option<usize> {
        let (since, lane) = (0..N).filter_map(|lane| Some((self.passed[lane]?, lane))).min()?;
        (since.elapsed() >= limit).then_some(lane)
    }

    /// A message of this lane was received; `has_more` says which lanes have messages now.
    pub(crate) fn note(&mut self, served: usize, has_more: impl Fn(usize) -> bool) {
        match self.serve {
            Serve::Strict => {}
            Serve::Weighted(weights) => {
                if self.left[served] == 0 {
                    self.left = weights;
                }
                self.left[served] -= 1;
            }
            Serve::Aged(_) => {
                self.passed[served] = None;
                let mut now = None;
                for lane in 0..N {
                    let is_passed = lane > served && self.passed[lane].is_none();
                    if !has_more(lane) {
                        self.passed[lane] = None;
                    } else if is_passed {
                        self.passed[lane] = Some(*now.get_or_insert_with(Instant::now));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    /// Serves lanes that have so many messages, and gives the order.
    fn run<const N: usize>(serve: Serve<N>, mut there: [u32; N], times: usize) -> Vec<usize> {
        let mut turns = Turns::new(serve);
        let mut served = Vec::new();
        for _ in 0..times {
            let Some(lane) = turns.order().into_iter().find(|lane| there[*lane] > 0) else { break };
            there[lane] -= 1;
            turns.note(lane, |lane| there[lane] > 0);
            served.push(lane);
        }
        served
    }

    #[test]
    fn strict_and_weighted() {
        assert_eq!(run(Serve::Strict, [2, 1, 2], 9), [0, 0, 1, 2, 2]);
        let weighted = Serve::Weighted([3, 2, 1]);
        assert_eq!(run(weighted, [9, 9, 9], 12), [0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 1, 2]);
        assert_eq!(run(weighted, [1, 0, 9], 4), [0, 2, 2, 2], "no turn is kept for empty lanes");
        assert_eq!(run(weighted, [9, 0, 9], 8), [0, 0, 0, 2, 0, 0, 0, 2]);
    }

    #[test]
    fn aged() {
        assert_eq!(run(Serve::Aged(Duration::MAX), [2, 1, 1], 9), [0, 0, 1, 2]);
        // Passed over by each message, and due at once.
        assert_eq!(run(Serve::Aged(Duration::ZERO), [4, 2, 0], 9), [0, 1, 0, 1, 0, 0]);
        assert_eq!(run(Serve::Aged(Duration::ZERO), [9, 9, 9], 6), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_lane_that_is_empty_is_not_passed_over() {
        let mut turns = Turns::<2>::new(Serve::Aged(Duration::ZERO));
        turns.note(0, |_| true);
        assert_eq!(turns.order(), [1, 0]);
        turns.note(0, |lane| lane == 0);
        assert_eq!(turns.order(), [0, 1]);
    }
}
