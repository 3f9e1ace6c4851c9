//! The server hears what became of a message.

use super::announce::announce;
use super::lease::Lease;
use super::link::{Link, NoReply};
use super::objects::has_object;
use bytes::Bytes;
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

/// The pause before a request is repeated that nothing answered: the consumer has no leader now.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a delivery may not have ended as it should.
///
/// ```
/// use levada_nats::queue::SettleError;
///
/// let error = SettleError::Lost;
/// assert!(error.to_string().contains("another receiver"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettleError {
    /// The lease was over before anything was sent: the message is or will be another receiver's.
    Lost,
    /// The server did not answer. It may have heard, or not: then the message comes again.
    Unknown,
    /// The connection is closed. The message comes again when its lease is over.
    Disconnected,
    /// The stream of dead letters or of delays did not store the message. It is delivered again.
    Refused {
        /// What the server says.
        reason: String,
    },
}

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => f.write_str(
                "the lease of the message was over, so it goes to another receiver: \
                 discard what was done with it",
            ),
            Self::Unknown => {
                f.write_str("the NATS server did not answer: the message may be delivered again")
            }
            Self::Disconnected => {
                f.write_str("the NATS connection is closed: the message is delivered again")
            }
            Self::Refused { reason } => write!(
                f,
                "the NATS server does not store the message elsewhere ({reason}): \
                 it is delivered again"
            ),
        }
    }
}

impl Error for SettleError {}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It leaves the queue.
    Ack,
    /// It is delivered again, after this time.
    Nak(Duration),
}

impl Verdict {
    fn bytes(self) -> Bytes {
        match self {
            Self::Ack => Bytes::from_static(b"+ACK"),
            Self::Nak(Duration::ZERO) => Bytes::from_static(b"-NAK"),
            Self::Nak(delay) => format!("-NAK {{\"delay\": {}}}", delay.as_nanos()).into(),
        }
    }
}

/// Sends the verdict while the lease lasts, and waits for the answer: a few times, because a
/// repetition does no harm.
pub(super) async fn settle(
    link: &Link,
    lease: &Lease,
    verdict: Verdict,
) -> Result<(), SettleError> {
    let Some(reply) = lease.message.reply.clone() else { return Err(SettleError::Lost) };
    let give_up = Instant::now() + 2 * link.connection.request_timeout();
    let mut sent = false;
    loop {
        let until = lease.until().min(give_up);
        let failed = if sent { SettleError::Unknown } else { SettleError::Lost };
        // The client does not say that it was closed, so a failure is looked into as well.
        if sent || !link.is_connected() {
            match tokio::time::timeout_at(until.into(), link.connected()).await {
                Ok(true) => {}
                Ok(false) => return Err(SettleError::Disconnected),
                Err(_) if lease.is_lost() => return Err(failed),
                Err(_) => return Err(SettleError::Unknown),
            }
        }
        // The clock is read last: a process that was stopped above sends nothing.
        let now = Instant::now();
        if now >= until {
            return Err(if lease.is_lost() { failed } else { SettleError::Unknown });
        }
        let until = until.min(now + link.connection.request_timeout());
        match link.request(reply.clone(), verdict.bytes(), until).await {
            Ok(()) => {
                lease.settle();
                if verdict == Verdict::Ack {
                    announce(link).await;
                    discard(link, lease).await;
                }
                return Ok(());
            }
            Err(NoReply::NoResponders) => tokio::time::sleep(PAUSE).await,
            Err(NoReply::Unknown) => sent = true,
        }
    }
}

/// Deletes the object of a message that has left the queue, if it has one.
async fn discard(link: &Link, lease: &Lease) {
    let headers = lease.message.headers.as_ref();
    if has_object(headers)
        && let Err(error) = link.stores.queue.discard(headers).await
    {
        // Objects of no message are swept.
        let (queue, seq) = (link.name.as_str(), lease.meta.seq);
        tracing::debug!(queue, seq, %error, "an object stays in its store");
    }
}
