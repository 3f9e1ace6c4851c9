//! How many unfinished jobs each client may have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::sync::lock;

/// The unfinished jobs of each client that has some.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quotas {
    used: Arc<Mutex<HashMap<String, usize>>>,
}

/// One unfinished job of a client. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    quotas: Quotas,
    client: String,
}

impl Quotas {
    /// One more job of `client`, unless it has `most` already.
    pub(crate) fn take(&self, client: &str, most: usize) -> Option<Share> {
        let mut used = lock(&self.used);
        let jobs = used.entry(client.to_owned()).or_default();
        if *jobs >= most {
            return None;
        }
        *jobs += 1;
        Some(Share { quotas: self.clone(), client: client.to_owned() })
    }

    /// One more job of `client`, which was accepted before.
    pub(crate) fn must_take(&self, client: &str) -> Share {
        self.take(client, usize::MAX).expect("nobody has so many jobs")
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut used = lock(&self.quotas.used);
        if let Some(jobs) = used.get_mut(&self.client) {
            *jobs -= 1;
            if *jobs == 0 {
                used.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_counted_apart_and_forgotten() {
        let quotas = Quotas::default();
        let first = quotas.take("a", 2).unwrap();
        let second = quotas.take("a", 2).unwrap();
        assert!(quotas.take("a", 2).is_none());
        assert!(quotas.take("a", 3).is_some(), "a larger quota counts at once");
        let other = quotas.take("b", 1).unwrap();
        drop(first);
        let again = quotas.take("a", 2).unwrap();
        drop((second, other, again));
        assert!(lock(&quotas.used).is_empty());
    }
}
