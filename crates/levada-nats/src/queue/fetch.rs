//! Messages are asked for: never more than there are free seats.

use super::held::Held;
use super::lease::Lease;
use super::link::{End, Link};
use super::meta::Meta;
use super::objects::has_object;
use super::recover::{self, Found};
use super::settle::{Verdict, settle};
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future};
use levada::mpmc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a request for messages waits at the server.
const EXPIRES: Duration = Duration::from_secs(60);
/// How long a closed receiver waits for messages that are on the way to it.
const LAST: Duration = Duration::from_millis(500);
/// The longest pause before the fetching begins anew. The first is a 32nd of it.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The task that fetches.
pub(super) struct Fetch {
    pub(super) link: Arc<Link>,
    pub(super) buffer: mpmc::UnboundedSender<Arrived>,
    /// The other end, for what is left when the receiver is closed.
    pub(super) rest: mpmc::UnboundedReceiver<Arrived>,
}

/// A message in the buffer.
pub(super) struct Arrived {
    pub(super) lease: Arc<Lease>,
    /// Those of the message, or of its object.
    pub(super) bytes: Bytes,
}

/// Requests for messages that wait at the server, and where their answers arrive.
struct Inbox {
    consumer: PullConsumer,
    subject: String,
    messages: Subscriber,
    /// How many messages may still come.
    wanted: usize,
    /// What is on the way was sent after this.
    since: Instant,
    /// When the server was last heard of.
    heard: Instant,
    heartbeat: Duration,
    silence: Duration,
}

/// Why an inbox is given up.
enum Over {
    /// The requests in it may be lost: another one is opened.
    Stalled(&'static str),
    /// Nothing came for longer than the server is ever silent.
    Silent,
    /// The consumer may be gone.
    Doubtful,
    Ended(End),
}

impl Fetch {
    /// Fetches until the receiver is closed, or there is nothing left to fetch from.
    pub(super) async fn run(self) {
        let mut failures = 0;
        let end = loop {
            if self.link.closed.is_set() {
                break End::Closed;
            }
            let over = match self.open().await {
                Ok(mut inbox) => {
                    let over = self.serve(&mut inbox).await;
                    if inbox.heard > inbox.since {
                        failures = 0;
                    }
                    self.leave(inbox, &over).await;
                    over
                }
                Err(over) => over,
            };
            let name = self.link.name.as_str();
            match over {
                Over::Ended(end) => break end,
                Over::Stalled(why) => {
                    tracing::debug!(queue = name, why, "the receiver asks for messages anew");
                }
                Over::Silent => {
                    tracing::debug!(queue = name, "the server was silent");
                    self.link.connection.check().await;
                }
                Over::Doubtful => match recover::check_consumer(&self.link).await {
                    Found::Consumer => {}
                    Found::NoStream => break End::NoStream,
                },
            }
            self.link.recovered();
            failures += 1;
            self.pause(failures).await;
        };
        self.finish(end).await;
    }

    async fn open(&self) -> Result<Inbox, Over> {
        let connected = tokio::select! {
            connected = self.link.connected() => connected,
            () = self.link.closed.wait() => return Err(Over::Ended(End::Closed)),
        };
        if !connected {
            return Err(Over::Ended(End::Disconnected));
        }
        let client = self.link.connection.client();
        let subject = client.new_inbox();
        let subscribed = client.subscribe(subject.clone()).await;
        let messages = subscribed.map_err(|_| Over::Stalled("the subscription failed"))?;
        let now = Instant::now();
        // The server is heard of ten times in a lease, so that its silence is noticed in a quarter.
        let lease = self.link.leases.duration();
        Ok(Inbox {
            consumer: self.link.consumer(),
            subject,
            messages,
            wanted: 0,
            since: now,
            heard: now,
            heartbeat: (lease / 10).clamp(Duration::from_millis(100), Duration::from_secs(5)),
            silence: silence(lease),
        })
    }

