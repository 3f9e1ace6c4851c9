//! The side that answers: which questions it holds, and the task that takes and closes them.

use super::group::Group;
use super::presence::{Link, Presence};
use super::wire::{self, ASKED, CANCEL, FILLED, HELD, Refusal};
use crate::State;
use async_nats::{Client, Message, StatusCode, Subject, Subscriber};
use futures_util::StreamExt;
use levada::{mpsc, watch};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// How long a question is held before its asker learns by whom.
const ANNOUNCE: Duration = Duration::from_millis(50);

/// How often an asker hears what is held for it.
const REPEAT: Duration = Duration::from_millis(500);

/// A question as it came.
pub(super) struct Accepted {
    pub(super) message: Message,
    pub(super) ticket: Ticket,
}

/// A seat, and the duty to answer. Dropped, it refuses the question.
pub(super) struct Ticket {
    /// Where the answer goes. No other question has the same.
    pub(super) reply: Subject,
    pub(super) deadline: Instant,
    /// Set when the asker no longer waits.
    pub(super) closed: watch::Receiver<bool>,
    ends: Ends,
    /// Whether the program has the question. Until then another answerer may get it.
    pub(super) is_handed_out: bool,
    is_finished: bool,
}

/// Where the seats go that are free again.
#[derive(Clone)]
struct Ends {
    /// Of questions that were answered. The task reads these when it needs to know: an answer does
    /// not wake it.
    answered: mpsc::UnboundedSender<Subject>,
    /// Of questions whose refusal is to be sent.
    refused: mpsc::UnboundedSender<(Subject, Refusal)>,
}

impl Ticket {
    /// Whether the asker no longer waits.
    pub(super) fn is_closed(&self) -> bool {
        *self.closed.borrow() || Instant::now() >= self.deadline
    }

