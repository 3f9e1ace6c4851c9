//! The side that asks: which questions wait for answers, and the task that hands the answers over.

use super::presence::{Link, Presence};
use super::wire::{self, ASKED, CANCEL, HELD};
use crate::{Connection, State};
use async_nats::{Client, HeaderMap, Message, StatusCode, Subject, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use levada::{mpsc, oneshot, watch};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// How often the task looks for answerers that are silent.
const TICK: Duration = Duration::from_millis(250);

/// How long an answerer may be silent before it is asked. It says what it holds twice a second.
const SILENT: Duration = Duration::from_millis(750);

/// What comes back for a question.
pub(super) enum Reply {
    Message(Message),
    /// The answerer is gone, or it does not know the question any more.
    Gone,
}

/// The questions of one asker. The task ends when this is dropped.
pub(super) struct Waiting {
    client: Client,
    /// The subject of the questions.
    questions: Subject,
    inbox: String,
    next: AtomicU64,
    table: Arc<Mutex<Table>>,
    cancels: mpsc::UnboundedSender<Cancelled>,
}

#[derive(Default)]
struct Table {
    slots: HashMap<u64, Slot>,
    /// The answerers that hold questions, by the last token of their inboxes.
    answerers: HashMap<String, Answerer>,
}

struct Slot {
    reply: oneshot::Sender<Reply>,
    /// The last token of the inbox of the answerer that holds it, if it is known.
    holder: Option<String>,
}

struct Answerer {
    inbox: String,
    heard: Instant,
    presence: Presence,
}

/// A question that its asker gave up.
struct Cancelled {
    id: u64,
    holder: Option<String>,
}

impl Waiting {
    /// Subscribes, and starts the task.
    pub(super) async fn start(connection: &Connection, questions: Subject) -> Option<Self> {
        let client = connection.client().clone();
        let inbox = client.new_inbox();
        let subscriber = client.subscribe(format!("{inbox}.*")).await.ok()?;
        let table = Arc::new(Mutex::default());
        let (cancels, cancelled) = mpsc::unbounded_channel();
        let task = Task {
            client: client.clone(),
            inbox: inbox.clone(),
            questions: questions.clone(),
            subscriber,
            table: Arc::clone(&table),
            cancelled,
            state: connection.state(),
            link: Link::default(),
        };
        tokio::spawn(task.run());
        Some(Self { client, questions, inbox, next: AtomicU64::new(0), table, cancels })
    }

    /// Sends a question. `None` if the connection is closed.
    pub(super) async fn send(&self, payload: Bytes, headers: HeaderMap) -> Option<Pending<'_>> {
        // ORDERING: Relaxed, no pair: only the number matters.
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, reply) = oneshot::channel();
        lock(&self.table).slots.insert(id, Slot { reply: sender, holder: None });
        let mut pending = Pending { waiting: self, id, reply, is_sent: false };
        let (subject, answers) = (self.questions.clone(), format!("{}.{id}", self.inbox));
        let sent = self.client.publish_with_reply_and_headers(subject, answers, headers, payload);
        sent.await.ok()?;
        pending.is_sent = true;
        Some(pending)
    }
}

/// A question under way. Dropped before the reply, it is cancelled.
pub(super) struct Pending<'a> {
    waiting: &'a Waiting,
    id: u64,
    reply: oneshot::Receiver<Reply>,
    is_sent: bool,
}

