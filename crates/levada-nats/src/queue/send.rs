//! The futures of `send` and `try_send`.

use super::attempts::{Attempts, is_gone};
use super::encode::Encoded;
use super::error::{Cause, SendError};
use super::publish::{Doubt, Outcome, publish};
use super::{Accepted, Shared};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a `send` waits unless it is given another time.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

/// The future of a send: the answer, or the message.
pub type Sending<T> =
    Pin<Box<dyn Future<Output = Result<Accepted, SendError<T>>> + std::marker::Send>>;

/// A `try_send` that begins when it is awaited.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let tx = connection.queue("tries".parse()?).open::<u32>().await?.sender();
/// let attempt = tx.try_send(1).id("one");
/// assert!(attempt.await.is_ok());
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
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
            let id = id.unwrap_or_else(|| shared.senders.ids.next());
            let sent = match Encoded::new(&shared, &message, id.clone()) {
                Ok(encoded) => try_once(&shared, encoded).await,
                Err(cause) => Err(cause),
            };
            sent.map_err(|cause| cause.with(message, id))
        })
    }
}

async fn try_once<T>(shared: &Shared<T>, mut encoded: Encoded) -> Result<Accepted, Cause> {
    if !shared.connection.state().borrow().is_connected() {
        return Err(Cause::Disconnected);
    }
    let limit = Instant::now() + WITHIN; // A request has a shorter one.
    let cause = match publish(shared, &mut encoded, &mut Doubt::default(), limit).await {
        Outcome::Accepted(accepted) => return Ok(accepted),
        Outcome::Full => Cause::Full,
        Outcome::NotNow => Cause::Disconnected,
        Outcome::NoResponders if is_gone(shared).await => Cause::NoStream,
        Outcome::NoResponders => Cause::Disconnected,
        Outcome::Unknown | Outcome::Duplicate | Outcome::Interrupted => return Err(Cause::Unknown),
        Outcome::Refused(reason) => Cause::Refused(reason),
    };
    encoded.clean(shared).await;
    Err(cause)
}

/// A `send` that begins when it is awaited.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use std::time::Duration;
///
/// let tx = connection.queue("sends".parse()?).open::<u32>().await?.sender();
/// let send = tx.send(1).id("one").within(Duration::from_secs(10));
/// // The future owns all that it needs: a task of its own can run it.
/// let task = tokio::spawn(send.into_future());
/// assert!(task.await?.is_ok());
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
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
    /// An attempt that is under way then is awaited for one second more, so that its end is known.
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
            let id = id.unwrap_or_else(|| shared.senders.ids.next());
            let sent = match Encoded::new(&shared, &message, id.clone()) {
                Ok(encoded) => send(&shared, encoded, within).await,
                Err(cause) => Err(cause),
            };
            sent.map_err(|cause| cause.with(message, id))
        })
    }
}

async fn send<T>(
    shared: &Shared<T>,
    mut encoded: Encoded,
    within: Duration,
) -> Result<Accepted, Cause> {
    let mut attempts = Attempts::new(shared, within);
    let sent = attempt(shared, &mut encoded, &mut attempts).await;
    // The others in line do not wait for this.
    drop(attempts);
    if sent.as_ref().is_err_and(|cause| !matches!(cause, Cause::Unknown)) {
        encoded.clean(shared).await;
    }
    sent
}

async fn attempt<T>(
    shared: &Shared<T>,
    encoded: &mut Encoded,
    attempts: &mut Attempts<'_, T>,
) -> Result<Accepted, Cause> {
    loop {
        let limit = attempts.ready().await?;
        match publish(shared, encoded, &mut attempts.doubt, limit).await {
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
