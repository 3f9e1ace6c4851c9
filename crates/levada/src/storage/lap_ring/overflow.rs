//! The overflow list: what could not be done in a slot because it was borrowed. That is messages
//! whose slot was borrowed when they were sent, and skips of a message that is borrowed. One list
//! under one lock for all slots; nearly always empty.
//!
//! Entries are boxed and linked, so that nothing is allocated or freed under the lock. A message
//! has at most one entry of each kind, however many receivers skip it.
#![forbid(unsafe_code)]

use crate::util::FirstPanic;

/// An entry of the list.
#[derive(Debug)]
pub(super) struct Entry<T> {
    /// The position of the message.
    pub(super) pos: u64,
    pub(super) content: Content<T>,
    next: Option<Box<Entry<T>>>,
}

#[derive(Debug)]
pub(super) enum Content<T> {
    /// How many readers of the message skip it, and are still counted in its slot. Above zero.
    Skips(u32),
    /// The message itself.
    Message(Message<T>),
}

/// An overflowed message.
#[derive(Debug)]
pub(super) struct Message<T> {
    /// `None` while a reader has borrowed it.
    pub(super) value: Option<Box<T>>,
    /// How many readers have yet to read it. Above zero.
    pub(super) readers_left: u32,
    /// A reader waits for the return of the box.
    pub(super) notify: bool,
}

impl<T> Entry<T> {
    /// One skip of the message at `pos`.
    pub(super) fn skip(pos: u64) -> Box<Self> {
        Box::new(Self { pos, content: Content::Skips(1), next: None })
    }

    /// A message, to be completed by [`for_readers`](Self::for_readers).
    pub(super) fn message(value: Box<T>) -> Box<Self> {
        let message = Message { value: Some(value), readers_left: 0, notify: false };
        Box::new(Self { pos: 0, content: Content::Message(message), next: None })
    }

    /// The message at `pos`, for `readers` readers.
    pub(super) fn for_readers(mut self: Box<Self>, pos: u64, readers: u32) -> Box<Self> {
        self.pos = pos;
        if let Content::Message(message) = &mut self.content {
            message.readers_left = readers;
        }
        self
    }

    /// The value of a message that is not borrowed.
    pub(super) fn into_value(self) -> Option<T> {
        match self.content {
            Content::Message(message) => message.value.map(|value| *value),
            Content::Skips(_) => None,
        }
    }
}

/// The list of entries, in no order.
#[derive(Debug)]
pub(super) struct Overflow<T> {
    first: Option<Box<Entry<T>>>,
}

impl<T> Overflow<T> {
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
    pub(super) fn message(&mut self, pos: u64) -> Option<&mut Message<T>> {
        let mut entry = self.first.as_deref_mut();
        while let Some(Entry { pos: its, content, next }) = entry {
            match content {
                Content::Message(message) if *its == pos => return Some(message),
                _ => entry = next.as_deref_mut(),
            }
        }
        None
    }

    /// Removes the message at `pos`.
    pub(super) fn remove_message(&mut self, pos: u64) -> Option<Box<Entry<T>>> {
        self.remove(|entry| entry.pos == pos && matches!(entry.content, Content::Message(_)))
    }

    /// Adds an entry that [`Entry::skip`] made. Returns the entry if it is not needed, to be freed
    /// without the lock.
    pub(super) fn add_skip(&mut self, entry: Box<Entry<T>>) -> Option<Box<Entry<T>>> {
        if let Some(skips) = self.skips_mut(entry.pos) {
            *skips += 1;
            return Some(entry);
        }
        self.push(entry);
        None
    }

    /// How many readers skip the message at `pos`.
    pub(super) fn skips(&mut self, pos: u64) -> u32 {
        self.skips_mut(pos).map_or(0, |skips| *skips)
    }

    fn skips_mut(&mut self, pos: u64) -> Option<&mut u32> {
        let mut entry = self.first.as_deref_mut();
        while let Some(Entry { pos: its, content, next }) = entry {
            match content {
                Content::Skips(skips) if *its == pos => return Some(skips),
                _ => entry = next.as_deref_mut(),
            }
        }
        None
    }

    /// Takes back one skip of the message at `pos`. Returns `false` if there is none, and the entry
    /// if it was the last, to be freed without the lock.
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

    /// Removes all skips of the message at `pos`.
    pub(super) fn remove_skips(&mut self, pos: u64) -> Option<Box<Entry<T>>> {
        self.remove(|entry| entry.pos == pos && matches!(entry.content, Content::Skips(_)))
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

/// Drops the entries in a loop, since a box that drops the next one recurses; and all of them,
/// though the drop of a message may panic.
impl<T> Drop for Overflow<T> {
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
        let mut overflow = Overflow::EMPTY;
        for pos in 0..4 {
            let mut message = Entry::message(Box::new(pos));
            message.pos = pos;
            overflow.push(message);
            assert!(overflow.add_skip(Entry::skip(pos)).is_none());
        }
        for pos in [2, 0, 3, 1] {
            assert!(
                overflow.add_skip(Entry::skip(pos)).is_some(),
                "a message has one entry for all skips"
            );
            assert_eq!(
                overflow.message(pos).and_then(|message| message.value.take()),
                Some(Box::new(pos))
            );
            assert!(
                overflow.remove_message(pos).is_some() && overflow.remove_message(pos).is_none()
            );
            assert!(overflow.message(pos).is_none());
            assert_eq!(overflow.skips(pos), 2);
            assert!(matches!(overflow.remove_skip(pos), (true, None)));
            assert!(matches!(overflow.remove_skip(pos), (true, Some(_))));
            assert!(matches!(overflow.remove_skip(pos), (false, None)));
            assert!(overflow.skips(pos) == 0 && overflow.remove_skips(pos).is_none());
        }
        assert!(overflow.is_empty());
    }

    #[test]
    fn a_long_list_is_dropped_one_by_one() {
        let mut overflow = Overflow::<u8>::EMPTY;
        let many = if cfg!(miri) { 100 } else { 1_000_000 };
        for pos in 0..many {
            overflow.push(Entry::skip(pos));
        }
        drop(overflow);
    }
}
