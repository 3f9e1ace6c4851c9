//! What a subscription asks of the server: its stream, and a consumer of its own.

use crate::OpenError;
use async_nats::jetstream::consumer::pull::{BatchConfig, Config};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
use async_nats::jetstream::context::{DeleteStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind, Info};
use async_nats::jetstream::{Context, Error, ErrorCode};
use std::time::Duration;

/// How long the server keeps a consumer that asks for nothing: that of a process that was killed,
/// and that of a subscriber that takes nothing, which gets another one when it goes on.
const INACTIVE: Duration = Duration::from_secs(30);

/// How long the server keeps a request for messages.
const EXPIRES: Duration = Duration::from_secs(30);

/// How often the server says that it has no message. At most half of [`EXPIRES`].
pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);

/// Why the server did not do what it was asked for.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The stream does not exist.
    NoStream,
    /// A stream of this name exists, but it is another one.
    Replaced,
    /// The stream's next sequence number is lower than the position.
    Rewound { next: u64 },
    /// The position is a time that has no form for the server.
    Time,
    /// The connection is closed.
    Closed,
    /// The request is wrong, or the server has not enough of something.
    Refused(String),
    /// The server did not answer, or is not ready: the same request may succeed later.
    Later(String),
}

impl Trouble {
    fn from_server(error: &Error) -> Self {
        match error.error_code() {
            ErrorCode::STREAM_NOT_FOUND => Self::NoStream,
            // 5xx: no leader, not ready, out of resources.
            _ if error.code() >= 500 => Self::Later(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }

    fn from_consumer(error: &ConsumerError) -> Self {
        match error.kind() {
            ConsumerErrorKind::JetStream(error) => Self::from_server(&error),
            _ => Self::Later(with_source(error)),
        }
    }
}

/// The server's error names its kind, and its source what happened.
fn with_source(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// The stream as its leader has it now.
pub(super) async fn stream(jetstream: &Context, stream: &str) -> Result<Info, Trouble> {
    match jetstream.get_stream(stream).await {
        Ok(stream) => Ok(stream.cached_info().clone()),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error) => Err(Trouble::from_server(&error)),
            _ => Err(Trouble::Later(with_source(&error))),
        },
    }
}

/// A consumer that begins at `start` and wants no acks: what it sent is gone for it.
pub(super) async fn create(
    jetstream: &Context,
    stream: &str,
    name: &str,
    start: DeliverPolicy,
) -> Result<PullConsumer, Trouble> {
    let config = Config {
        name: Some(name.to_owned()),
        deliver_policy: start,
        ack_policy: AckPolicy::None,
        inactive_threshold: INACTIVE,
        memory_storage: true,
        num_replicas: 1,
        ..Config::default()
    };
    let created = jetstream.create_consumer_on_stream(config, stream).await;
    created.map_err(|error| Trouble::from_consumer(&error))
}

/// Deletes a consumer, which need not exist.
pub(super) async fn delete(jetstream: &Context, stream: &str, name: &str) -> Result<(), Trouble> {
    let Err(error) = jetstream.delete_consumer_from_stream(name, stream).await else {
        return Ok(());
    };
    match error.kind() {
        ConsumerErrorKind::JetStream(error)
            if matches!(
                error.error_code(),
                ErrorCode::CONSUMER_NOT_FOUND | ErrorCode::STREAM_NOT_FOUND
            ) =>
        {
            Ok(())
        }
        _ => Err(Trouble::from_consumer(&error)),
    }
}

/// Deletes a stream, which need not exist.
pub(super) async fn delete_stream(jetstream: &Context, stream: &str) -> Result<(), OpenError> {
    let Err(error) = jetstream.delete_stream(stream).await else { return Ok(()) };
    match error.kind() {
        DeleteStreamErrorKind::JetStream(refusal)
            if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND =>
        {
            Ok(())
        }
        DeleteStreamErrorKind::JetStream(refusal) => Err(OpenError::from_server(stream, &refusal)),
        _ => Err(OpenError::no_answer(stream, error)),
    }
}

/// Asks for messages, which come to `inbox`.
pub(super) async fn ask(
    consumer: &PullConsumer,
    messages: usize,
    inbox: &str,
) -> Result<(), Trouble> {
    let request = BatchConfig {
        batch: messages,
        expires: Some(EXPIRES),
        idle_heartbeat: HEARTBEAT,
        ..BatchConfig::default()
    };
    let asked = consumer.request_batch(request, inbox.into()).await;
    // It fails only if the client has ended.
    asked.map_err(|_| Trouble::Closed)
}
