//! What is left when nothing answers a request for messages.

use super::consumer;
use super::link::Link;
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use std::time::Duration;

/// What was found.
pub(super) enum Found {
    /// The consumer exists, or exists again, or the server does not say.
    Consumer,
    NoStream,
}

/// A server that starts may not know all of its streams yet: it is asked again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// Looks for the consumer, and makes it again if it was deleted.
pub(super) async fn check_consumer(link: &Link) -> Found {
    if !is_stream_missing(link).await {
        return Found::Consumer;
    }
    tokio::time::sleep(AGAIN).await;
    if is_stream_missing(link).await { Found::NoStream } else { Found::Consumer }
}

async fn is_stream_missing(link: &Link) -> bool {
    let known = link.consumer();
    match known.get_info().await {
        Ok(info) => {
            if info.created != known.cached_info().created {
                link.replaced(info);
            }
            false
        }
        Err(error) => match error.kind() {
            ConsumerInfoErrorKind::StreamNotFound => true,
            ConsumerInfoErrorKind::NotFound => {
                make_again(link).await;
                false
            }
            _ => false,
        },
    }
}

async fn make_again(link: &Link) {
    let name = link.name.as_str();
    let config = consumer::config(link.subjects.consumer, link.leases.duration());
    match consumer::open(&link.connection, &link.subjects.stream, config).await {
        Ok(made) => {
            tracing::warn!(
                queue = name,
                "the consumer of the queue was deleted and is made again: messages that were \
                 leased are delivered again, and their attempts begin at 1"
            );
            link.replaced(made.cached_info().clone());
        }
        Err(error) => {
            tracing::warn!(queue = name, %error, "the consumer of the queue is not made again");
        }
    }
}
