//! A message that this receiver has, until it is said what became of it.

use super::dead::bury;
use super::delay::postpone;
use super::lease::Lease;
use super::link::Link;
use super::settle::{SettleError, Verdict, settle};
use std::sync::Arc;
use std::time::Duration;

/// The longest delay for which a message stays in the queue.
const SHORT: Duration = Duration::from_secs(10);

/// A message that this receiver has. Dropped, it is delivered again.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) link: Arc<Link>,
    pub(super) lease: Arc<Lease>,
}

/// The only one that says what becomes of a message.
pub(super) struct Held {
    message: Option<Message>,
}

impl Held {
    pub(super) fn new(link: Arc<Link>, lease: Arc<Lease>) -> Self {
        Self { message: Some(Message { link, lease }) }
    }

    /// The message is another's to hold.
    pub(super) fn release(mut self) {
        self.message = None;
    }

    pub(super) async fn ack(mut self) -> Result<(), SettleError> {
        let Some(message) = self.message.take() else { return Err(SettleError::Lost) };
        settle(&message.link, &message.lease, Verdict::Ack).await
    }

    pub(super) async fn retry(mut self, after: Duration) -> Result<(), SettleError> {
        let Some(message) = self.message.take() else { return Err(SettleError::Lost) };
        message.retry(after, "was to be retried").await
    }

    pub(super) async fn reject(mut self, reason: &str) -> Result<(), SettleError> {
        let Some(message) = self.message.take() else { return Err(SettleError::Lost) };
        bury(&message.link, &message.lease, reason).await
    }

    /// Moves it to the dead letters, in the background.
    pub(super) fn bury(mut self, reason: String) {
        let Some(message) = self.message.take() else { return };
        let runtime = message.link.runtime.clone();
        runtime.spawn(async move {
            let (name, seq) = (message.link.name.as_str(), message.lease.meta.seq);
            match bury(&message.link, &message.lease, &reason).await {
                Ok(()) => tracing::warn!(queue = name, seq, reason, "a message is a dead letter"),
                Err(error) => {
                    tracing::warn!(queue = name, seq, reason, %error, "no dead letter was stored");
                }
            }
        });
    }
}

impl Message {
    async fn retry(&self, after: Duration, what: &str) -> Result<(), SettleError> {
        let Self { link, lease } = self;
        let (attempt, limit) = (lease.meta.attempt, link.limit(lease.meta.limit));
        if attempt >= limit {
            let reason = format!("it {what} after the last of {limit} attempts");
            bury(link, lease, &reason).await
        } else if after <= SHORT {
            settle(link, lease, Verdict::Nak(after)).await
        } else {
            postpone(link, lease, after).await
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(message) = self.message.take() else { return };
        if !message.lease.is_lost() {
            let runtime = message.link.runtime.clone();
            // If there is no connection, the lease ends by itself.
            runtime.spawn(async move { message.retry(Duration::ZERO, "was dropped").await });
        }
    }
}
