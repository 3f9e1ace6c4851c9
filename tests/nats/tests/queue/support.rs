//! Queues of a test, and the other side of them by hand.

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, AckKind, Message};
use futures_util::StreamExt;
use levada_nats::queue::{Capacity, Queue};
use levada_nats::{ConnectOptions, Connection, Durability};
use levada_nats_test::{PATIENCE, until};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::timeout;

pub(crate) async fn connect(url: &str) -> Connection {
    levada_nats::connect(url).await.unwrap()
}

/// A connection whose requests wait for half a second, so that a test sees what comes after.
pub(crate) async fn impatient(url: &str) -> Connection {
    let options = ConnectOptions::new().request_timeout(Duration::from_millis(500));
    options.connect(url).await.unwrap()
}

/// A queue that holds so many messages.
pub(crate) async fn queue(connection: &Connection, name: &str, capacity: u64) -> Queue<u32> {
    let options = connection.queue(name.parse().unwrap()).capacity(Capacity::Messages(capacity));
    options.open().await.unwrap()
}

/// A queue on three servers that holds so many messages.
pub(crate) async fn replicated(connection: &Connection, capacity: u64) -> Queue<u32> {
    let options = connection.queue("jobs".parse().unwrap());
    let options = options.capacity(Capacity::Messages(capacity));
    let options = options.durability(Durability::Replicated);
    // It takes longer than a request while the servers elect.
    until("a queue on three servers", async || options.clone().open().await).await
}

/// The stream of a queue, by hand.
pub(crate) struct Plain {
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: jetstream::Context,
    name: String,
}

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) id: String,
    pub(crate) payload: String,
}

impl Plain {
    pub(crate) async fn connect(url: &str, name: &str) -> Self {
        let client = async_nats::connect(url).await.unwrap();
        let jetstream = jetstream::new(client.clone());
        Self { client, jetstream, name: name.to_owned() }
    }

    pub(crate) fn stream(&self) -> String {
        format!("levada_queue_{}", self.name)
    }

    /// The subject of the queue's messages, of `wanted` or of `room`.
    pub(crate) fn subject(&self, kind: &str) -> String {
        let lane = if kind == "queue" { ".0" } else { "" };
        format!("levada.{kind}.{}{lane}", self.name)
    }

    /// A consumer of all messages.
    pub(crate) async fn consumer(&self) -> PullConsumer {
        let config = pull::Config {
            durable_name: Some("receivers".to_owned()),
            ack_policy: AckPolicy::Explicit,
            max_ack_pending: -1,
            ..pull::Config::default()
        };
        let stream = self.jetstream.get_stream(self.stream()).await.unwrap();
        stream.get_or_create_consumer("receivers", config).await.unwrap()
    }

    /// The next message, which is still in the queue.
    pub(crate) async fn take(consumer: &PullConsumer) -> Message {
        let fetch = consumer.fetch().max_messages(1).expires(PATIENCE);
        let mut messages = fetch.messages().await.unwrap();
        let next = timeout(PATIENCE, messages.next()).await;
        next.expect("a message").expect("a message").unwrap()
    }

    /// Acknowledges the first message, so that there is room for one.
    pub(crate) async fn make_room(consumer: &PullConsumer) -> Message {
        let message = Self::take(consumer).await;
        message.double_ack_with(AckKind::Ack).await.unwrap();
        message
    }

    /// Says that there is room.
    pub(crate) async fn say_room(&self) {
        self.client.publish(self.subject("room"), "".into()).await.unwrap();
        self.client.flush().await.unwrap();
    }

    /// All messages in their order, which stay in the queue.
    pub(crate) async fn stored(&self) -> Vec<Stored> {
        let consumer = self.consumer().await;
        let stream = self.jetstream.get_stream(self.stream()).await.unwrap();
        let count = usize::try_from(stream.cached_info().state.messages).unwrap();
        let mut stored = Vec::new();
        while stored.len() < count {
            let fetch = consumer.fetch().max_messages(count - stored.len()).expires(PATIENCE);
            let mut messages = fetch.messages().await.unwrap();
            while let Some(message) = messages.next().await {
                stored.push(as_stored(&message.unwrap()));
            }
        }
        stream.delete_consumer("receivers").await.unwrap();
        stored.sort_by_key(|stored| stored.seq);
        stored
    }

    /// The payloads of all messages in their order.
    pub(crate) async fn payloads(&self) -> Vec<u32> {
        self.stored().await.iter().map(|stored| stored.payload.parse().unwrap()).collect()
    }
}

pub(crate) fn as_stored(message: &Message) -> Stored {
    let header = |name| message.headers.as_ref().and_then(|headers| headers.get(name));
    Stored {
        seq: message.info().unwrap().stream_sequence,
        id: header("Nats-Msg-Id").unwrap().to_string(),
        payload: String::from_utf8(message.payload.to_vec()).unwrap(),
    }
}

/// A future that is polled by hand.
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Polls it once. It must wait.
pub(crate) fn begin<T>(future: impl Future<Output = T> + Send + 'static) -> Boxed<T> {
    let mut future: Boxed<T> = Box::pin(future);
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending));
    future
}

/// Waits for it, not for ever.
pub(crate) async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    timeout(PATIENCE * 2, future.into_future()).await.expect("it ends")
}
