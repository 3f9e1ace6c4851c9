//! What stands in a queue for a job, and how it comes there.

use std::time::Duration;

use futures_util::future::join_all;
use levada_nats::Durability;
use levada_nats::queue::{Queue, SendError};
use serde::{Deserialize, Serialize};

use super::batch::{FEWEST, are_shared};
use super::together::Together;
use crate::job::Record;
use crate::store::{StoreError, StoreErrorKind};

/// What stands in a queue for a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ticket {
    /// As it was when the ticket was made. The one in the stream of records may be newer.
    pub(super) record: Record,
    /// In place of one that is lost with its stream: the worker that runs the job by that one has
    /// it no more.
    #[serde(default)]
    pub(super) replaces: bool,
}

/// Why a ticket was not sent.
#[derive(Debug, Clone)]
pub(super) enum Unsent {
    /// The stream of the queue was deleted.
    NoStream,
    /// Anything else.
    Error(StoreError),
}

/// Sends the tickets of a queue. As with other messages ([`batch`](super::batch)), those that come
/// while others are under way share an atomic batch where that pays.
#[derive(Debug)]
pub(super) struct Tickets {
    queue: Queue<Ticket>,
    /// If they share batches.
    together: Option<Together<Ticket, Result<(), Unsent>>>,
}

impl Tickets {
    pub(super) fn new(queue: Queue<Ticket>, durability: Durability) -> Self {
        Self { queue, together: are_shared(durability).then(Together::default) }
    }

    pub(super) fn queue(&self) -> &Queue<Ticket> {
        &self.queue
    }

    /// Sends a ticket for the job as it is. Twice is once.
    ///
    /// # Errors
    /// If the queue is full, or the servers do not answer: then it may be in the queue.
    pub(super) async fn send(&self, record: &Record, replaces: bool) -> Result<(), Unsent> {
        let ticket = Ticket { record: record.clone(), replaces };
        let Some(together) = &self.together else { return self.send_one(ticket).await };
        let sent = together.with(ticket, async |tickets| self.send_all(tickets).await).await;
        let given_up = || StoreError::away("a batch of tickets was given up");
        sent.unwrap_or_else(|| Err(Unsent::Error(given_up())))
    }

    async fn send_all(&self, mut tickets: Vec<Ticket>) -> Vec<Result<(), Unsent>> {
        let mut sent = Vec::with_capacity(tickets.len());
        if tickets.len() >= FEWEST {
            let ids: Vec<_> = tickets.iter().map(Ticket::id).collect();
            // No waiting for room.
            let batches = self.queue.sender().send_many(tickets).ids(ids).within(Duration::ZERO);
            let (accepted, rest) = match batches.await {
                Ok(accepted) => (accepted.len(), Vec::new()),
                Err(error) => (error.accepted.len(), error.rest),
            };
            sent.resize(accepted, Ok(()));
            tickets = rest;
        }
        // Each has an answer of its own: some may find room, or be in the queue already.
        sent.extend(join_all(tickets.into_iter().map(|ticket| self.send_one(ticket))).await);
        sent
    }

    async fn send_one(&self, ticket: Ticket) -> Result<(), Unsent> {
        let id = ticket.id();
        match self.queue.sender().try_send(ticket).id(id).await {
            Ok(_) => Ok(()),
            Err(SendError::Full(_)) => Err(Unsent::Error(StoreError {
                kind: StoreErrorKind::NoPlace,
                message: format!("the queue {:?} is full", self.queue.name().as_str()),
            })),
            Err(SendError::NoStream(_)) => Err(Unsent::NoStream),
            Err(error) => Err(Unsent::Error(StoreError::away(error.to_string()))),
        }
    }
}

impl Ticket {
    /// By which the server knows it again. One that replaces another is not the same, sent twice.
    fn id(&self) -> String {
        let again = if self.replaces { "-again" } else { "" };
        format!("{}-{}{again}", self.record.id, self.record.revision)
    }
}
