//! Waiting for a condition.

use std::fmt::Debug;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long [`until`] waits: an election takes up to nine seconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(25);

/// Waits until `condition` gives `Ok`, and returns what it holds.
///
/// # Panics
///
/// After [`PATIENCE`], with `what` and the last `Err`.
pub async fn until<T, E: Debug>(what: &str, mut condition: impl AsyncFnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match condition().await {
            Ok(value) => return value,
            Err(last) if Instant::now() > deadline => {
                panic!("waited {PATIENCE:?} for {what}; the last answer was {last:?}")
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}
