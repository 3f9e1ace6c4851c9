//! What a channel asks of its permits whose bound is a sum of weights: it decides by itself what
//! fits, since its bound may change, and a message heavier than the bound may go alone.
#![forbid(unsafe_code)]

use super::Permits;

impl Permits {
    /// Capacity that is granted to waiters.
    pub(crate) fn granted(&self) -> usize {
        self.granted
    }

    /// What the first waiter needs that was granted nothing.
    pub(crate) fn first_need(&mut self) -> Option<usize> {
        self.first_waiting.map(|place| self.waiters.entry_at(place).need)
    }
}
