//! What could not be done in a slot because its home was lent: the messages that came over a clone,
//! and the claims that were given up meanwhile. Kept under one lock for all slots; nearly always
//! empty.
//!
//! Entries are boxed and linked, so that nothing is allocated or freed under the lock. A message
//! has at most one entry of each kind, however many receivers give up their claims on it.
#![forbid(unsafe_code)]

use crate::util::FirstPanic;

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
    /// So many claims were given up and are still counted in the slot. Above zero.
    Skips(u32),
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
    /// One claim on the message at `pos` that was given up.
    pub(super) fn skip(pos: u64) -> Box<Self> {
        Box::new(Self { pos, what: What::Skips(1), next: None })
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
            What::Skips(_) => None,
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
        while let Some(entry) = self.pop() {
            values.extend(entry.into_value());
        }
        values
    }

    fn pop(&mut self) -> Option<Box<Entry<T>>> {
        let mut entry = self.first.take()?;
        self.first = entry.next.take();
        Some(entry)
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

    /// Adds an entry that [`Entry::skip`] made to those for its message. Gives back an entry that
    /// is not needed, to be freed outside the lock.
    pub(super) fn add_skip(&mut self, entry: Box<Entry<T>>) -> Option<Box<Entry<T>>> {
        if let Some(skips) = self.skips_mut(entry.pos) {
            *skips += 1;
            return Some(entry);
        }
        self.push(entry);
        None
    }

    /// How many claims on the message at `pos` were given up.
    pub(super) fn skips(&mut self, pos: u64) -> u32 {
        self.skips_mut(pos).map_or(0, |skips| *skips)
    }

    fn skips_mut(&mut self, pos: u64) -> Option<&mut u32> {
        let mut entry = self.first.as_deref_mut();
        while let Some(Entry { pos: its, what, next }) = entry {
            match what {
                What::Skips(skips) if *its == pos => return Some(skips),
                _ => entry = next.as_deref_mut(),
            }
        }
        None
    }

    /// Takes back one of the claims on the message at `pos` that were given up. Gives `false` if
    /// there is none, and the entry if it was the last, to be freed outside the lock.
    pub(super) fn remove_skip(&mut self, pos: u64) -> (bool, Option<Box<Entry<T>>>) {
        match self.skips_mut(pos) {
            None => (false, None),
            Some(1) => (true, self.remove_skips(pos)),
            Some(skips) => {
                *skips -= 1;
                (true, None)
            }
        }
    }

    /// Takes out all claims on the message at `pos` that were given up.
    pub(super) fn remove_skips(&mut self, pos: u64) -> Option<Box<Entry<T>>> {
        self.remove(|entry| entry.pos == pos && matches!(entry.what, What::Skips(_)))
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

    #[cold]
    fn drop_all(&mut self) {
        let mut panics = FirstPanic::default();
        while let Some(entry) = self.pop() {
            panics.catch(|| drop(entry));
        }
        panics.resume();
    }
}

/// One by one: a box that drops the next one recurses. All of them, though a message may panic.
impl<T> Drop for Aside<T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.is_empty() {
            self.drop_all();
        }
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
            assert!(aside.add_skip(Entry::skip(pos)).is_none());
        }
        for pos in [2, 0, 3, 1] {
            assert!(aside.add_skip(Entry::skip(pos)).is_some(), "a message has one entry for them");
            assert_eq!(aside.late(pos).and_then(|late| late.value.take()), Some(Box::new(pos)));
            assert!(aside.remove_late(pos).is_some() && aside.remove_late(pos).is_none());
            assert!(aside.late(pos).is_none());
            assert_eq!(aside.skips(pos), 2);
            assert!(matches!(aside.remove_skip(pos), (true, None)));
            assert!(matches!(aside.remove_skip(pos), (true, Some(_))));
            assert!(matches!(aside.remove_skip(pos), (false, None)));
            assert!(aside.skips(pos) == 0 && aside.remove_skips(pos).is_none());
        }
        assert!(aside.is_empty());
    }

    #[test]
    fn a_long_list_is_dropped_one_by_one() {
        let mut aside = Aside::<u8>::EMPTY;
        let many = if cfg!(miri) { 100 } else { 1_000_000 };
        for pos in 0..many {
            aside.push(Entry::skip(pos));
        }
        drop(aside);
    }
}
