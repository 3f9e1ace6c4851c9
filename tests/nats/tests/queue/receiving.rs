//! Queues with receivers, and what the server says of them.

use async_nats::jetstream::consumer::{self, PullConsumer};
use async_nats::jetstream::{self, stream};
use async_nats::{Client, HeaderMap, Subscriber};
use futures_util::StreamExt;
use levada_nats::queue::{Delivery, Options, Receiver};
use levada_nats::{ConnectOptions, Connection};
use levada_nats_test::{PATIENCE, Server, until};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A server, a connection to it, and JetStream by hand.
pub(crate) struct Setup {
    pub(crate) server: Server,
    pub(crate) connection: Connection,
    pub(crate) plain: Plain,
}

impl Setup {
    pub(crate) async fn start() -> Self {
        let server = Server::start().await;
        let connection = connect(&server.url()).await;
        let plain = Plain::connect(&server.url()).await;
        Self { server, connection, plain }
    }

    /// The options of the queue of a test.
    pub(crate) fn queue(&self) -> Options {
        self.connection.queue("jobs".parse().unwrap())
    }
}

pub(crate) async fn connect(url: &str) -> Connection {
    let options = ConnectOptions::new().request_timeout(Duration::from_secs(2));
    options.connect(url).await.unwrap()
}

/// The queue `jobs` by hand.
#[derive(Clone)]
pub(crate) struct Plain {
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: jetstream::Context,
}

impl Plain {
    pub(crate) async fn connect(url: &str) -> Self {
        let client = async_nats::connect(url).await.unwrap();
        let jetstream = jetstream::new(client.clone());
        Self { client, jetstream }
    }

    /// Sends the numbers as JSON.
    pub(crate) async fn send(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.send_bytes(&format!("job-{number}"), number.to_string()).await;
        }
    }

    /// Sends one message, as a sender of this queue does.
    pub(crate) async fn send_bytes(&self, id: &str, payload: String) {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        // By hand, and not with `until`, so that the future can move to another thread.
        let sending = async {
            loop {
                let (headers, payload) = (headers.clone(), payload.clone().into());
                let subject = "levada.queue.jobs.0";
                let sent = self.jetstream.publish_with_headers(subject, headers, payload).await;
                if let Ok(answer) = sent
                    && answer.await.is_ok()
                {
                    break;
                }
                sleep(Duration::from_millis(25)).await;
            }
        };
        timeout(PATIENCE, sending).await.expect("the message is stored");
    }

    /// The state of a stream.
    pub(crate) async fn stream(&self, kind: &str) -> stream::State {
        let name = format!("levada_{kind}_jobs");
        until("the state of a stream", async || self.jetstream.get_stream(&name).await)
            .await
            .cached_info()
            .state
            .clone()
    }

    /// Waits until a stream has so many messages.
    pub(crate) async fn has(&self, kind: &str, messages: u64) {
        until("a number of messages", async || {
            let stored = self.stream(kind).await.messages;
            if stored == messages { Ok(()) } else { Err(stored) }
        })
        .await;
    }

    /// The consumer of the receivers.
    pub(crate) async fn consumer(&self) -> consumer::Info {
        until("the state of the consumer", async || {
            let consumer: PullConsumer =
                self.jetstream.get_consumer_from_stream("receivers", "levada_queue_jobs").await?;
            Ok::<_, async_nats::jetstream::stream::ConsumerError>(consumer)
        })
        .await
        .cached_info()
        .clone()
    }

    /// When a stream stored a message, in nanoseconds since 1970.
    pub(crate) async fn stored_at(&self, kind: &str, seq: u64) -> i128 {
        let stream = self.jetstream.get_stream(format!("levada_{kind}_jobs")).await.unwrap();
        stream.get_raw_message(seq).await.unwrap().time.unix_timestamp_nanos()
    }

    /// Waits until so many messages are leased.
    pub(crate) async fn leased(&self, messages: usize) {
        until("a number of leases", async || {
            let leased = self.consumer().await.num_ack_pending;
            if leased == messages { Ok(()) } else { Err(leased) }
        })
        .await;
    }
}

/// The next delivery, not for ever.
pub(crate) async fn next<T: 'static>(receiver: &Receiver<T>) -> Delivery<T> {
    timeout(PATIENCE, receiver.recv()).await.expect("a delivery in time").unwrap()
}

/// Sees what receivers tell the server of their messages.
pub(crate) struct Acks {
    seen: Subscriber,
    client: Client,
}

impl Acks {
    pub(crate) async fn watch(plain: &Plain) -> Self {
        let seen = plain.client.subscribe("$JS.ACK.>").await.unwrap();
        plain.client.flush().await.unwrap();
        Self { seen, client: plain.client.clone() }
    }

    /// There was one acknowledgement, and no other verdict, since the watching began.
    pub(crate) async fn expect_one_ack(&mut self) {
        // What was sent before this has arrived when this has.
        self.client.publish("$JS.ACK.end", "end".into()).await.unwrap();
        let mut verdicts = Vec::new();
        loop {
            let message = timeout(PATIENCE, self.seen.next()).await.unwrap().unwrap();
            match &message.payload[..] {
                b"end" => break,
                b"+WPI" => {}
                verdict => verdicts.push(String::from_utf8_lossy(verdict).into_owned()),
            }
        }
        assert_eq!(verdicts, ["+ACK"]);
    }
}
