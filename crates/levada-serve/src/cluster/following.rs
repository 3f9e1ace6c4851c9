//! The messages of a stream from a position on, each once and in order, by a consumer that the
//! server keeps for no longer than they are read.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;

/// How often the server says that there is nothing. After twice as long without it the consumer is
/// gone: a server that starts again does not know it any more.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// For how long one request for messages is good.
const REQUEST: Duration = Duration::from_secs(30);
/// How long the server keeps a consumer that is not read any more.
const KEPT: Duration = Duration::from_secs(20);

pub(super) type Error = Box<dyn std::error::Error + Send + Sync>;

pub(super) struct Following {
    messages: pull::Stream,
    /// How many messages the consumer has sent.
    count: u64,
    /// How many messages follow the last one, as far as the server knew then.
    pub(super) pending: u64,
}

impl Following {
    /// Begins where `deliver_policy` says: if there is no message any more, with the next one.
    ///
    /// # Errors
    /// The servers do not answer, or there is no such stream.
    pub(super) async fn from(
        stream: &Stream,
        filter_subject: String,
        deliver_policy: DeliverPolicy,
    ) -> Result<Self, Error> {
        let config = pull::Config {
            filter_subject,
            deliver_policy,
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            inactive_threshold: KEPT,
            num_replicas: 1,
            memory_storage: true,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await?;
        let pending = consumer.cached_info().num_pending;
        let requests = consumer.stream().heartbeat(HEARTBEAT).expires(REQUEST);
        Ok(Self { messages: requests.messages().await?, count: 0, pending })
    }

    /// The next message, and its sequence number in the stream.
    ///
    /// # Errors
    /// It has to be begun anew, after the message that came last: the consumer is gone, or messages
    /// were lost with a connection.
    pub(super) async fn next(&mut self) -> Result<(u64, Message), Error> {
        let message = self.messages.next().await.ok_or("the connection is closed")??;
        let info = message.info()?;
        let sequence = info.stream_sequence;
        self.pending = info.pending;
        self.count += 1;
        if info.consumer_sequence != self.count {
            return Err("messages were lost with a connection".into());
        }
        Ok((sequence, message))
    }
}