    async fn serve(&self, inbox: &mut Inbox) -> Over {
        let mut state = self.link.connection.state();
        state.mark_unchanged();
        let mut ticks = tokio::time::interval(inbox.silence / 4);
        loop {
            if let Err(over) = self.ask(inbox).await {
                return over;
            }
            let taken = tokio::select! {
                message = inbox.messages.next() => self.take(inbox, message),
                () = self.link.seats.freed() => Ok(()),
                () = self.link.closed.wait() => return Over::Ended(End::Closed),
                _ = ticks.tick() => inbox.is_heard(),
                _ = state.changed() => {
                    // What had arrived before is not lost with it.
                    let _ = self.take_ready(inbox);
                    return Over::Stalled("the connection was lost");
                }
            };
            if let Err(over) = taken.and_then(|()| self.take_ready(inbox)) {
                return over;
            }
        }
    }

    /// Asks for as many messages as seats are free. While others are on the way it waits until a
    /// quarter of all is free: one request for each message would double the load of the server.
    async fn ask(&self, inbox: &mut Inbox) -> Result<(), Over> {
        let seats = &self.link.seats;
        let free = seats.free().saturating_sub(inbox.wanted);
        let enough = if inbox.wanted == 0 { 1 } else { (seats.total() / 4).max(1) };
        if free < enough || !self.link.is_connected() {
            return Ok(());
        }
        if inbox.wanted == 0 {
            inbox.since = Instant::now();
            inbox.heard = inbox.since;
        }
        inbox.wanted += free;
        let request = BatchConfig {
            batch: free,
            expires: Some(EXPIRES),
            idle_heartbeat: inbox.heartbeat,
            ..BatchConfig::default()
        };
        let asked = inbox.consumer.request_batch(request, inbox.subject.as_str().into()).await;
        asked.map_err(|_| Over::Stalled("the request was not sent"))
    }

    /// Takes what has arrived in the meantime.
    fn take_ready(&self, inbox: &mut Inbox) -> Result<(), Over> {
        // Not for ever: free seats are asked for as well.
        for _ in 0..self.link.seats.total() {
            match inbox.messages.next().now_or_never() {
                Some(message) => self.take(inbox, message)?,
                None => break,
            }
        }
        Ok(())
    }

    fn take(&self, inbox: &mut Inbox, message: Option<Message>) -> Result<(), Over> {
        let message = message.ok_or(Over::Stalled("the subscription ended"))?;
        inbox.is_heard()?;
        let now = Instant::now();
        inbox.heard = now;
        if let Some(status) = message.status.filter(|status| *status != StatusCode::OK) {
            return inbox.note(status, &message);
        }
        let Some(meta) = Meta::read(&message) else { return Ok(()) };
        inbox.wanted = inbox.wanted.saturating_sub(1);
        let Some(seat) = self.link.seats.take() else {
            self.give_back(message);
            return Ok(());
        };
        // The server sent it at an unknown time: not before the request, and not longer ago than
        // the longest silence that would not have been noticed.
        let since = now.checked_sub(inbox.silence).map_or(inbox.since, |t| t.max(inbox.since));
        let (attempt, limit) = (meta.attempt, self.link.limit(meta.limit));
        let lease = self.link.leases.begin(message, meta, since, seat);
        if attempt > limit {
            let reason = format!(
                "{limit} attempts ended without a verdict: the receiver was killed or cut off"
            );
            Held::new(self.link.clone(), lease).dead_letter(reason);
        } else if has_object(lease.message.headers.as_ref()) {
            let (link, buffer) = (self.link.clone(), self.buffer.downgrade());
            self.link.runtime.spawn(load(link, buffer, lease));
        } else {
            let bytes = lease.message.payload.clone();
            // The other end is in this task.
            let _ = self.buffer.send(Arrived { lease, bytes });
        }
        Ok(())
    }

