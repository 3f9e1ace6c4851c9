//! Senders that wait for room hear of it.

use super::link::Link;
use futures_util::StreamExt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// For how long after its message a sender is taken to wait. It sends one a second.
const WANTED: Duration = Duration::from_secs(2);
/// The pause after a subscription ended, which it does with the connection.
const PAUSE: Duration = Duration::from_millis(250);

/// When a sender last said that it waits for room.
#[derive(Debug, Default)]
pub(super) struct Room {
    wanted: Mutex<Option<Instant>>,
}

impl Room {
    fn is_wanted(&self) -> bool {
        let wanted = *self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.is_some_and(|at| at.elapsed() < WANTED)
    }

    fn want(&self) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// Tells waiting senders that a message has left the queue.
pub(super) async fn announce(link: &Link) {
    if link.room.is_wanted() {
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
                link.room.want();
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
