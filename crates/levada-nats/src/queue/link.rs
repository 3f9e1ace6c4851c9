//! What the tasks and the deliveries of a receiver share.

use super::lease::Leases;
use super::objects::Stores;
use super::seats::Seats;
use super::subjects::Subjects;
use super::wanted::Wanted;
use crate::{Connection, Name};
use async_nats::jetstream::consumer::{self, FromConsumer, PullConsumer};
use async_nats::jetstream::stream::Stream;
use async_nats::{RequestErrorKind, Subject};
use bytes::Bytes;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// What the tasks and the deliveries of a receiver share.
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) name: Name,
    pub(super) subjects: Subjects,
    pub(super) stream: Stream,
    pub(super) stores: Stores,
    pub(super) max_attempts: u64,
    pub(super) runtime: Handle,
    pub(super) leases: Arc<Leases>,
    pub(super) seats: Arc<Seats>,
    pub(super) wanted: Wanted,
    /// The receiver is closed: nothing more is fetched.
    pub(super) closed: Flag,
    /// The receiver is closed, and every delivery of it has ended.
    pub(super) stopped: Arc<Flag>,
    /// Nothing is fetched any more, and what was in the buffer was given back.
    pub(super) finished: Flag,
    /// The consumer as it was found last.
    pub(super) consumer: Mutex<PullConsumer>,
    /// Why no more messages come, once none do.
    pub(super) end: OnceLock<End>,
    /// A message was put into the stream of delays, by this receiver.
    pub(super) delayed: Notify,
    /// How often the fetching began anew.
    pub(super) recoveries: AtomicU64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoReply {
    /// Nothing listened: the consumer is gone, or has no leader now.
    NoResponders,
    /// It may have arrived.
    Unknown,
}

/// Why no more messages come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    NoStream,
    Disconnected,
}

impl Link {
    /// The most attempts of a message with this limit of its own.
    pub(super) fn limit(&self, own: Option<u64>) -> u64 {
        own.unwrap_or(self.max_attempts)
    }

    /// How many copies of a message a stream of this queue has.
    pub(super) fn replicas(&self) -> usize {
        self.stream.cached_info().config.num_replicas
    }

    pub(super) fn is_connected(&self) -> bool {
        use async_nats::connection::State;
        self.connection.client().connection_state() == State::Connected
    }

    /// Waits for the connection; false if it was closed.
    pub(super) async fn connected(&self) -> bool {
        let mut state = self.connection.state();
        loop {
            // The client's own state does not say that it was closed.
            if state.borrow_and_update().is_closed() {
                return false;
            }
            if self.is_connected() {
                return true;
            }
            // The events of the client may be late or missing; its state is not.
            let _ = tokio::time::timeout(Duration::from_millis(50), state.changed()).await;
        }
    }

    /// Sends a verdict on a message, or a renewal, and waits for the answer: until then, or until
    /// the connection is lost, over which the answer would come.
    pub(super) async fn request(
        &self,
        reply: Subject,
        verdict: Bytes,
        until: Instant,
    ) -> Result<(), NoReply> {
        match self.connection.request(reply, None, verdict, until.into()).await {
            Ok(_) => Ok(()),
            Err(RequestErrorKind::NoResponders) => Err(NoReply::NoResponders),
            Err(_) => Err(NoReply::Unknown),
        }
    }

    /// The consumer as it was found last.
    pub(super) fn consumer(&self) -> PullConsumer {
        self.consumer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The consumer was deleted, and another one has its name: its leases are not ours.
    pub(super) fn replaced(&self, info: consumer::Info) {
        let jetstream = self.connection.jetstream().clone();
        let mut consumer = self.consumer.lock().unwrap_or_else(PoisonError::into_inner);
        let config = consumer::pull::Config::try_from_consumer_config(info.config.clone());
        *consumer = PullConsumer::new(config.unwrap_or_default(), info, jetstream);
        drop(consumer);
        self.leases.end();
    }

    pub(super) fn recovered(&self) {
        // ORDERING: relaxed, no pair: it is a count.
        self.recoveries.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("name", &self.name.as_str()).finish_non_exhaustive()
    }
}

/// Something that happens once, for which tasks wait.
#[derive(Debug, Default)]
pub(super) struct Flag {
    set: AtomicBool,
    waiting: Notify,
}

impl Flag {
    pub(super) fn set(&self) {
        // ORDERING: release, pairs with `is_set`: what was done before is seen by what saw the
        // flag.
        self.set.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }

    pub(super) fn is_set(&self) -> bool {
        // ORDERING: acquire, pairs with `set`.
        self.set.load(Ordering::Acquire)
    }

    /// Waits until it is set.
    pub(super) async fn wait(&self) {
        // Before the look at the flag, so that a flag set in between wakes it.
        let waiting = self.waiting.notified();
        if !self.is_set() {
            waiting.await;
        }
    }
}
