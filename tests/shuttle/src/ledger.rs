use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Received,
    Returned,
    Dropped,
}

/// Who sent it, and which of the sender's it is.
type Id = (usize, usize);

/// The book of all messages of one schedule. Its mutex is std's, so that shuttle does not see it.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<Id, Vec<Fate>>>>);

/// How many messages had which fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// A receiver took it.
    pub received: usize,
    /// A sender got it back in an error.
    pub returned: usize,
    /// The channel, or a cancelled send, dropped it.
    pub dropped: usize,
}

impl Counts {
    /// Every one of so many messages was received.
    pub const fn all_received(received: usize) -> Self {
        Self { received, returned: 0, dropped: 0 }
    }
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<Id, Vec<Fate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next message of `sender`.
    pub fn parcel(&self, sender: usize) -> Parcel {
        let mut entries = self.entries();
        let number = entries.range((sender, 0)..(sender + 1, 0)).count();
        let id = (sender, number);
        entries.insert(id, Vec::new());
        Parcel { id, fate: Fate::Dropped, ledger: self.clone() }
    }

    /// Closes the book, after the channel and all its users are gone.
    ///
    /// # Panics
    /// Unless every message had exactly one fate.
    pub fn settle(self) -> Counts {
        let entries = self.entries();
        for (id, fates) in entries.iter() {
            assert_eq!(fates.len(), 1, "message {id:?} was {fates:?}");
        }
        let count = |fate| entries.values().filter(|fates| fates.contains(&fate)).count();
        let (received, returned) = (count(Fate::Received), count(Fate::Returned));
        Counts { received, returned, dropped: count(Fate::Dropped) }
    }
}

/// A message that writes its end into the book.
#[derive(Debug)]
pub struct Parcel {
    id: Id,
    fate: Fate,
    ledger: Ledger,
}

impl Parcel {
    /// It came back in an error.
    pub fn returned(mut self) {
        self.fate = Fate::Returned;
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        let fate = self.fate;
        self.ledger.entries().entry(self.id).or_default().push(fate);
    }
}

/// What one receiver has seen: of each sender, the number that may come next at the earliest.
#[derive(Debug, Default)]
pub struct Reader(BTreeMap<usize, usize>);

impl Reader {
    /// Takes a message.
    ///
    /// # Panics
    /// If the same sender's later message came before.
    pub fn take(&mut self, mut parcel: Parcel) {
        let (sender, number) = parcel.id;
        let earliest = mem::replace(self.0.entry(sender).or_default(), number + 1);
        assert!(number >= earliest, "message {number} of sender {sender} came late: {self:?}");
        parcel.fate = Fate::Received;
    }
}
