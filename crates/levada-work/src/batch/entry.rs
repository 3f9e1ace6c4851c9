//! What is in the queue, and what it weighs.

use levada::oneshot;

use super::Totals;

pub(super) enum Entry<T> {
    Item {
        item: T,
        /// 0 if items are not weighed.
        weight: usize,
    },
    /// Flush what came before, and say so.
    Flush(oneshot::Sender<Totals>),
}

pub(super) struct Weight<T> {
    pub(super) max: usize,
    pub(super) of: fn(&T) -> usize,
}

/// Calls the user's function.
pub(super) fn weigh<T>(weight: Option<Weight<T>>, item: &T) -> usize {
    weight.map_or(0, |weight| (weight.of)(item))
}

impl<T> Entry<T> {
    /// A queue that is bounded by weight counts 0 as 1.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Item { weight, .. } => *weight,
            Self::Flush(_) => 0,
        }
    }

    pub(super) fn into_item(self) -> T {
        match self {
            Self::Item { item, .. } => item,
            Self::Flush(_) => unreachable!("an item was sent, and so it is one that came back"),
        }
    }
}

impl<T> Clone for Weight<T> {
    fn clone(&self) -> Self {
        *self
    }
}

// Not derived: that would ask for a `T` that is `Copy`.
impl<T> Copy for Weight<T> {}
