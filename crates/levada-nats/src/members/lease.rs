//! The lease of one member.

use super::roster::{Member, Role};
use crate::bucket::{Bucket, Write, WriteError};
use bytes::Bytes;
use levada::watch;
use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How long the message that says that a member left is kept: the shortest time that NATS knows.
const LEFT: Duration = Duration::from_secs(1);

/// Before a renewal follows one that failed.
const PAUSE: Duration = Duration::from_millis(250);

/// The most bytes that a member says of itself: every renewal carries them to every process.
pub const LONGEST_DESCRIPTION: usize = 4096;

/// A member's description is longer than [`LONGEST_DESCRIPTION`].
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use levada_nats::members::Role;
///
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let members = connection.members("wordy".parse()?).open().await?;
/// let error = members.join(Role::Sender).describe("x".repeat(5000)).unwrap_err();
/// assert_eq!(error.to_string(), "a description of 5000 bytes: a member has at most 4096");
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptionTooLong {
    length: usize,
}

impl fmt::Display for DescriptionTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.length;
        write!(f, "a description of {length} bytes: a member has at most {LONGEST_DESCRIPTION}")
    }
}

impl Error for DescriptionTooLong {}

/// A member, until it drops: see [`Members::join`](super::Members::join).
///
/// Its drop ends the lease, by a task, which needs the runtime to live on for a moment:
/// [`leave`](Self::leave) waits for that.
#[must_use = "the member leaves when this drops"]
pub struct Membership {
    member: Member,
    /// What it says of itself. Its drop ends the lease.
    description: watch::Sender<Bytes>,
    task: JoinHandle<()>,
}

impl Membership {
    pub(super) fn start(bucket: Bucket, role: Role, lease: Duration) -> Self {
        let member = Member::new(role);
        let (description, said) = watch::channel(Bytes::new());
        let task = tokio::spawn(hold(bucket, member.key(), lease, said));
        Self { member, description, task }
    }

    /// What tells the member from all others.
    pub fn id(&self) -> &str {
        self.member.id()
    }

    /// What the member does.
    pub fn role(&self) -> Role {
        self.member.role()
    }

    /// Says something of this member to all that see it: [`Member::description`]. Each call takes
    /// the place of the one before, and is sent at once; of calls that follow each other faster
    /// than the server answers, the last one is.
    ///
    /// # Errors
    /// The text is longer than [`LONGEST_DESCRIPTION`] bytes. The one before stays.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use levada_nats::members::Role;
    ///
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let members = connection.members("described".parse()?).open().await?;
    /// let membership = members.join(Role::Sender);
    /// membership.describe("front end on host-1")?;
    /// let mut roster = members.subscribe();
    /// let is_there = |roster: &levada_nats::members::Roster| {
    ///     roster.iter().any(|member| member.description() == "front end on host-1")
    /// };
    /// roster.wait_for(is_there).await?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn describe(&self, text: impl Into<String>) -> Result<(), DescriptionTooLong> {
        let text = text.into();
        if text.len() > LONGEST_DESCRIPTION {
            return Err(DescriptionTooLong { length: text.len() });
        }
        self.description.send_if_modified(|description| {
            let is_other = description[..] != *text.as_bytes();
            if is_other {
                *description = Bytes::from(text);
            }
            is_other
        });
        Ok(())
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
        drop(self.description);
        // An error means that the runtime ends.
        let _ = self.task.await;
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").field("member", &self.member).finish_non_exhaustive()
    }
}

/// Renews the lease until the membership is gone, and then ends it.
async fn hold(
    bucket: Bucket,
    key: String,
    lease: Duration,
    mut description: watch::Receiver<Bytes>,
) {
    let mut state = bucket.connection().state();
    let third = lease / 3;
    let mut left = description.clone();
    let mut left = pin!(async move { while left.changed().await.is_ok() {} });
    while !state.borrow_and_update().is_closed() {
        let value = description.borrow_and_update().clone();
        let write = Write { key: &key, value: Some(value), expected: None, ttl: Some(lease) };
        let renewed = tokio::select! {
            biased;
            () = &mut left => break,
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
            () = &mut left => break,
            // After a failure the pause goes first.
            _ = description.changed(), if pause == third => {}
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
