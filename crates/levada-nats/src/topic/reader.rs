//! The task of a subscription: it reads from a consumer of its own into a local channel.
//!
//! The client's own ordered consumer is not used. It must be polled all the time to stay alive, it
//! reads ahead without regard to the subscriber, it creates consumers as fast as they fail, under
//! names of which none is deleted, and it does not say how many messages are gone. This task is
//! always polled, asks only for messages that have a seat in the channel, has at most one consumer,
//! and makes another one after a pause that doubles.

use super::consumer::{self, HEARTBEAT, Trouble};
use super::cursor::{Attached, Cursor};
use super::error::SubscribeError;
use super::pauses::Pauses;
use super::position::Position;
use super::seats::{Seats, Verdict};
use super::source::Source;
use super::wire::{Arrival, Stored};
use futures_util::{FutureExt, StreamExt};
use levada::{mpsc, oneshot};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// How long the server may say nothing while a request waits: two heartbeats, and some time for the
/// way.
const SILENCE: Duration = HEARTBEAT.saturating_mul(2).saturating_add(Duration::from_secs(1));

/// The pause between attempts to begin.
const AGAIN: Duration = Duration::from_millis(100);

/// How often a stream must be missing, or have lost its end, before it is believed: a leader that
/// was just elected may not know yet.
const BELIEVED: u32 = 3;

/// What the task hands over. Nothing of it says how many messages are gone: the subscriber counts,
/// by the sequence numbers.
#[derive(Debug)]
pub(super) enum Item {
    Stored(Stored),
    /// What comes has at least this sequence number; what came or is waiting may have it already.
    Gone {
        next: u64,
    },
    /// The stream lost its end and goes on with this sequence number.
    Rewound {
        next: u64,
    },
    NoStream,
    Closed,
}

/// Why the task stops reading from a consumer.
enum End {
    /// The subscriber is gone.
    Left,
    Closed,
    NoStream,
    /// Something failed, and is tried again.
    Again(String),
}

struct Reader {
    cursor: Cursor,
    /// One seat more than messages are asked for: for [`Item::Gone`].
    items: mpsc::Sender<Item>,
    pauses: Pauses,
    /// How often in a row the stream was missing.
    missing: u32,
    /// How often in a row the stream had lost its end.
    rewound: u32,
}

/// Begins to read at `position`. Returns its sequence number and what comes.
pub(super) async fn start(
    source: Arc<Source>,
    position: Position,
) -> Result<(u64, mpsc::Receiver<Item>), SubscribeError> {
    let (items, receiver) = mpsc::channel(source.read_ahead + 1);
    let (ready, begun) = oneshot::channel();
    let cursor = Cursor::new(source);
    let reader = Reader { cursor, items, pauses: Pauses::default(), missing: 0, rewound: 0 };
    tokio::spawn(reader.run(position, ready));
    // The task ends without a word only with its runtime.
    let next = begun.await.unwrap_or(Err(SubscribeError::Closed))?;
    Ok((next, receiver))
}

impl Reader {
    async fn run(
        mut self,
        position: Position,
        ready: oneshot::Sender<Result<u64, SubscribeError>>,
    ) {
        let begun = self.begin(position).await;
        let first = begun.as_ref().map(|_| self.cursor.announced).map_err(Clone::clone);
        let taken = ready.send(first).is_ok();
        if let (Ok(attached), true) = (begun, taken) {
            let item = match self.follow(attached).await {
                End::NoStream => Some(Item::NoStream),
                End::Closed => Some(Item::Closed),
                End::Left | End::Again(_) => None,
            };
            if let Some(item) = item {
                // It waits for a seat. An error means that the subscriber is gone.
                let _ = self.items.send(item).await;
            }
        }
        if let Err(trouble) = self.cursor.delete().await {
            tracing::debug!(?trouble, "the server ends the consumer of a subscriber later");
        }
    }

    /// The first consumer, within the time for a request.
    async fn begin(&mut self, position: Position) -> Result<Attached, SubscribeError> {
        let patience = self.cursor.source.connection.request_timeout();
        let deadline = Instant::now() + patience;
        let mut reason = "there is no connection".to_owned();
        loop {
            let attempt = timeout_at(deadline, self.cursor.attach(Some(position))).await;
            match attempt {
                Err(_) => return Err(SubscribeError::NoAnswer { reason }),
                Ok(Ok(attached)) => return Ok(attached),
                Ok(Err(Trouble::Later(trouble))) => reason = trouble,
                Ok(Err(Trouble::NoStream | Trouble::Replaced)) => {
                    return Err(SubscribeError::NoStream {
                        stream: self.cursor.source.stream.clone(),
                    });
                }
                Ok(Err(Trouble::Rewound { next })) => {
                    let position = self.cursor.order.next;
                    return Err(SubscribeError::Ahead { position, next });
                }
                Ok(Err(Trouble::Time)) => return Err(SubscribeError::Time),
                Ok(Err(Trouble::Closed)) => return Err(SubscribeError::Closed),
                Ok(Err(Trouble::Refused(reason))) => {
                    return Err(SubscribeError::Refused { reason });
                }
            }
            sleep(AGAIN).await;
        }
    }

