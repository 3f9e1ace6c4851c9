//! States that are the same but for what was counted.

use std::collections::BTreeMap;

use super::{PASSING, Queue};
use crate::check::Key;

impl Queue {
    /// The same, if no refusal had been counted.
    fn without_counts(&self) -> Self {
        Self {
            thwarted: 0,
            thwarted_last: (PASSING, 0),
            refusals: BTreeMap::new(),
            streak: (PASSING, 0),
            ..self.clone()
        }
    }

    /// Becomes a state that allows what either of the two allows, if they are alike.
    pub(super) fn absorb_alike(&mut self, other: &Self) -> bool {
        if self.without_counts() != other.without_counts() {
            return false;
        }
        // More refusals allow a lapse; a shorter streak does not demand it yet.
        for (&key, &count) in &other.refusals {
            let own = self.refusals.entry(key).or_default();
            *own = count.max(*own);
        }
        let shorter = |one: (Key, u32), two: (Key, u32)| if two.1 < one.1 { two } else { one };
        self.streak = shorter(self.streak, other.streak);
        self.thwarted = self.thwarted.max(other.thwarted);
        self.thwarted_last = shorter(self.thwarted_last, other.thwarted_last);
        true
    }
}
