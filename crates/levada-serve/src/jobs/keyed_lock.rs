//! One lock for each key, for as long as a task holds it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use levada::watch;

use crate::sync::lock;

/// The keys that are locked. Clones are the same locks.
#[derive(Debug)]
pub(super) struct KeyedLock<K> {
    held: Arc<Mutex<HashMap<K, watch::Receiver<()>>>>,
}

/// A key that is locked. Dropping it unlocks the key.
#[derive(Debug)]
pub(crate) struct KeyGuard<K: Eq + Hash + Copy> {
    lock: KeyedLock<K>,
    key: K,
    /// Dropped after the key is free again: that is what the others wait for.
    _release: watch::Sender<()>,
}

impl<K: Eq + Hash + Copy> KeyedLock<K> {
    /// Locks this key, as soon as no other task holds it.
    ///
    /// # Cancel safety
    /// Nothing is locked when the future is dropped.
    pub(super) async fn lock(&self, key: K) -> KeyGuard<K> {
        loop {
            let mut other = {
                let mut held = lock(&self.held);
                match held.entry(key) {
                    Entry::Vacant(free) => {
                        let (release, waiting) = watch::builder(()).named("locked keys").build();
                        free.insert(waiting);
                        return KeyGuard { lock: self.clone(), key, _release: release };
                    }
                    Entry::Occupied(taken) => taken.get().clone(),
                }
            };
            // No value is ever sent: this is the end of the other task's guard.
            drop(other.changed().await);
        }
    }
}

impl<K> Clone for KeyedLock<K> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held) }
    }
}

impl<K> Default for KeyedLock<K> {
    fn default() -> Self {
        Self { held: Arc::default() }
    }
}

impl<K: Eq + Hash + Copy> Drop for KeyGuard<K> {
    fn drop(&mut self) {
        lock(&self.lock.held).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_at_a_time_and_all_in_the_end() {
        let (locks, inside) = (KeyedLock::default(), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..64)
            .map(|number| {
                let (locks, inside) = (locks.clone(), Arc::clone(&inside));
                tokio::spawn(async move {
                    let guard = locks.lock(number % 2).await;
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(guard);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(lock(&locks.held).is_empty());
    }
}