    /// Reads until the end, from one consumer after the other.
    async fn follow(&mut self, mut attached: Attached) -> End {
        let items = self.items.clone();
        loop {
            match self.read(attached).await {
                End::Again(reason) => tracing::debug!(
                    stream = self.cursor.source.stream,
                    reason,
                    "a subscriber makes another consumer"
                ),
                end => return end,
            }
            attached = loop {
                let pause = self.pauses.next();
                let attempt = async {
                    sleep(pause).await;
                    self.cursor.attach(None).await
                };
                let attempt = tokio::select! {
                    biased;
                    () = items.closed() => return End::Left,
                    attempt = attempt => attempt,
                };
                match attempt {
                    Ok(attached) => {
                        (self.missing, self.rewound) = (0, 0);
                        break attached;
                    }
                    Err(trouble) => {
                        if let Some(end) = self.consider(trouble).await {
                            return end;
                        }
                    }
                }
            };
        }
    }

    /// Whether the trouble is an end.
    async fn consider(&mut self, trouble: Trouble) -> Option<End> {
        match trouble {
            Trouble::Closed => return Some(End::Closed),
            Trouble::Replaced => return Some(End::NoStream),
            Trouble::NoStream => {
                self.missing += 1;
                if self.missing >= BELIEVED {
                    return Some(End::NoStream);
                }
            }
            Trouble::Rewound { next } => {
                self.rewound += 1;
                if self.rewound >= BELIEVED {
                    self.rewound = 0;
                    self.cursor.rewind(next);
                    if self.items.send(Item::Rewound { next }).await.is_err() {
                        return Some(End::Left);
                    }
                }
            }
            Trouble::Time | Trouble::Refused(_) | Trouble::Later(_) => {}
        }
        tracing::debug!(
            stream = self.cursor.source.stream,
            ?trouble,
            "a subscriber has no consumer yet"
        );
        None
    }

    /// Reads from one consumer.
    async fn read(&mut self, attached: Attached) -> End {
        let Attached { consumer, mut messages, inbox, mut state } = attached;
        let mut seats = Seats::new(self.cursor.source.read_ahead);
        let mut silent = Instant::now() + SILENCE;
        self.announce(&seats);
        loop {
            if let Some(free) = seats.ask(self.items.capacity().saturating_sub(1)) {
                if consumer::ask(&consumer, free, &inbox).await.is_err() {
                    return End::Closed;
                }
                silent = Instant::now() + SILENCE;
            }
            let wanted = seats.wanted();
            let room = async {
                // An error means that the subscriber is gone, which another branch sees.
                self.items.reserve_many(wanted.unwrap_or_default() + 1).await.is_ok()
            };
            tokio::select! {
                biased;
                () = self.items.closed() => return End::Left,
                changed = state.changed() => {
                    let closed = changed.is_err() || state.borrow().is_closed();
                    return if closed {
                        End::Closed
                    } else {
                        End::Again("the connection was lost".to_owned())
                    };
                }
                message = messages.next() => {
                    let mut message = message;
                    silent = Instant::now() + SILENCE;
                    loop {
                        let Some(one) = message else { return End::Closed };
                        if let Err(reason) = self.take(one, &mut seats) {
                            return End::Again(reason);
                        }
                        match messages.next().now_or_never() {
                            Some(next) => message = next,
                            None => break,
                        }
                    }
                }
                () = sleep_until(silent), if seats.is_waiting() => {
                    return End::Again(format!("the server said nothing for {SILENCE:?}"));
                }
                _ = room, if wanted.is_some() => {}
            }
        }
    }

    /// Hands over what arrived, unless the consumer cannot be used any more.
    fn take(&mut self, message: async_nats::Message, seats: &mut Seats) -> Result<(), String> {
        let verdict = match Arrival::read(message) {
            Arrival::Message(stored, number) => {
                seats.filled();
                let before = self.cursor.order.next;
                let verdict = self.cursor.order.message(stored.seq, number);
                if verdict == Verdict::Right {
                    // There is a seat for what was asked for. If the server sends more than that,
                    // or the subscriber is gone, the message is not taken: another consumer would
                    // begin with it.
                    if self.items.try_send(Item::Stored(stored)).is_err() {
                        self.cursor.order.next = before;
                        return Err("the server sent more than it was asked for".to_owned());
                    }
                    self.cursor.announced = self.cursor.order.next;
                }
                verdict
            }
            Arrival::Heartbeat { seq, sent } => {
                let verdict = self.cursor.order.heartbeat(seq, sent);
                self.announce(seats);
                verdict
            }
            Arrival::Ended(unused) => {
                seats.ended(unused);
                return Ok(());
            }
            Arrival::Broken(reason) => return Err(reason),
        };
        match verdict {
            Verdict::Right => {
                self.pauses.reset();
                Ok(())
            }
            Verdict::LostOnTheWay => Err("messages were lost on the way".to_owned()),
        }
    }

    /// Lets the subscriber see what is gone before another message comes, if there is a seat.
    fn announce(&mut self, seats: &Seats) {
        let next = self.cursor.order.next;
        if self.cursor.announced < next
            && seats.leaves_one(self.items.capacity())
            && self.items.try_send(Item::Gone { next }).is_ok()
        {
            self.cursor.announced = next;
        }
    }
}
