//! The futures of `send` and `try_send`.

use super::attempts::{Attempts, is_gone};
use super::encode::{Encoded, fresh_id};
use super::error::{Cause, SendError};
use super::publish::{Doubt, Outcome, publish};
use super::{Accepted, Shared};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a `send` waits unless it is given another time.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

/// The latest deadline. Timers end before the end of `Instant`.
const LATEST: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The future of a send: the answer, or the message.
pub type Sending<T> =
    Pin<Box<dyn Future<Output = Result<Accepted, SendError<T>>> + std::marker::Send>>;

/// A `try_send` that begins when it is awaited.
#[must_use = "a message is sent when this is awaited"]
pub struct TrySend<T> {
    shared: Arc<Shared<T>>,
    message: T,
    id: Option<String>,
}

impl<T> TrySend<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, message: T) -> Self {
        Self { shared, message, id: None }
    }

    /// The id by which the server recognises the message within the duplicate window. Without it,
    /// the message has a fresh one.
    ///
    /// Ids have no control characters and no spaces at their ends; others, and empty ones, are
    /// [`Refused`](SendError::Refused).
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

impl<T: std::marker::Send + 'static> IntoFuture for TrySend<T> {
    type Output = Result<Accepted, SendError<T>>;
    type IntoFuture = Sending<T>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { shared, message, id } = self;
            let id = id.unwrap_or_else(|| fresh_id(shared.connection.client()));
            let sent = match Encoded::new(&shared, &message, id.clone()) {
                Ok(encoded) => try_once(&shared, &encoded).await,
                Err(cause) => Err(cause),
            };
            sent.map_err(|cause| cause.with(message, id))
        })
    }
}

async fn try_once<T>(shared: &Shared<T>, encoded: &Encoded) -> Result<Accepted, Cause> {
    if !shared.connection.state().borrow().is_connected() {
        return Err(Cause::Disconnected);
    }
    match publish(shared, encoded, &mut Doubt::default()).await {
        Outcome::Accepted(accepted) => Ok(accepted),
        Outcome::Full => Err(Cause::Full),
        Outcome::NotNow => Err(Cause::Disconnected),
        Outcome::NoResponders if is_gone(shared).await => Err(Cause::NoStream),
        Outcome::NoResponders => Err(Cause::Disconnected),
        Outcome::Unknown | Outcome::Duplicate => Err(Cause::Unknown),
        Outcome::Refused(reason) => Err(Cause::Refused(reason)),
    }
}

/// A `send` that begins when it is awaited.
#[must_use = "a message is sent when this is awaited"]
pub struct Send<T> {
    shared: Arc<Shared<T>>,
    message: T,
    id: Option<String>,
    within: Duration,
}

impl<T> Send<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, message: T) -> Self {
        Self { shared, message, id: None, within: WITHIN }
    }

    /// The id by which the server recognises the message within the duplicate window. Without it,
    /// the message has a fresh one.
    ///
    /// Ids have no control characters and no spaces at their ends; others, and empty ones, are
    /// [`Refused`](SendError::Refused).
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// How long it waits at most, from when it is awaited: 30 seconds unless this says otherwise.
    ///
    /// A message that the server did not answer for is sent again for three quarters of the
    /// duplicate window at most; then it is [`Unknown`](SendError::Unknown).
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }
}

impl<T: std::marker::Send + 'static> IntoFuture for Send<T> {
    type Output = Result<Accepted, SendError<T>>;
    type IntoFuture = Sending<T>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { shared, message, id, within } = self;
            let id = id.unwrap_or_else(|| fresh_id(shared.connection.client()));
            let sent = match Encoded::new(&shared, &message, id.clone()) {
                Ok(encoded) => send_until(&shared, &encoded, deadline(within)).await,
                Err(cause) => Err(cause),
            };
            sent.map_err(|cause| cause.with(message, id))
        })
    }
}

pub(super) fn deadline(within: Duration) -> Instant {
    Instant::now() + within.min(LATEST)
}

async fn send_until<T>(
    shared: &Shared<T>,
    encoded: &Encoded,
    deadline: Instant,
) -> Result<Accepted, Cause> {
    let mut attempts = Attempts::new(shared);
    let sent = timeout_at(deadline, send(shared, encoded, &mut attempts)).await;
    sent.unwrap_or_else(|_| Err(attempts.overdue()))
}

/// Tries again and again. The caller limits the time.
async fn send<T>(
    shared: &Shared<T>,
    encoded: &Encoded,
    attempts: &mut Attempts<'_, T>,
) -> Result<Accepted, Cause> {
    loop {
        attempts.ready().await?;
        match publish(shared, encoded, &mut attempts.doubt).await {
            Outcome::Accepted(accepted) => {
                attempts.accepted();
                return Ok(accepted);
            }
            other => attempts.after(other).await?,
        }
    }
}

/// Without the message.
impl<T> fmt::Debug for TrySend<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrySend").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Without the message.
impl<T> fmt::Debug for Send<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, within, .. } = self;
        f.debug_struct("Send").field("id", id).field("within", within).finish_non_exhaustive()
    }
}
