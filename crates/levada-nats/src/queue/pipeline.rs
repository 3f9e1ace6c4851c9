//! Single publishes, all under way at once: each is stored only directly behind the one before.
//!
//! On a stream of one server that does not sync, this is faster than an atomic batch, which the
//! server stores twice. Each message names the id of the one before it, and the server refuses it
//! if that is not the last one of the stream. So those that are stored are always the first ones,
//! whatever happens to one of them: there was no room for it for a moment, another sender came in
//! between, or the connection was lost.

use super::batch::STALLED;
use super::encode::Encoded;
use super::permits::Permits;
use super::publish::{Doubt, Outcome, acknowledged};
use super::{Accepted, Shared};
use async_nats::header::NATS_EXPECTED_LAST_MESSAGE_ID;
use async_nats::{Message, StatusCode};
use futures_util::StreamExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::{Instant, timeout_at};

/// The fewest and the most messages that are under way at once.
const FEWEST: usize = 16;
const MOST: usize = 1_000;

/// What the pipelines of a queue in this process share.
pub(super) struct Pipelines {
    /// One at a time, as two would refuse each other's messages.
    permit: Permits,
    /// How many messages the next one has at most: half as many after another sender came in
    /// between, and then twice as many each time that none did.
    size: AtomicUsize,
}

impl Default for Pipelines {
    fn default() -> Self {
        Self { permit: Permits::new(1), size: AtomicUsize::new(MOST) }
    }
}

impl Pipelines {
    pub(super) fn size(&self) -> usize {
        // ORDERING: relaxed, no pair: it is a guess.
        self.size.load(Ordering::Relaxed)
    }

    fn learn<T>(&self, outcome: &Outcome<T>) {
        let size = match outcome {
            Outcome::Accepted(_) => self.size().saturating_mul(2).min(MOST),
            Outcome::Interrupted => (self.size() / 2).max(FEWEST),
            _ => return,
        };
        // ORDERING: relaxed, no pair: as above.
        self.size.store(size, Ordering::Relaxed);
    }
}

/// Publishes the messages, once, and waits for the answers until the limit. Returns the first ones,
/// which were accepted, and what became of the next one.
///
/// Their ids are fresh ones, of which the stream has none that was not sent here: a duplicate
/// between others could lead around one that was refused.
pub(super) async fn publish_pipelined<T>(
    shared: &Shared<T>,
    messages: &mut [Encoded],
    doubt: &mut Doubt,
    limit: Instant,
) -> (Vec<Accepted>, Outcome<()>) {
    let pipelines = &shared.senders.pipelines;
    // One that is not polled holds the permit, and does not stop this one for longer.
    let patience = STALLED.min(limit.saturating_duration_since(Instant::now()));
    let _permit = pipelines.permit.wait(patience).await;
    for message in messages.iter_mut() {
        if let Err(error) = message.pack(shared, limit).await {
            return (Vec::new(), error.into());
        }
    }
    let before = doubt.begin();
    let outcomes = answers(shared, messages, limit).await;
    let mut accepted = Vec::with_capacity(messages.len());
    let mut next = Outcome::Accepted(());
    for outcome in outcomes {
        match outcome.unwrap_or(Outcome::Unknown) {
            Outcome::Accepted(one) => accepted.push(one),
            other => {
                next = other.map(|_| ());
                break;
            }
        }
    }
    doubt.settle(before, &next);
    pipelines.learn(&next);
    (accepted, next)
}

/// Publishes the messages, and waits for the answers for as long as the connection lasts. Returns
/// what each answer means that came.
async fn answers<T>(
    shared: &Shared<T>,
    messages: &[Encoded],
    limit: Instant,
) -> Vec<Option<Outcome<Accepted>>> {
    let client = shared.connection.client();
    let mut state = shared.connection.state();
    state.borrow_and_update();
    let inbox = client.new_inbox();
    let mut outcomes = Vec::new();
    outcomes.resize_with(messages.len(), || None);
    let Ok(mut answers) = client.subscribe(format!("{inbox}.*")).await else { return outcomes };
    let mut left = 0;
    for (index, message) in messages.iter().enumerate() {
        let mut headers = message.headers();
        if let Some(before) = index.checked_sub(1).and_then(|before| messages.get(before)) {
            headers.insert(NATS_EXPECTED_LAST_MESSAGE_ID, before.id.as_str());
        }
        let subject = shared.subjects.messages.clone();
        let reply = format!("{inbox}.{index}");
        let published =
            client.publish_with_reply_and_headers(subject, reply, headers, message.payload());
        // Without a connection nothing is handed to the client, which would send it much later.
        if state.has_changed().unwrap_or(true)
            || !matches!(timeout_at(limit, published).await, Ok(Ok(())))
        {
            outcomes[index] = Some(Outcome::NotNow);
            break;
        }
        left += 1;
    }
    let patience = shared.connection.request_timeout();
    let waiting = async {
        while left > 0
            && let limit = limit.min(Instant::now() + patience)
            && let Ok(Some(answer)) = timeout_at(limit, answers.next()).await
        {
            let index = answer.subject.rsplit('.').next().and_then(|index| index.parse().ok());
            if let Some(outcome @ None) = index.and_then(|index: usize| outcomes.get_mut(index)) {
                *outcome = Some(outcome_of(&answer));
                left -= 1;
            }
        }
    };
    tokio::select! {
        biased;
        () = waiting => {}
        _ = state.changed() => {}
    }
    outcomes
}

fn outcome_of(answer: &Message) -> Outcome<Accepted> {
    match answer.status {
        Some(StatusCode::NO_RESPONDERS) => Outcome::NoResponders,
        _ => acknowledged(Ok(answer)),
    }
}