    /// Frees the seat; with a refusal, which is sent.
    pub(super) fn finish(&mut self, refusal: Option<Refusal>) {
        if !self.is_finished {
            self.is_finished = true;
            let reply = self.reply.clone();
            // The task is gone only with the connection.
            let _ = match refusal {
                None => self.ends.answered.send(reply).is_ok(),
                Some(refusal) => self.ends.refused.send((reply, refusal)).is_ok(),
            };
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let refusal = if self.is_handed_out { Refusal::dropped() } else { Refusal::leaving() };
        let is_open = !self.is_closed();
        self.finish(is_open.then_some(refusal));
    }
}

/// What the task needs.
pub(super) struct Task {
    pub(super) client: Client,
    pub(super) inbox: String,
    pub(super) seats: usize,
    /// How long a question is held whose asker does not say how long it waits.
    pub(super) patience: Duration,
    pub(super) questions: Group,
    pub(super) cancellations: Subscriber,
    pub(super) letters: Subscriber,
    pub(super) accepted: mpsc::UnboundedSender<Accepted>,
    pub(super) state: watch::Receiver<State>,
}

/// The task while it runs.
struct Running {
    task: Task,
    ends: Ends,
    answered: mpsc::UnboundedReceiver<Subject>,
    /// By the subjects for their answers.
    held: HashMap<String, Held>,
    /// By the last token of their inboxes.
    askers: HashMap<String, Asker>,
    link: Link,
    /// Whether the subscription is newer than the loss of the connection.
    is_renewed: bool,
    /// Whether the answerer was dropped.
    is_leaving: bool,
}

struct Held {
    close: watch::Sender<bool>,
    since: Instant,
    deadline: Instant,
    /// Nothing for a program without this crate.
    asker: Option<Origin>,
}

/// The last token of an asker's inbox, and its number for the question.
struct Origin {
    token: String,
    id: u64,
    is_announced: bool,
}

#[derive(Default)]
struct Asker {
    inbox: String,
    written: Option<Instant>,
    presence: Presence,
}

impl Task {
    pub(super) async fn run(self) {
        let (answers, answered) = mpsc::unbounded_channel();
        let (refusals, refused) = mpsc::unbounded_channel();
        let running = Running {
            task: self,
            ends: Ends { answered: answers, refused: refusals },
            answered,
            held: HashMap::new(),
            askers: HashMap::new(),
            link: Link::default(),
            is_renewed: false,
            is_leaving: false,
        };
        running.run(refused).await;
    }
}

impl Running {
    async fn run(mut self, mut refused: mpsc::UnboundedReceiver<(Subject, Refusal)>) {
        let mut tick = interval(ANNOUNCE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let accepted = self.task.accepted.clone();
        let mut has_questions = true;
        loop {
            tokio::select! {
                message = self.task.questions.next(), if has_questions => match message {
                    Some(message) => {
                        self.accept(message).await;
                        // Those that are there as well cost less than another round.
                        self.take_ready().await;
                    }
                    None if self.is_leaving => has_questions = false,
                    None => return,
                },
                message = self.task.cancellations.next() => match message {
                    Some(message) => self.cancel(&message).await,
                    None => return,
                },
                message = self.task.letters.next() => match message {
                    Some(message) => self.read(message).await,
                    None => return,
                },
                // This task has a sender itself.
                Some((reply, refusal)) = refused.recv() => {
                    if self.held.remove(reply.as_str()).is_some() {
                        self.refuse(reply, &refusal).await;
                    }
                }
                _ = tick.tick(), if !self.held.is_empty() => self.announce().await,
                changed = self.task.state.changed() => match changed {
                    Ok(()) => self.link_changed().await,
                    Err(_) => return,
                },
                () = accepted.closed(), if !self.is_leaving => self.leave().await,
            }
            self.free_answered();
            if self.is_leaving && !has_questions && self.held.is_empty() {
                return;
            }
        }
    }

    /// The connection is lost, or there is one again.
    async fn link_changed(&mut self) {
        self.link.changed(Instant::now());
        if self.is_leaving {
            // The connection took with it what was under way.
            self.task.questions.end().await;
            return;
        }
        let is_connected = self.task.state.borrow().is_connected();
        // A connection that is back so soon that its loss was not seen has the old subscription.
        if !is_connected || !self.is_renewed {
            self.take_ready().await;
            self.task.questions.renew().await;
        }
        self.is_renewed = !is_connected;
    }

    /// Takes the questions that are there already.
    async fn take_ready(&mut self) {
        while let Some(question) = self.task.questions.ready() {
            self.accept(question).await;
        }
    }

    /// The answerer was dropped: no more questions are taken.
    async fn leave(&mut self) {
        self.is_leaving = true;
        self.take_ready().await;
        self.task.questions.leave().await;
        self.fill().await;
    }

    /// Makes the subscription end.
    async fn fill(&mut self) {
        let then = format!("{}.{FILLED}", self.task.inbox);
        self.task.questions.fill(then).await;
    }

    /// Takes a question if there is a seat for it.
    async fn accept(&mut self, message: Message) {
        self.free_answered();
        let Some(reply) = message.reply.clone() else {
            tracing::debug!(subject = %message.subject, "a question without a reply subject");
            return;
        };
        if self.is_leaving {
            self.refuse(reply, &Refusal::leaving()).await;
            return;
        }
        if self.held.len() >= self.task.seats {
            self.refuse(reply, &Refusal::busy()).await;
            return;
        }
        if self.held.contains_key(reply.as_str()) {
            return;
        }
        if self.held.is_empty() {
            // What was known of them is old: nothing was written to them meanwhile.
            self.askers.clear();
        }
        let within = wire::within(message.headers.as_ref());
        let now = Instant::now();
        let left = within.unwrap_or(self.task.patience);
        let Some(deadline) = now.checked_add(left) else { return };
        let origin = within.and_then(|_| wire::split(&reply)).and_then(|(inbox, id)| {
            let origin = Origin {
                token: wire::token(inbox).to_owned(),
                id: id.parse().ok()?,
                is_announced: false,
            };
            Some((inbox.to_owned(), origin))
        });
        let asker = origin.map(|(inbox, origin)| {
            let asker = self.askers.entry(origin.token.clone());
            asker.or_insert_with(|| Asker { inbox, ..Asker::default() });
            origin
        });
        let (close, closed) = watch::channel(false);
        self.held.insert(reply.to_string(), Held { close, since: now, deadline, asker });
        let ends = self.ends.clone();
        let ticket =
            Ticket { reply, deadline, closed, ends, is_handed_out: false, is_finished: false };
        // If the answerer was dropped just now, so is the ticket, which refuses the question.
        let _ = self.task.accepted.send(Accepted { message, ticket });
    }

    fn free_answered(&mut self) {
        while let Ok(reply) = self.answered.try_recv() {
            self.held.remove(reply.as_str());
        }
    }

    async fn refuse(&self, reply: Subject, refusal: &Refusal) {
        let refused = self.task.client.publish_with_headers(reply, refusal.headers(), "".into());
        // It fails only if the connection is closed.
        let _ = refused.await;
    }

    /// Closes questions whose asker gave them up.
    async fn cancel(&mut self, message: &Message) {
        // The question was sent first, and may still wait in a buffer of its own.
        self.take_ready().await;
        let Some((inbox, ids)) = wire::parse_cancellation(&message.payload) else { return };
        for id in ids {
            self.close(&format!("{inbox}.{id}"));
        }
    }

    fn close(&self, reply: &str) {
        if let Some(held) = self.held.get(reply) {
            held.close.send_replace(true);
        }
    }

    /// Reads what came to the inbox of this answerer.
    async fn read(&mut self, message: Message) {
        let Some((_, last)) = wire::split(&message.subject) else { return };
        match last {
            CANCEL => self.cancel(&message).await,
            ASKED => self.tell_unknown(&message).await,
            FILLED if self.is_leaving => self.fill().await,
            token => {
                let token = token.to_owned();
                self.hear_of(&token, &message);
            }
        }
    }

    /// An asker waits for these questions. The reply names those that are not held here.
    async fn tell_unknown(&mut self, message: &Message) {
        let Some(reply) = message.reply.clone() else { return };
        let Some((inbox, _)) = wire::split(&reply) else { return };
        self.free_answered();
        // An answer is handed to the client before its question is finished, so the list leaves
        // after it.
        let unknown = wire::parse_ids(&message.payload).filter(|id| {
            let held = self.held.get(&format!("{inbox}.{id}"));
            held.is_none_or(|held| *held.close.borrow())
        });
        let unknown: Vec<u64> = unknown.collect();
        if let Some(asker) = self.askers.get_mut(wire::token(inbox)) {
            asker.presence.is_heard();
        }
        let _ = self.task.client.publish(reply, wire::ids(&unknown)).await;
    }

    /// What an asker says about the questions that are held for it, or the server about the asker.
    fn hear_of(&mut self, token: &str, message: &Message) {
        let Some(asker) = self.askers.get_mut(token) else { return };
        if message.status != Some(StatusCode::NO_RESPONDERS) {
            asker.presence.is_heard();
            let inbox = &asker.inbox;
            let replies = wire::parse_ids(&message.payload);
            let replies: Vec<_> = replies.map(|id| format!("{inbox}.{id}")).collect();
            replies.iter().for_each(|reply| self.close(reply));
        } else if asker.presence.is_missing(&self.link, Instant::now()) {
            self.askers.remove(token);
            let all = self.held.values();
            let of_asker = all.filter(|held| held.asker.as_ref().is_some_and(|a| a.token == token));
            of_asker.for_each(|held| {
                held.close.send_replace(true);
            });
        }
    }

    /// Writes to the askers which of their questions are held here: new ones at once, and all of
    /// them now and then.
    async fn announce(&mut self) {
        let now = Instant::now();
        self.free_answered();
        self.forget_askers();
        let is_due =
            |asker: &Asker| asker.written.is_none_or(|at| now.duration_since(at) >= REPEAT);
        let due = self.askers.iter().filter(|(_, asker)| is_due(asker));
        let due: HashSet<String> = due.map(|(token, _)| token.clone()).collect();
        let mut letters: HashMap<&str, Vec<u64>> = HashMap::new();
        for held in self.held.values_mut() {
            let is_open = now < held.deadline && !*held.close.borrow();
            if let Some(origin) = &mut held.asker
                && is_open
                && now.duration_since(held.since) >= ANNOUNCE
                && (!origin.is_announced || due.contains(&origin.token))
            {
                origin.is_announced = true;
                letters.entry(&origin.token).or_default().push(origin.id);
            }
        }
        if !self.task.state.borrow().is_connected() {
            return;
        }
        for (token, ids) in letters {
            let Some(asker) = self.askers.get_mut(token) else { continue };
            if due.contains(token) {
                asker.written = Some(now);
            }
            for ids in ids.chunks(wire::IDS) {
                let subject = format!("{}.{HELD}", asker.inbox);
                let reply = format!("{}.{token}", self.task.inbox);
                let letter = self.task.client.publish_with_reply(subject, reply, wire::ids(ids));
                let _ = letter.await;
            }
        }
    }

    /// Forgets the askers for which nothing is held.
    fn forget_askers(&mut self) {
        let held = &self.held;
        let needed = held.values().filter_map(|held| held.asker.as_ref());
        let needed: HashSet<&str> = needed.map(|origin| origin.token.as_str()).collect();
        self.askers.retain(|token, _| needed.contains(token.as_str()));
    }
}
