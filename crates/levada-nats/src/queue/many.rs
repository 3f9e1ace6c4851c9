//! The future of `send_many`.

use super::attempts::Attempts;
use super::batch::{self, publish_batch};
use super::encode::Encoded;
use super::error::{Cause, SendManyError};
use super::pipeline::publish_pipelined;
use super::publish::{Outcome, publish};
use super::send::WITHIN;
use super::{Accepted, Capacity, Shared};
use crate::Durability;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The future of a `send_many`: one answer for each message, or those that are left.
pub type SendingMany<T> =
    Pin<Box<dyn Future<Output = Result<Vec<Accepted>, SendManyError<T>>> + Send>>;

/// A `send_many` that begins when it is awaited.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let tx = connection.queue("letters-of-words".parse()?).open::<char>().await?.sender();
/// let ids = (0..6).map(|n| format!("{} {n}", std::process::id()));
/// let accepted = tx.send_many("levada".chars()).ids(ids).await?;
/// assert!(accepted.iter().all(|accepted| !accepted.duplicate));
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[must_use = "messages are sent when this is awaited"]
pub struct SendMany<T> {
    shared: Arc<Shared<T>>,
    messages: VecDeque<T>,
    ids: VecDeque<String>,
    within: Duration,
}

impl<T> SendMany<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, messages: VecDeque<T>) -> Self {
        Self { shared, messages, ids: VecDeque::new(), within: WITHIN }
    }

    /// The ids of the messages, in their order. Messages beyond the last id have fresh ones, and
    /// ids beyond the last message are ignored. With ids, all batches are atomic. For what an id
    /// is, see [`Send::id`](super::Send::id).
    pub fn ids(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.ids = ids.into_iter().take(self.messages.len()).map(Into::into).collect();
        self
    }

    /// How long it waits at most, from when it is awaited: 30 seconds unless this says otherwise.
    /// A batch that is under way then is awaited for one second more, so that its end is known.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }
}

impl<T: Send + 'static> IntoFuture for SendMany<T> {
    type Output = Result<Vec<Accepted>, SendManyError<T>>;
    type IntoFuture = SendingMany<T>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { shared, messages, mut ids, within } = self;
            let is_pipelined = shared.durability == Durability::Lazy && ids.is_empty();
            ids.resize_with(messages.len(), || shared.senders.ids.next());
            let mut course = Course { is_pipelined, ..Course::new(&shared, within, messages, ids) };
            let sent = course.run().await;
            course.end(sent).await
        })
    }
}

/// How far a `send_many` has come.
struct Course<'a, T> {
    shared: &'a Shared<T>,
    attempts: Attempts<'a, T>,
    accepted: Vec<Accepted>,
    /// What is left, and the first of it as it is sent, and the ids of the rest of it.
    messages: VecDeque<T>,
    encoded: VecDeque<Encoded>,
    ids: VecDeque<String>,
    /// How many messages the next batch has at most.
    size: usize,
    /// How many of the first are sent one by one: one of them is a duplicate.
    singly: usize,
    /// Whether messages are published one by one, all under way at once, and not in batches.
    is_pipelined: bool,
    /// How many of the first may be in the queue: they were in a batch without an answer.
    doubtful: usize,
}