impl Pending<'_> {
    /// Waits for the reply. `None` if the connection is closed.
    pub(super) async fn reply(&mut self) -> Option<Reply> {
        (&mut self.reply).await.ok()
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let slot = lock(&self.waiting.table).slots.remove(&self.id);
        // The task has taken the slot if there is a reply.
        if let Some(slot) = slot
            && self.is_sent
        {
            let cancelled = Cancelled { id: self.id, holder: slot.holder };
            // The task is gone only with the connection.
            let _ = self.waiting.cancels.send(cancelled);
        }
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    // Nothing that runs under the lock panics half-way through a change.
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Task {
    client: Client,
    inbox: String,
    questions: Subject,
    subscriber: Subscriber,
    table: Arc<Mutex<Table>>,
    cancelled: mpsc::UnboundedReceiver<Cancelled>,
    state: watch::Receiver<State>,
    link: Link,
}

impl Task {
    async fn run(mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut has_holders = false;
        loop {
            tokio::select! {
                message = self.subscriber.next() => match message {
                    Some(message) => {
                        has_holders |= self.take(message).await;
                        // Those that are there as well cost less than another round.
                        while let Some(Some(message)) = self.subscriber.next().now_or_never() {
                            has_holders |= self.take(message).await;
                        }
                    }
                    None => break,
                },
                cancelled = self.cancelled.recv() => match cancelled {
                    Some(cancelled) => self.cancel(cancelled).await,
                    None => break,
                },
                _ = tick.tick(), if has_holders => has_holders = self.look_for_silent().await,
                changed = self.state.changed() => match changed {
                    Ok(()) => self.link.changed(Instant::now()),
                    Err(_) => break,
                },
            }
        }
        // The connection is closed, or nothing waits: no reply comes any more.
        lock(&self.table).slots.clear();
    }

    /// Takes a message to the inbox. Returns whether an answerer says that it holds questions.
    async fn take(&self, message: Message) -> bool {
        let Some((_, last)) = wire::split(&message.subject) else { return false };
        if let Ok(id) = last.parse::<u64>() {
            let slot = lock(&self.table).slots.remove(&id);
            if let Some(slot) = slot {
                // The asker may have given up just now.
                let _ = slot.reply.send(Reply::Message(message));
            }
            return false;
        }
        if last == HELD {
            self.is_held(&message).await;
            return true;
        }
        let token = last.to_owned();
        self.hear_of(&token, &message);
        false
    }

    /// An answerer holds these questions. The reply names those that nothing waits for.
    async fn is_held(&self, message: &Message) {
        let Some(reply) = &message.reply else { return };
        // It waits for the reply at its inbox, under this asker's token.
        let Some((inbox, _)) = wire::split(reply) else { return };
        let token = wire::token(inbox);
        let unknown = {
            let mut table = lock(&self.table);
            let mut unknown = Vec::new();
            for id in wire::parse_ids(&message.payload) {
                match table.slots.get_mut(&id) {
                    Some(slot) => slot.holder = Some(token.to_owned()),
                    None => unknown.push(id),
                }
            }
            let answerer = table.answerers.entry(token.to_owned()).or_insert_with(|| Answerer {
                inbox: inbox.to_owned(),
                heard: Instant::now(),
                presence: Presence::default(),
            });
            answerer.heard = Instant::now();
            answerer.presence.is_heard();
            unknown
        };
        // It fails only if the connection is closed.
        let _ = self.client.publish(reply.clone(), wire::ids(&unknown)).await;
    }

    /// What an answerer says about the questions that it was asked for, or the server about the
    /// answerer.
    fn hear_of(&self, token: &str, message: &Message) {
        let mut table = lock(&self.table);
        let Some(answerer) = table.answerers.get_mut(token) else { return };
        let now = Instant::now();
        let mut gone = Vec::new();
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            if answerer.presence.is_missing(&self.link, now) {
                table.answerers.remove(token);
                let held = table.slots.iter();
                let held = held.filter(|(_, slot)| slot.holder.as_deref() == Some(token));
                gone.extend(held.map(|(id, _)| *id));
            }
        } else {
            answerer.heard = now;
            answerer.presence.is_heard();
            // Its answers come on the same way as this list, in their order: an answer to one of
            // these was lost, or there is none.
            gone.extend(wire::parse_ids(&message.payload));
        }
        for id in gone {
            if let Some(slot) = table.slots.remove(&id) {
                let _ = slot.reply.send(Reply::Gone);
            }
        }
    }

    /// Asks silent answerers for their questions. Returns whether any holds one.
    async fn look_for_silent(&self) -> bool {
        let (requests, has_holders) = {
            let mut table = lock(&self.table);
            let Table { slots, answerers } = &mut *table;
            let mut held: HashMap<&str, Vec<u64>> = HashMap::new();
            for (id, slot) in slots.iter() {
                if let Some(holder) = &slot.holder {
                    held.entry(holder).or_default().push(*id);
                }
            }
            answerers.retain(|token, _| held.contains_key(token.as_str()));
            let silent = answerers.iter().filter(|(_, answerer)| answerer.heard.elapsed() > SILENT);
            let requests = silent.flat_map(|(token, answerer)| {
                let ids = held.get(token.as_str()).map(Vec::as_slice).unwrap_or_default();
                let subject = format!("{}.{ASKED}", answerer.inbox);
                ids.chunks(wire::IDS)
                    .map(move |ids| (subject.clone(), token.clone(), wire::ids(ids)))
            });
            (requests.collect::<Vec<_>>(), !held.is_empty())
        };
        if self.state.borrow().is_connected() {
            for (subject, token, ids) in requests {
                let reply = format!("{}.{token}", self.inbox);
                let _ = self.client.publish_with_reply(subject, reply, ids).await;
            }
        }
        has_holders
    }

    /// Cancels this question, and all others that wait for it.
    async fn cancel(&mut self, first: Cancelled) {
        let mut by_holder: HashMap<Option<String>, Vec<u64>> = HashMap::new();
        let mut next = Some(first);
        while let Some(Cancelled { id, holder }) = next {
            by_holder.entry(holder).or_default().push(id);
            next = self.cancelled.try_recv().ok();
        }
        for (holder, ids) in by_holder {
            let subject = {
                let table = lock(&self.table);
                let answerer = holder.and_then(|token| table.answerers.get(&token));
                match answerer {
                    Some(answerer) => format!("{}.{CANCEL}", answerer.inbox),
                    None => wire::cancel_subject(&self.questions),
                }
            };
            for ids in ids.chunks(wire::IDS) {
                let payload = wire::cancellation(&self.inbox, ids);
                let _ = self.client.publish(subject.clone(), payload).await;
            }
        }
    }
}
