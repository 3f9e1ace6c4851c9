//! Entries with a number each, which their owner removes by it.
//!
//! A slab is kept under a lock, under which nothing is allocated: [`Slab::insert`] refuses where
//! there is no room, and [`insert`] makes room outside.
#![forbid(unsafe_code)]

use core::mem;

use crate::prim::Lock;

#[derive(Debug)]
enum Entry<T> {
    Used(T),
    /// The next free entry, plus one; 0 at the end of the list.
    Free(u32),
}

#[derive(Debug)]
pub(super) struct Slab<T> {
    entries: Vec<Entry<T>>,
    /// The first free entry, plus one; 0 if there is none.
    free: u32,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), free: 0 }
    }

    /// Stores an entry and returns its number, or returns the value if there is no room.
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> Result<u32, T> {
        if let Some(number) = self.free.checked_sub(1) {
            let entry = &mut self.entries[number as usize];
            let Entry::Free(next) = mem::replace(entry, Entry::Used(value)) else {
                unreachable!("the list of free entries has free entries only");
            };
            self.free = next;
            return Ok(number);
        }
        if self.entries.len() == self.entries.capacity() {
            return Err(value);
        }
        let number = u32::try_from(self.entries.len()).expect("fewer entries than 2^32");
        self.entries.push(Entry::Used(value));
        Ok(number)
    }

    /// Removes the entry with this number.
    #[inline]
    pub(super) fn remove(&mut self, number: u32) -> Option<T> {
        let entry = self.entries.get_mut(number as usize)?;
        match mem::replace(entry, Entry::Free(self.free)) {
            Entry::Used(value) => {
                self.free = number + 1;
                Some(value)
            }
            free @ Entry::Free(_) => {
                *entry = free;
                None
            }
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        match self.entries.get_mut(number as usize)? {
            Entry::Used(value) => Some(value),
            Entry::Free(_) => None,
        }
    }

    /// At least as many as there are entries.
    pub(super) fn slots(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Used(value) => Some(value),
            Entry::Free(_) => None,
        })
    }

    /// Moves everything into `larger`, if that has more room; `larger` is then the memory that is
    /// not used any more.
    fn adopt(&mut self, larger: &mut Vec<Entry<T>>) {
        if larger.capacity() > self.entries.capacity() {
            larger.append(&mut self.entries);
            mem::swap(larger, &mut self.entries);
        }
    }
}

/// Stores an entry in what a lock guards, and allocates outside the lock if there is no room.
/// `update` runs with the entry's number, in the same critical section.
#[inline]
pub(super) fn insert<S, T>(
    lock: &Lock<S>,
    slab: impl Fn(&mut S) -> &mut Slab<T>,
    mut value: T,
    update: impl FnOnce(&mut S, u32),
) -> u32 {
    loop {
        let mut guard = lock.lock();
        match slab(&mut guard).insert(value) {
            Ok(number) => {
                update(&mut guard, number);
                return number;
            }
            Err(refused) => value = refused,
        }
        let slots = slab(&mut guard).slots();
        drop(guard);
        make_room(lock, &slab, slots);
    }
}

#[cold]
fn make_room<S, T>(lock: &Lock<S>, slab: &impl Fn(&mut S) -> &mut Slab<T>, slots: usize) {
    let mut larger = Vec::with_capacity((2 * slots).max(8));
    slab(&mut lock.lock()).adopt(&mut larger);
}

/// Copies of all entries; allocates outside the lock.
pub(super) fn copy<S, T: Clone>(lock: &Lock<S>, slab: impl Fn(&mut S) -> &mut Slab<T>) -> Vec<T> {
    let mut copy = Vec::new();
    loop {
        let mut guard = lock.lock();
        let slab = slab(&mut guard);
        let room = slab.slots();
        if room <= copy.capacity() {
            copy.extend(slab.iter().cloned());
            return copy;
        }
        drop(guard);
        copy = Vec::with_capacity(room);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again() {
        let lock = Lock::new(Slab::new());
        let insert = |value: u32| insert(&lock, |slab| slab, value, |_, _| ());
        let numbers: Vec<_> = (0..20).map(insert).collect();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
        assert_eq!(lock.lock().remove(3), Some(3));
        assert_eq!(lock.lock().remove(3), None);
        assert_eq!(lock.lock().remove(7), Some(7));
        assert_eq!(insert(100), 7);
        assert_eq!(insert(101), 3);
        assert_eq!(insert(102), 20);
        let mut all: Vec<_> = lock.lock().iter().copied().collect();
        all.sort_unstable();
        assert_eq!(all.len(), 21);
        assert_eq!(lock.lock().get_mut(3).copied(), Some(101));
        assert_eq!(lock.lock().get_mut(1_000), None);
    }
}
