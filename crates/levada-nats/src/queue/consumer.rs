//! The durable consumers of a queue's streams.

use crate::Connection;
use crate::stream::{Difference, OpenError};
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, PullConsumer};
use async_nats::jetstream::stream::ConsumerCreateStrictErrorKind;
use std::time::Duration;

/// How many requests for messages may wait at the server: more than there are receivers, each of
/// which has a few. The server throws away those beyond it.
const MAX_WAITING: i64 = 16_384;

/// The settings of the consumer that all receivers share.
///
/// Deliveries are not counted by the server: it would stop to deliver a message, which would keep
/// its place in the queue for ever. Nor are pending acknowledgements: messages that wait for a
/// retry are among them, and would hold up the others.
pub(super) fn config(name: &str, lease: Duration) -> Config {
    Config {
        durable_name: Some(name.to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: lease,
        max_deliver: -1,
        max_ack_pending: -1,
        max_waiting: MAX_WAITING,
        ..Config::default()
    }
}

/// The consumer with these settings, which is made if it does not exist.
pub(super) async fn open(
    connection: &Connection,
    stream: &str,
    wanted: Config,
) -> Result<PullConsumer, OpenError> {
    let jetstream = connection.jetstream();
    let name = wanted.durable_name.clone().unwrap_or_default();
    let made = jetstream.create_consumer_strict_on_stream(wanted.clone(), stream).await;
    let error = match made {
        Ok(consumer) => return Ok(consumer),
        Err(error) => error,
    };
    match error.kind() {
        ConsumerCreateStrictErrorKind::AlreadyExists => {}
        ConsumerCreateStrictErrorKind::JetStream(refusal) => {
            return Err(OpenError::from_server(stream, &refusal));
        }
        _ => return Err(OpenError::no_answer(stream, error)),
    }
    let existing: PullConsumer = jetstream
        .get_consumer_from_stream(&name, stream)
        .await
        .map_err(|error| OpenError::no_answer(stream, error))?;
    let differences = differences(&existing.cached_info().config, &wanted);
    if differences.is_empty() {
        Ok(existing)
    } else {
        Err(OpenError::Differs { stream: format!("{stream}, consumer {name}"), differences })
    }
}

/// What differs, of the settings that matter.
fn differences(existing: &consumer::Config, wanted: &Config) -> Vec<Difference> {
    let pairs = [
        ("ack_wait (the lease)", shown(&existing.ack_wait), shown(&wanted.ack_wait)),
        ("max_deliver", shown(&existing.max_deliver), shown(&wanted.max_deliver)),
        ("max_ack_pending", shown(&existing.max_ack_pending), shown(&wanted.max_ack_pending)),
        ("ack_policy", shown(&existing.ack_policy), shown(&wanted.ack_policy)),
        ("filter_subject", shown(&existing.filter_subject), shown(&wanted.filter_subject)),
    ];
    let differ = pairs.into_iter().filter(|(_, existing, wanted)| existing != wanted);
    let differ = differ.map(|(setting, existing, wanted)| Difference {
        setting: setting.to_owned(),
        existing,
        wanted,
    });
    differ.collect()
}

fn shown(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}
