//! What could not be done in a slot because its home was lent: the messages that came over a clone, and
//! the claims that were given up meanwhile. Kept under one lock for all slots; nearly always empty.
//!
//! Entries are boxed and linked, so that nothing is allocated or freed under the lock.
#![forbid(unsafe_code)]

/// One of them.
#[derive(Debug)]
pub(super) struct Entry<T> {
    /// The position of the message.
    pub(super) pos: u64,
    pub(super) what: What<T>,
    next: Option<Box<Entry<T>>>,
}

#[derive(Debug)]
pub(super) enum What<T> {
    /// A claim that was given up and is still counted in the slot.
    Skip,
    /// The message, whose slot's home was lent.
    Late(Late<T>),
}

/// A message that is not in its slot.
#[derive(Debug)]
pub(super) struct Late<T> {
    /// None while a reader has it.
    pub(super) value: Option<Box<T>>,
    /// Readers that have a claim on it. Above zero.
    pub(super) claims: u32,
    /// Somebody waits for its return.
    pub(super) awaited: bool,
}

impl<T> Entry<T> {
    pub(super) fn skip(pos: u64) -> Box<Self> {
        Box::new(Self { pos, what: What::Skip, next: None })
    }

    pub(super) fn late(value: Box<T>) -> Box<Self> {
        let late = Late { value: Some(value), claims: 0, awaited: false };
        Box::new(Self { pos: 0, what: What::Late(late), next: None })
    }

    /// The message, which is for so many readers.
    pub(super) fn for_readers(mut self: Box<Self>, pos: u64, readers: u32) -> Box<Self> {
        self.pos = pos;
        if let What::Late(late) = &mut self.what {
            late.claims = readers;
        }
        self
    }

    /// The message, which nobody has.
    pub(super) fn into_value(self) -> Option<T> {
        match self.what {
            What::Late(late) => late.value.map(|value| *value),
            What::Skip => None,
        }
    }
}

/// The entries, in no order.
#[derive(Debug)]
pub(super) struct Aside<T> {
    first: Option<Box<Entry<T>>>,
}

impl<T> Aside<T> {
    pub(super) const EMPTY: Self = Self { first: None };

    pub(super) fn push(&mut self, mut entry: Box<Entry<T>>) {
        entry.next = self.first.take();
        self.first = Some(entry);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn extend(&mut self, entry: Option<Box<Entry<T>>>) {
        entry.into_iter().for_each(|entry| self.push(entry));
    }

    /// The messages.
    #[cfg(test)]
    #[cfg(not(loom))]
    pub(super) fn into_values(mut self) -> Vec<T> {
        let mut values = Vec::new();
        while let Some(mut entry) = self.first.take() {
            self.first = entry.next.take();
            values.extend(entry.into_value());
        }
        values
    }

    /// The message at `pos`.
    pub(super) fn late(&mut self, pos: u64) -> Option<&mut Late<T>> {
        let mut entry = self.first.as_deref_mut();
        while let Some(Entry { pos: its, what, next }) = entry {
            match what {
                What::Late(late) if *its == pos => return Some(late),
                _ => entry = next.as_deref_mut(),
            }
        }
        None
    }

    /// Takes the message at `pos` out.
    pub(super) fn remove_late(&mut self, pos: u64) -> Option<Box<Entry<T>>> {
        self.remove(|entry| entry.pos == pos && matches!(entry.what, What::Late(_)))
    }

    /// Takes out one of the claims on the message at `pos` that were given up.
    pub(super) fn remove_skip(&mut self, pos: u64) -> Option<Box<Entry<T>>> {
        self.remove(|entry| entry.pos == pos && matches!(entry.what, What::Skip))
    }

    fn remove(&mut self, is_it: impl Fn(&Entry<T>) -> bool) -> Option<Box<Entry<T>>> {
        let mut link = &mut self.first;
        while link.as_ref().is_some_and(|entry| !is_it(entry)) {
            link = &mut link.as_mut().expect("it was there").next;
        }
        let mut entry = link.take()?;
        *link = entry.next.take();
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_found_once() {
        let mut aside = Aside::EMPTY;
        for pos in 0..4 {
            let mut late = Entry::late(Box::new(pos));
            late.pos = pos;
            aside.push(late);
            aside.push(Entry::skip(pos));
            aside.push(Entry::skip(pos));
        }
        for pos in [2, 0, 3, 1] {
            assert_eq!(aside.late(pos).and_then(|late| late.value.take()), Some(Box::new(pos)));
            assert!(aside.remove_late(pos).is_some() && aside.remove_late(pos).is_none());
            assert!(aside.late(pos).is_none());
            assert!(aside.remove_skip(pos).is_some() && aside.remove_skip(pos).is_some());
            assert!(aside.remove_skip(pos).is_none());
        }
        assert!(aside.is_empty());
    }
}
