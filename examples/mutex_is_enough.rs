//! A counter shared by many tasks, with a mutex. No channel, and none is missing.
//!
//! Why no actor: an actor for this would need a mailbox, a message per operation, a oneshot per
//! question, a task to run it and a way to stop it. All that to do what three locked lines do.
//!
//! Take the mutex when each operation is short, ends at once, and never waits. Take the actor when
//! an operation awaits something while others must not see the state in between, when callers
//! should queue up with a bound, or when the owner must be one task (a connection, a device).
//!
//! Look at:
//! - `std::sync::Mutex`, not an async one: the lock is held for a few instructions and never across
//!   an `.await` (clippy's `await_holding_lock` checks that).
//! - the lock lives inside `Hits`: no caller can hold it for long.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

#[derive(Default)]
struct Hits {
    by_page: Mutex<BTreeMap<&'static str, u64>>,
}

impl Hits {
    fn count(&self, page: &'static str) {
        // A panic while the lock was held leaves whole numbers behind, so poison is no harm here.
        let mut by_page = self.by_page.lock().unwrap_or_else(PoisonError::into_inner);
        *by_page.entry(page).or_default() += 1;
    }

    fn copy(&self) -> BTreeMap<&'static str, u64> {
        self.by_page.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let hits = Arc::new(Hits::default());
    let mut visitors = JoinSet::new();
    for visitor in 0..100 {
        let hits = Arc::clone(&hits);
        visitors.spawn(async move {
            hits.count("/");
            tokio::task::yield_now().await; // The lock is long gone.
            if visitor % 4 == 0 {
                hits.count("/about");
            }
        });
    }
    while let Some(visitor) = visitors.join_next().await {
        visitor?;
    }
    for (page, count) in hits.copy() {
        println!("{page}: {count}");
    }
    Ok(())
}
