//! Sums by key, kept under a lock under which nothing is allocated.
#![forbid(unsafe_code)]

use core::hash::{BuildHasherDefault, Hash, Hasher};
use std::collections::HashMap;

use crate::prim::{Lock, LockGuard};

type Map<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;

/// A sum for each key. Keys are few, and never removed; a copy of one allocates nothing.
#[derive(Debug)]
pub(super) struct Sums<K, V>(Option<Map<K, V>>);

impl<K: Clone + Eq + Hash, V: Copy + Default> Sums<K, V> {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Changes the sum of `key`, unless there is no room for it.
    #[inline]
    fn try_change(&mut self, key: &K, change: impl FnOnce(&mut V)) -> bool {
        let Some(map) = &mut self.0 else { return false };
        if let Some(sum) = map.get_mut(key) {
            change(sum);
        } else if map.len() < map.capacity() {
            change(map.entry(key.clone()).or_default());
        } else {
            return false;
        }
        true
    }

    /// Whether `key` has a sum, or there are fewer than `limit` sums.
    pub(super) fn has_room_for(&self, key: &K, limit: usize) -> bool {
        self.len() < limit || self.0.as_ref().is_some_and(|map| map.contains_key(key))
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, Map::len)
    }

    /// Moves everything into `larger`, if that has more room, and returns the memory that is not
    /// used any more.
    fn adopt(&mut self, mut larger: Map<K, V>) -> Option<Map<K, V>> {
        match &self.0 {
            Some(map) if map.capacity() >= larger.capacity() => Some(larger),
            map => {
                larger.extend(map.iter().flatten().map(|(key, sum)| (key.clone(), *sum)));
                self.0.replace(larger)
            }
        }
    }
}

/// Changes the sum of `key` in what `guard` guards, and releases the lock; allocates outside of it,
/// if there is no room.
pub(super) fn change<'a, S, K: Clone + Eq + Hash, V: Copy + Default>(
    lock: &'a Lock<S>,
    mut guard: LockGuard<'a, S>,
    sums: impl Fn(&mut S) -> &mut Sums<K, V>,
    key: &K,
    change: impl Fn(&mut V),
) {
    while !sums(&mut guard).try_change(key, &change) {
        let room = (2 * sums(&mut guard).len()).max(4);
        drop(guard);
        let larger = Map::with_capacity_and_hasher(room, BuildHasherDefault::default());
        guard = lock.lock();
        let unused = sums(&mut guard).adopt(larger);
        drop(guard);
        drop(unused);
        guard = lock.lock();
    }
}

/// A copy of all sums; allocates outside the lock.
pub(super) fn copy<S, K: Clone + Eq + Hash, V: Copy + Default>(
    lock: &Lock<S>,
    sums: impl Fn(&mut S) -> &mut Sums<K, V>,
) -> Vec<(K, V)> {
    let mut copy = Vec::new();
    loop {
        let mut guard = lock.lock();
        let sums = sums(&mut guard);
        let room = sums.len();
        if room <= copy.capacity() {
            copy.extend(sums.0.iter().flatten().map(|(key, sum)| (key.clone(), *sum)));
            return copy;
        }
        drop(guard);
        copy = Vec::with_capacity(room);
    }
}

/// A hash of a few small numbers, of which the program itself is the only source.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize(usize::from(*byte)));
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        // Fibonacci hashing (Knuth, volume 3, 6.4).
        self.0 = (self.0.rotate_left(29) ^ number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn sums_grow_and_keep_what_they_have() {
        let lock = Lock::new(Sums::<u32, u64>::new());
        for round in 1..=3 {
            for key in 0..50 {
                change(&lock, lock.lock(), |sums| sums, &key, |sum| *sum += u64::from(key));
            }
            let mut copy = copy(&lock, |sums| sums);
            copy.sort_unstable();
            let expected = (0..50).map(|key| (key, round * u64::from(key)));
            assert!(copy.into_iter().eq(expected));
        }
    }
}
