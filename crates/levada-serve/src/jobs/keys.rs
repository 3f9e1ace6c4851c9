//! Requests with the same idempotency key, while the first of them is being accepted.
//!
//! Once a job is on disk the store finds it by its key. Until then the key is held here, and who
//! comes with the same one waits for that to be decided.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use levada::watch;

/// The keys that are held.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    held: Arc<Mutex<HashMap<[u8; 32], watch::Receiver<()>>>>,
}

/// A key that is held. Dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Hold {
    keys: Keys,
    name: [u8; 32],
    /// Dropped after the key is free again: that is what the others wait for.
    _release: watch::Sender<()>,
}

impl Keys {
    /// Holds this key, as soon as no other request does.
    ///
    /// # Cancel safety
    /// Nothing is held when the future is dropped.
    pub(crate) async fn hold(&self, name: [u8; 32]) -> Hold {
        loop {
            let mut other = {
                let mut held = self.held();
                match held.entry(name) {
                    Entry::Vacant(free) => {
                        let (release, waiting) = watch::channel(());
                        free.insert(waiting);
                        return Hold { keys: self.clone(), name, _release: release };
                    }
                    Entry::Occupied(taken) => taken.get().clone(),
                }
            };
            // Nothing is ever sent: this is the end of the other one's hold.
            drop(other.changed().await);
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<[u8; 32], watch::Receiver<()>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.keys.held().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_at_a_time_and_all_in_the_end() {
        let (keys, inside) = (Keys::default(), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..64)
            .map(|number| {
                let (keys, inside) = (keys.clone(), Arc::clone(&inside));
                tokio::spawn(async move {
                    let hold = keys.hold([number % 2; 32]).await;
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(hold);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(keys.held().is_empty());
    }
}