impl<'a, T: 'static> Course<'a, T> {
    fn new(
        shared: &'a Shared<T>,
        within: Duration,
        messages: VecDeque<T>,
        ids: VecDeque<String>,
    ) -> Self {
        Self {
            shared,
            attempts: Attempts::new(shared, within),
            accepted: Vec::with_capacity(messages.len()),
            messages,
            encoded: VecDeque::new(),
            ids,
            size: Self::largest(shared),
            singly: 0,
            is_pipelined: false,
            doubtful: 0,
        }
    }

    fn largest(shared: &Shared<T>) -> usize {
        match shared.capacity {
            Capacity::Messages(capacity) => {
                usize::try_from(capacity).unwrap_or(usize::MAX).min(batch::MOST)
            }
            Capacity::Bytes(_) => batch::MOST,
        }
    }

    async fn run(&mut self) -> Result<(), Cause> {
        while !self.messages.is_empty() {
            self.encode()?;
            let count = self.next_count();
            let limit = self.attempts.ready().await?;
            let (accepted, outcome) = self.publish(count, limit).await;
            if self.attempts.doubt.since.is_some() {
                self.doubtful = self.doubtful.max(count);
            }
            let sent = (count, accepted.len());
            if !accepted.is_empty() {
                self.take(accepted);
            }
            self.after(sent, outcome).await?;
        }
        Ok(())
    }

    /// The first ones that were accepted, and what became of the next one, or of the whole batch.
    async fn publish(&mut self, count: usize, limit: Instant) -> (Vec<Accepted>, Outcome<()>) {
        let next = &mut self.encoded.make_contiguous()[..count];
        let doubt = &mut self.attempts.doubt;
        let outcome = match next {
            [one] => publish(self.shared, one, doubt, limit).await.map(|accepted| vec![accepted]),
            many if self.is_pipelined => {
                return publish_pipelined(self.shared, many, doubt, limit).await;
            }
            many => publish_batch(self.shared, many, doubt, limit).await,
        };
        let mut accepted = Vec::new();
        let outcome = outcome.map(|all| accepted = all);
        (accepted, outcome)
    }

    /// Encodes what may be in the next batch. A message that cannot be sent is an error when it is
    /// the first; before that, those in front of it are sent.
    fn encode(&mut self) -> Result<(), Cause> {
        let mut bytes: usize = self.encoded.iter().map(Encoded::size).sum();
        while self.encoded.len() < self.size.max(1) && bytes < batch::MOST_BYTES {
            let index = self.encoded.len();
            let (Some(message), Some(id)) = (self.messages.get(index), self.ids.front()) else {
                break;
            };
            match Encoded::new(self.shared, message, id.clone()) {
                Ok(encoded) => {
                    bytes += encoded.size();
                    self.encoded.push_back(encoded);
                    self.ids.pop_front();
                }
                Err(cause) if index == 0 => return Err(cause),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// How many of the encoded messages are sent next.
    fn next_count(&self) -> usize {
        if self.singly > 0 {
            return 1;
        }
        let mut bytes = 0;
        let size = if self.is_pipelined {
            self.size.min(self.shared.senders.pipelines.size())
        } else {
            self.size
        };
        let fits = self.encoded.iter().take(size).take_while(|encoded| {
            bytes += encoded.size();
            bytes <= batch::MOST_BYTES
        });
        fits.count().max(1)
    }

    fn take(&mut self, accepted: Vec<Accepted>) {
        let count = accepted.len();
        self.accepted.extend(accepted);
        self.messages.drain(..count);
        self.encoded.drain(..count);
        self.singly = self.singly.saturating_sub(count);
        self.doubtful = self.doubtful.saturating_sub(count);
        if self.doubtful == 0 {
            self.attempts.doubt.since = None;
        }
        self.size = (self.size * 2).min(Self::largest(self.shared));
        self.attempts.accepted();
    }

    /// So many were sent, and so many of them were accepted.
    async fn after(
        &mut self,
        (sent, accepted): (usize, usize),
        outcome: Outcome<()>,
    ) -> Result<(), Cause> {
        match outcome {
            Outcome::Accepted(()) => {}
            // Nothing comes between the messages of a batch.
            Outcome::Interrupted => self.is_pipelined = false,
            Outcome::Full if self.is_pipelined => {
                self.size = accepted.max(1);
                self.attempts.after(outcome).await?;
            }
            // It is that of the first message which was not accepted.
            other if self.is_pipelined => self.attempts.after(other).await?,
            // One of them: those before it are sent.
            Outcome::Duplicate | Outcome::Refused(_) if sent > 1 => self.singly = sent,
            Outcome::Full if sent > 1 => {
                self.size = sent / 2;
                self.attempts.were_too_many();
            }
            other => self.attempts.after(other).await?,
        }
        Ok(())
    }

    async fn end(mut self, sent: Result<(), Cause>) -> Result<Vec<Accepted>, SendManyError<T>> {
        let Err(cause) = sent else { return Ok(self.accepted) };
        // The others in line do not wait for this.
        drop(self.attempts);
        for encoded in self.encoded.iter_mut().skip(self.doubtful) {
            encoded.clean(self.shared).await;
        }
        let ids: Vec<_> = self.encoded.into_iter().map(|it| it.id).chain(self.ids).collect();
        let first = ids.first().cloned().unwrap_or_default();
        Err(SendManyError {
            accepted: self.accepted,
            rest: self.messages.into(),
            ids,
            cause: cause.with((), first),
        })
    }
}

/// Without the messages.
impl<T> fmt::Debug for SendMany<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMany")
            .field("messages", &self.messages.len())
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}
