//! Senders that wait for room hear of it.

use super::link::Link;
use futures_util::StreamExt;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The pause after a subscription ended, which it does with the connection.
const PAUSE: Duration = Duration::from_millis(250);

/// Tells waiting senders that a message has left the queue.
pub(super) async fn announce(link: &Link) {
    if link.wanted.is_wanted() {
        let subject = link.subjects.room.clone();
        // A sender that does not hear of room looks for it by itself, only later.
        let _ = link.connection.client().publish(subject, bytes::Bytes::new()).await;
    }
}

/// Listens for senders that wait, for as long as the receiver lives.
pub(super) async fn listen(link: Weak<Link>) {
    loop {
        let Some(strong) = link.upgrade() else { return };
        let (client, wanted) = (strong.connection.client().clone(), strong.subjects.wanted.clone());
        let stopped = strong.stopped.clone();
        drop(strong);
        let listening = async {
            let Ok(mut messages) = client.subscribe(wanted).await else { return };
            while messages.next().await.is_some() {
                let Some(link) = link.upgrade() else { return };
                link.wanted.note();
            }
        };
        tokio::select! {
            () = listening => tokio::time::sleep(PAUSE).await,
            () = stopped.wait() => return,
        }
    }
}

/// The listening ends when the last of these is dropped.
pub(super) fn start(link: &Arc<Link>) {
    link.runtime.spawn(listen(Arc::downgrade(link)));
}
