//! The lease of one member.

use super::roster::{Member, Role};
use crate::bucket::{Bucket, Write, WriteError};
use bytes::Bytes;
use levada::oneshot;
use std::fmt;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How long the message that says that a member left is kept: the shortest time that NATS knows.
const LEFT: Duration = Duration::from_secs(1);

/// Before a renewal follows one that failed.
const PAUSE: Duration = Duration::from_millis(250);

/// A member, until it drops: see [`Members::join`](super::Members::join).
///
/// Its drop ends the lease, by a task, which needs the runtime to live on for a moment:
/// [`leave`](Self::leave) waits for that.
#[must_use = "the member leaves when this drops"]
pub struct Membership {
    member: Member,
    /// Its drop ends the lease.
    stay: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Membership {
    pub(super) fn start(bucket: Bucket, role: Role, lease: Duration) -> Self {
        let member = Member::new(role);
        let (stay, left) = oneshot::channel();
        let task = tokio::spawn(hold(bucket, member.key(), lease, left));
        Self { member, stay, task }
    }

    /// What tells the member from all others.
    pub fn id(&self) -> &str {
        self.member.id()
    }

    /// What the member does.
    pub fn role(&self) -> Role {
        self.member.role()
    }

    /// Ends the lease, and waits until the server knows, or for as long as the lease.
    ///
    /// # Cancel safety
    /// The lease ends even if the future is dropped.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use levada_nats::members::Role;
    ///
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let members = connection.members("leaving".parse()?).open().await?;
    /// members.join(Role::Sender).leave().await;
    /// connection.close().await;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn leave(self) {
        drop(self.stay);
        // An error means that the runtime ends.
        let _ = self.task.await;
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").field("member", &self.member).finish_non_exhaustive()
    }
}

/// Renews the lease until `left` completes, and then ends it.
async fn hold(bucket: Bucket, key: String, lease: Duration, mut left: oneshot::Receiver<()>) {
    let mut state = bucket.connection().state();
    let third = lease / 3;
    while !state.borrow_and_update().is_closed() {
        let write =
            Write { key: &key, value: Some(Bytes::new()), expected: None, ttl: Some(lease) };
        let renewed = tokio::select! {
            biased;
            _ = &mut left => break,
            renewed = bucket.write(&write, third) => renewed,
        };
        let pause = match renewed {
            Ok(_) => third,
            Err(error) => {
                tracing::debug!(?error, "the lease of {key} is not renewed");
                if matches!(error, WriteError::NoBucket) {
                    // If this fails, so does the next renewal.
                    let _ = bucket.make().await;
                }
                PAUSE
            }
        };
        tokio::select! {
            biased;
            _ = &mut left => break,
            // A connection that is back may have been away for most of the lease.
            changed = state.changed() => if changed.is_err() {
                return;
            },
            () = sleep(pause) => {}
        }
    }
    let removal = Write { key: &key, value: None, expected: None, ttl: Some(LEFT) };
    if let Err(error) = bucket.write(&removal, lease).await {
        tracing::debug!(?error, "the lease of {key} ends by itself");
    }
}
