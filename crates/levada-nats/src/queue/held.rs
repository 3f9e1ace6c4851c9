//! A message that this receiver has, until there is a verdict on it.

use super::dead::dead_letter;
use super::delay::postpone;
use super::lease::Lease;
use super::link::Link;
use super::settle::{SettleError, Verdict, settle};
use std::sync::Arc;
use std::time::Duration;

/// The longest delay for which a message stays in the queue.
const SHORT: Duration = Duration::from_secs(10);

/// A message that this receiver has.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) link: Arc<Link>,
    pub(super) lease: Arc<Lease>,
}

/// The right to give the verdict on a message: there is one for each lease.
pub(super) struct Held {
    /// Nothing once the verdict was given.
    message: Option<Message>,
}

impl Held {
    pub(super) fn new(link: Arc<Link>, lease: Arc<Lease>) -> Self {
        Self { message: Some(Message { link, lease }) }
    }

    /// Gives up the right without a verdict: another one takes its place.
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
        dead_letter(&message.link, &message.lease, reason).await
    }

    /// Moves it to the dead letters, in the background.
    pub(super) fn dead_letter(mut self, reason: String) {
        let Some(message) = self.message.take() else { return };
        let runtime = message.link.runtime.clone();
        runtime.spawn(async move {
            let (name, seq) = (message.link.name.as_str(), message.lease.meta.seq);
            match dead_letter(&message.link, &message.lease, &reason).await {
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
            dead_letter(link, lease, &reason).await
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
