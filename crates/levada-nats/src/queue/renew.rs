//! The leases of a receiver are renewed.

use super::lease::{Due, Leases};
use super::link::Link;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// Renews at a third of the lease, until the receiver is closed and its last delivery has ended.
pub(super) async fn renew(link: Arc<Link>) {
    let duration = link.leases.duration();
    let period = (duration / 12).clamp(Duration::from_millis(20), Duration::from_secs(1));
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renewals = FuturesUnordered::new();
    let mut checked = Instant::now();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if link.closed.is_set() && link.leases.is_empty() {
                    link.stopped.set();
                    return;
                }
                let due = link.leases.due();
                renewals.extend(due.into_iter().map(|due| renew_one(&link, due)));
                if link.leases.is_empty() {
                    checked = Instant::now();
                } else if checked.elapsed() >= duration / 3 {
                    checked = Instant::now();
                    link.runtime.spawn(check(link.clone()));
                }
            }
            Some(()) = renewals.next() => {}
        }
    }
}

async fn renew_one(link: &Link, Due { lease, reply }: Due) {
    // Sent too late it would prolong the lease of another receiver, and so is not sent.
    let lasts = lease.upgrade().is_some_and(|lease| !lease.is_lost());
    if !lasts || !link.is_connected() {
        return Leases::retry(&lease);
    }
    let duration = link.leases.duration();
    let sent = Instant::now();
    let renewal = Bytes::from_static(b"+WPI");
    let answer = link.request(reply, renewal, sent + duration / 3).await;
    match (answer, lease.upgrade()) {
        (Ok(()), Some(lease)) => lease.renew(sent, duration),
        _ => Leases::retry(&lease),
    }
}

/// The server answers a renewal even if the lease was of a consumer that is deleted, when another
/// one of its name exists. So this looks whether the consumer is the same.
async fn check(link: Arc<Link>) {
    let known = link.consumer();
    if let Ok(info) = known.get_info().await
        && info.created != known.cached_info().created
        && link.consumer().cached_info().created == known.cached_info().created
    {
        link.replaced(info);
    }
}
