//! The queue streams. Front ends make them, and give them the size that their configuration says;
//! workers take them as they are.

use std::time::Duration;

use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use levada_nats::queue::{Capacity, Queue};
use levada_nats::{Connection, Durability, Name, OpenError};
use tracing::info;

use super::line::LEASE;
use super::ticket::Ticket;
use crate::config::QueueConfig;

/// How often a worker looks whether a front end has made the queue.
const LOOK: Duration = Duration::from_secs(1);

/// A ticket stays in its stream while the job runs, and there is one more for a job that is given
/// up and run again: the stream is larger than the queue. That a queue is full, its places say.
fn tickets(capacity: usize) -> u64 {
    (capacity as u64).saturating_mul(2).max(1_024)
}

/// The queue as a front end wants it.
pub(super) async fn make(
    connection: &Connection,
    name: &str,
    config: &QueueConfig,
    durability: Durability,
) -> Result<Queue<Ticket>, OpenError> {
    let tickets = tickets(config.capacity);
    let differs = match open(connection, name, tickets, durability).await {
        Err(OpenError::Differs { stream, differences }) => {
            if differences.iter().any(|difference| difference.setting != "max_msgs") {
                return Err(OpenError::Differs { stream, differences });
            }
            stream
        }
        opened => return opened,
    };
    info!(queue = name, tickets, "the queue gets another size");
    let no_answer =
        |error: async_nats::Error| OpenError::NoAnswer { stream: differs.clone(), source: error };
    let jetstream = connection.jetstream();
    let mut stream =
        jetstream.get_stream(&differs).await.map_err(|error| no_answer(Box::new(error)))?;
    let info = stream.info().await.map_err(|error| no_answer(Box::new(error)))?;
    let mut wanted = info.config.clone();
    wanted.max_messages = tickets.cast_signed();
    jetstream.update_stream(wanted).await.map_err(|error| no_answer(Box::new(error)))?;
    open(connection, name, tickets, durability).await
}

/// Whether the stream of a queue was deleted. A server that starts may not know all streams yet: it
/// is asked again.
pub(super) async fn is_gone(connection: &Connection, name: &str) -> bool {
    let stream = stream_name(connection, name);
    for _ in 0..2 {
        match connection.jetstream().get_stream(&stream).await {
            Err(error) if is_missing(&error) => tokio::time::sleep(LOOK).await,
            _ => return false,
        }
    }
    true
}

fn stream_name(connection: &Connection, queue: &str) -> String {
    format!("{}_queue_{queue}", connection.namespace())
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(refusal) if refusal.code() == 404)
}

/// The queue as it is; a worker that starts first waits until there is one.
pub(super) async fn find(
    connection: &Connection,
    name: &str,
    durability: Durability,
) -> Result<Queue<Ticket>, OpenError> {
    let stream = stream_name(connection, name);
    let mut waits = false;
    loop {
        match connection.jetstream().get_stream(&stream).await {
            Ok(found) => {
                let tickets = found.cached_info().config.max_messages.cast_unsigned();
                return open(connection, name, tickets, durability).await;
            }
            Err(error) if is_missing(&error) => {
                if !waits {
                    info!(queue = name, "waiting for a front end to make the queue");
                }
                waits = true;
            }
            Err(error) => return Err(OpenError::NoAnswer { stream, source: Box::new(error) }),
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn open(
    connection: &Connection,
    name: &str,
    tickets: u64,
    durability: Durability,
) -> Result<Queue<Ticket>, OpenError> {
    // The names of queues are some of those that NATS allows.
    let name: Name = name.parse().map_err(|_| OpenError::Settings(format!("the name {name:?}")))?;
    let queue = connection.queue(name).capacity(Capacity::Messages(tickets));
    // The attempts of a job are counted in its record.
    queue.durability(durability).lease(LEASE).max_attempts(u64::MAX).open().await
}