    /// The server sent more than was asked for.
    fn give_back(&self, message: Message) {
        let Some(reply) = message.reply else { return };
        let client = self.link.connection.client().clone();
        self.link.runtime.spawn(async move {
            let _ = client.publish(reply, Bytes::from_static(b"-NAK")).await;
        });
    }

    /// Ends the requests of an inbox. What is on the way would wait for the end of its lease, so it
    /// is taken if the connection is good.
    async fn leave(&self, mut inbox: Inbox, over: &Over) {
        if !matches!(over, Over::Ended(End::Closed)) || inbox.wanted == 0 {
            return;
        }
        if inbox.messages.drain().await.is_err() {
            return;
        }
        let rest = async {
            while let Some(message) = inbox.messages.next().await {
                if self.take(&mut inbox, Some(message)).is_err() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(LAST, rest).await;
    }

    async fn pause(&self, failures: u32) {
        let longest = LONGEST_PAUSE / (1 << 5_u32.saturating_sub(failures));
        let pause = longest.mul_f64(fastrand::f64().mul_add(0.5, 0.5));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.link.closed.wait() => {}
        }
    }

    async fn finish(self, end: End) {
        let Self { link, buffer, rest } = self;
        // It is set once.
        let _ = link.end.set(end);
        drop(buffer);
        let mut leases = Vec::new();
        while let Ok(arrived) = rest.try_recv() {
            leases.push(arrived.lease);
        }
        if end == End::Closed {
            let back = leases.iter().filter(|lease| !lease.is_lost());
            let back = back.map(|lease| settle(&link, lease, Verdict::Nak(Duration::ZERO)));
            future::join_all(back).await;
        }
        drop(leases);
        // Nothing comes any more, so the renewals end with the last delivery.
        link.closed.set();
        link.finished.set();
    }
}

/// Loads the object of a message. Others may overtake it.
async fn load(link: Arc<Link>, buffer: mpmc::WeakUnboundedSender<Arrived>, lease: Arc<Lease>) {
    let held = Held::new(link.clone(), lease.clone());
    let message = &lease.message;
    match link.stores.queue.unpack(message.headers.as_ref(), &message.payload).await {
        Ok(bytes) => {
            // Without a receiver, or with a closed one, it goes back.
            if let Some(buffer) = buffer.upgrade().filter(|_| !link.closed.is_set()) {
                held.release();
                let _ = buffer.send(Arrived { lease, bytes });
            }
        }
        Err(error) if error.is_final() => held.dead_letter(error.to_string()),
        Err(error) => {
            let (queue, seq) = (link.name.as_str(), lease.meta.seq);
            tracing::warn!(queue, seq, %error, "a message waits for its object");
            let _ = held.retry(LONGEST_PAUSE).await;
        }
    }
}

/// After such a silence of the server its messages may be older than they look.
fn silence(lease: Duration) -> Duration {
    (lease / 4).clamp(Duration::from_millis(500), Duration::from_secs(15))
}

impl Inbox {
    /// An error if the server should have been heard of.
    fn is_heard(&self) -> Result<(), Over> {
        if self.wanted > 0 && self.heard.elapsed() > self.silence {
            return Err(Over::Silent);
        }
        Ok(())
    }

    /// A message of the server itself.
    fn note(&mut self, status: StatusCode, message: &Message) -> Result<(), Over> {
        match status {
            StatusCode::IDLE_HEARTBEAT => Ok(()),
            StatusCode::NO_RESPONDERS => Err(Over::Doubtful),
            _ if message.description.as_deref() == Some("Consumer Deleted") => Err(Over::Doubtful),
            _ => {
                let headers = message.headers.as_ref();
                let ended = headers.and_then(|headers| headers.get("Nats-Pending-Messages"));
                let ended = ended.and_then(|ended| ended.as_str().parse::<usize>().ok());
                let ended = ended.ok_or(Over::Stalled("the server refused a request"))?;
                self.wanted = self.wanted.saturating_sub(ended);
                Ok(())
            }
        }
    }
}
