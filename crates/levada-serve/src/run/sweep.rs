//! Expired jobs are deleted, and outputs when they take too much room.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::interval;
use tracing::{debug, warn};

use crate::job::Moment;
use crate::jobs::service::Jobs;
use crate::store::clock::Clock;
use crate::store::retention::{Sweeper, Swept};

/// The time between two sweeps.
const SWEEP: Duration = Duration::from_secs(10);

/// Sweeps again and again; never ends.
pub(super) async fn sweep_now_and_then(jobs: Arc<Jobs>, mut clock: Clock) {
    let mut sweeper = Sweeper::new(Arc::clone(jobs.store.store()), jobs.store.writer().clone());
    let mut ticks = interval(SWEEP);
    let (mut condition, mut full) = (jobs.store.writer().condition(), false);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            // At once when the disk becomes full, for what can be given up then.
            _ = condition.wait_for(|condition| condition.is_full() != full) => {}
        }
        full = condition.borrow().is_full();
        let all = sweep_all(&mut sweeper, &jobs, &mut clock).await;
        if all == Swept::default() {
            continue;
        }
        let Swept { forgotten, emptied } = all;
        debug!(forgotten, emptied, "deleted expired jobs and outputs");
        if let Err(error) = jobs.registry.recount().await {
            warn!(%error, "cannot count the remaining failed jobs");
        }
    }
}

/// Sweeps until nothing more is to be given up, or the store fails.
async fn sweep_all(sweeper: &mut Sweeper, jobs: &Jobs, clock: &mut Clock) -> Swept {
    let mut all = Swept::default();
    loop {
        let limits = jobs.config.borrow().retention.clone();
        match sweeper.sweep(clock.time(Moment::now(), Instant::now()), &limits).await {
            Ok(swept) if swept == Swept::default() => return all,
            Ok(Swept { forgotten, emptied }) => {
                all.forgotten += forgotten;
                all.emptied += emptied;
            }
            Err(error) => {
                warn!(%error, "cannot delete expired jobs");
                return all;
            }
        }
    }
}
