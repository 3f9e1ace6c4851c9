//! Where a subscription stands, and the one consumer that it has there.

use super::consumer::{self, Trouble};
use super::position::Position;
use super::seats::Order;
use super::source::Source;
use crate::State;
use async_nats::jetstream::consumer::{DeliverPolicy, PullConsumer};
use async_nats::jetstream::stream::Info;
use levada::watch;
use std::sync::Arc;
use std::time::SystemTime;

/// A consumer, and the subscription to which it sends.
pub(super) struct Attached {
    pub(super) consumer: PullConsumer,
    pub(super) messages: async_nats::Subscriber,
    pub(super) inbox: String,
    /// Every change since before the consumer was made is unseen.
    pub(super) state: watch::Receiver<State>,
}

/// Where a subscription stands.
pub(super) struct Cursor {
    pub(super) source: Arc<Source>,
    pub(super) order: Order,
    /// Up to where the subscriber can tell what is gone.
    pub(super) announced: u64,
    /// The beginning of the names of this subscription's consumers.
    prefix: String,
    /// How many it has made.
    serial: u64,
    /// The one that the server may have.
    made: Option<String>,
}

impl Cursor {
    pub(super) fn new(source: Arc<Source>) -> Self {
        let inbox = source.connection.client().new_inbox();
        let unique = inbox.rsplit('.').next().unwrap_or_default();
        let prefix = format!("sub-{unique}");
        Self { source, order: Order::new(1), announced: 1, prefix, serial: 0, made: None }
    }

    /// Goes back to an earlier number.
    pub(super) fn rewind(&mut self, next: u64) {
        (self.order, self.announced) = (Order::new(next), next);
    }

    /// Makes a consumer that goes on with the next message, or begins at `position`.
    pub(super) async fn attach(&mut self, position: Option<Position>) -> Result<Attached, Trouble> {
        let source = self.source.clone();
        let jetstream = source.connection.jetstream();
        let mut state = source.connection.state();
        match state.wait_for(|state| *state != State::Reconnecting).await {
            Ok(state) if state.is_connected() => {}
            _ => return Err(Trouble::Closed),
        }
        // So there is never a second one, however often the connection breaks.
        self.delete().await?;
        let start = match position {
            None => None,
            Some(position) => self.resolve(position).await?,
        };
        let by_time = start.is_some();
        let start =
            start.unwrap_or(DeliverPolicy::ByStartSequence { start_sequence: self.order.next });
        let inbox = source.connection.client().new_inbox();
        let messages = source.connection.client().subscribe(inbox.clone()).await;
        let messages = messages.map_err(|_| Trouble::Closed)?;
        self.serial += 1;
        let name = format!("{}-{}", self.prefix, self.serial);
        // Before the request: the server may make it, and its answer be lost.
        self.made = Some(name.clone());
        let consumer = consumer::create(jetstream, &source.stream, &name, start).await?;
        let begins_at = consumer.cached_info().delivered.stream_sequence.saturating_add(1);
        if by_time {
            self.order = Order::new(begins_at);
        }
        if position.is_some() {
            self.announced = self.order.next;
        }
        // After the consumer: what is true now was true when it was made.
        self.check(&consumer::stream(jetstream, &source.stream).await?)?;
        self.order.new_consumer();
        self.order.next = self.order.next.max(begins_at);
        Ok(Attached { consumer, messages, inbox, state })
    }

    /// Where a position is. `None`: at `self.order.next`.
    async fn resolve(&mut self, position: Position) -> Result<Option<DeliverPolicy>, Trouble> {
        if let Position::Time(time) = position {
            let start_time = server_time(time).ok_or(Trouble::Time)?;
            return Ok(Some(DeliverPolicy::ByStartTime { start_time }));
        }
        let info =
            consumer::stream(self.source.connection.jetstream(), &self.source.stream).await?;
        // Not the server's "new" and "last": a replica that is behind its leader has others.
        let last = info.state.last_sequence;
        let next = match position {
            Position::First => info.state.first_sequence,
            Position::Last if info.state.messages > 0 => last,
            Position::Seq(seq) => seq,
            Position::Last | Position::Next | Position::Time(_) => last.saturating_add(1),
        };
        self.order = Order::new(next.max(1));
        Ok(None)
    }

    /// Refuses a stream that is another one, or has lost its end.
    fn check(&self, info: &Info) -> Result<(), Trouble> {
        let next = info.state.last_sequence.saturating_add(1);
        if info.created != self.source.created {
            Err(Trouble::Replaced)
        } else if self.order.next > next {
            Err(Trouble::Rewound { next })
        } else {
            Ok(())
        }
    }

    /// Deletes the consumer that the server may have.
    pub(super) async fn delete(&mut self) -> Result<(), Trouble> {
        if let Some(name) = &self.made {
            let source = &self.source;
            consumer::delete(source.connection.jetstream(), &source.stream, name).await?;
            self.made = None;
        }
        Ok(())
    }
}

fn server_time(time: SystemTime) -> Option<async_nats::datetime::DateTime> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    async_nats::datetime::from_nanos(i128::try_from(since.as_nanos()).ok()?).ok()
}
