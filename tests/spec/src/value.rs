//! A message that can be cloned, and is counted.

use support::Drops;

/// Messages of a run: numbered, and counted while they are alive.
#[derive(Debug, Default)]
pub(crate) struct Values {
    drops: Drops,
    made: usize,
}

/// A numbered message.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// Its number, also in its clones.
    pub(crate) id: usize,
    _counted: Drops,
}

/// Two are equal if one is a clone of the other.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Values {
    /// The next message.
    pub(crate) fn value(&mut self) -> Value {
        self.made += 1;
        Value { id: self.made, _counted: self.drops.message() }
    }

    /// How many messages there are, clones included.
    pub(crate) fn alive(&self) -> usize {
        self.drops.alive()
    }
}
