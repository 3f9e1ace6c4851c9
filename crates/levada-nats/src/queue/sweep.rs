//! Objects that belong to no message are deleted.

use super::link::Link;
use crate::payload::Objects;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often a receiver looks for them. The first time is within a tenth of it, so that receivers
/// that start together do not look together.
const PERIOD: Duration = Duration::from_secs(3600);

/// Sweeps until the receiver is closed.
pub(super) async fn sweep(link: Arc<Link>) {
    let mut pause = PERIOD.mul_f64(0.1 * fastrand::f64());
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = link.closed.wait() => return,
        }
        let subjects = &link.subjects;
        let stores = &link.stores;
        // Not the store of delays: a message that becomes due is younger than its object, by any
        // time.
        for (stream, objects) in
            [(&subjects.stream, &stores.queue), (&subjects.dead_stream, &stores.dead)]
        {
            sweep_one(&link, stream, objects).await;
        }
        pause = PERIOD;
    }
}

async fn sweep_one(link: &Link, stream: &str, objects: &Objects) {
    // Without the stream nothing is known of its oldest message.
    let Ok(stream) = link.connection.jetstream().get_stream(stream).await else { return };
    let state = &stream.cached_info().state;
    let oldest = if state.messages == 0 { state.last_timestamp } else { state.first_timestamp };
    match objects.sweep(SystemTime::from(oldest)).await {
        Ok(0) => {}
        Ok(parts) => tracing::info!(queue = link.name.as_str(), parts, "objects of no message"),
        Err(error) => tracing::debug!(queue = link.name.as_str(), %error, "nothing was swept"),
    }
}
