//! The subscription through which an answerer gets its share of the questions.
//!
//! Its end is the difficult part. The server may send more questions until it reads that the
//! subscription ends, and the client forgets the subscription before they arrive: they would be
//! lost, and their askers would wait until their deadlines. So it ends after a number of messages,
//! which both sides count. The number is a little higher than what was counted so far, so that what
//! is under way has room in it, and the answerer itself fills the rest with messages that ask
//! nothing.

use super::wire::GROUP;
use async_nats::{Client, Message, SubscribeError, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};

/// How many messages may be under way when the subscription begins to end.
const ROOM: u64 = 256;

/// How many messages fill the room at a time. Each answerer of the name gets its share of them, so
/// there are few, for answerers that end their subscriptions at the same time.
const FILL: usize = 16;

/// How often that is done at most, before the rest is given up.
const FILLS: u32 = 10_000;

pub(super) struct Group {
    client: Client,
    subject: String,
    subscriber: Subscriber,
    /// How many messages came since the subscription began.
    taken: u64,
    fills: u32,
}

impl Group {
    pub(super) async fn join(client: &Client, subject: &str) -> Result<Self, SubscribeError> {
        let subscriber = client.queue_subscribe(subject.to_owned(), GROUP.to_owned()).await?;
        let (client, subject) = (client.clone(), subject.to_owned());
        Ok(Self { client, subject, subscriber, taken: 0, fills: 0 })
    }

    /// The next question. `None` when the subscription has ended.
    pub(super) async fn next(&mut self) -> Option<Message> {
        let message = self.subscriber.next().await;
        self.taken += u64::from(message.is_some());
        message
    }

    /// The next question, if it is there already.
    pub(super) fn ready(&mut self) -> Option<Message> {
        // Otherwise the runtime may say "not yet" to a task that has done much.
        tokio::task::unconstrained(self.next()).now_or_never().flatten()
    }

    /// Subscribes anew while there is no connection: the server counts from zero on the next one,
    /// and the client does not.
    pub(super) async fn renew(&mut self) {
        // An error means that the connection is closed, as the subscription is.
        if let Ok(renewed) = Self::join(&self.client, &self.subject).await {
            *self = renewed;
        }
    }

    /// Begins to end the subscription. What [`ready`](Self::ready) returns is taken before.
    pub(super) async fn leave(&mut self) {
        // An error means that it has ended.
        let _ = self.subscriber.unsubscribe_after(self.taken + ROOM).await;
    }

    /// Fills some of the room, and sends an empty message to `then`. When that has come, it is time
    /// for the next call, until the subscription has ended.
    pub(super) async fn fill(&mut self, then: String) {
        self.fills += 1;
        if self.fills > FILLS {
            self.end().await;
        }
        for _ in 0..FILL {
            // Without a reply subject: an answerer does not take it for a question. An error means
            // that the connection is closed, as the subscription is.
            let _ = self.client.publish(self.subject.clone(), Bytes::new()).await;
        }
        let _ = self.client.publish(then, Bytes::new()).await;
    }

    /// Ends the subscription at once.
    pub(super) async fn end(&mut self) {
        // An error means that it has ended.
        let _ = self.subscriber.unsubscribe().await;
    }
}
