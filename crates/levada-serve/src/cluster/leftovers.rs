//! Bodies and keys of jobs that were never accepted: their front end died in between, or its client
//! was refused while the servers did not answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use tracing::{debug, warn};

use super::replica::Replica;
use super::wire::Wire;
use crate::job::{JobId, Moment};
use crate::store::StoreError;

/// How often they are looked for.
const LOOK: Duration = Duration::from_secs(3_600);
/// How old a job without a record is when it will not get one any more.
const OLD: Duration = Duration::from_secs(3_600);

/// Deletes them now and then, for ever. Any number of front ends may do so.
pub(super) async fn delete(wire: Arc<Wire>, replica: Arc<Replica>) {
    loop {
        // Front ends that start together do not look together.
        tokio::time::sleep(LOOK.mul_f64(fastrand::f64().mul_add(0.5, 0.75))).await;
        match delete_once(&wire, &replica, OLD).await {
            Ok(0) => {}
            Ok(jobs) => debug!(jobs, "deleted what was left of jobs that were never accepted"),
            Err(error) => warn!(%error, "cannot look for what is left of jobs"),
        }
    }
}

async fn delete_once(wire: &Wire, replica: &Replica, old: Duration) -> Result<usize, StoreError> {
    let mut deleted = 0;
    for id in jobs_with_bodies(wire).await? {
        let age = Moment::now().since(id.made_at());
        if age < old || replica.get(id)?.is_some() || wire.record(id).await?.is_some() {
            continue;
        }
        wire.drop_bodies(id).await?;
        deleted += 1;
    }
    Ok(deleted)
}

async fn jobs_with_bodies(wire: &Wire) -> Result<BTreeSet<JobId>, StoreError> {
    let lost = |error: &dyn std::fmt::Display| StoreError::away(format!("cannot list: {error}"));
    let listed = wire.bodies().info_with_subjects(wire.all_bodies()).await;
    let mut subjects = listed.map_err(|error| lost(&error))?;
    let mut jobs = BTreeSet::new();
    while let Some((subject, _)) = subjects.try_next().await.map_err(|error| lost(&error))? {
        jobs.extend(wire.job_of_body(&subject));
    }
    Ok(jobs)
}
