//! Messages that are larger than the server takes have objects, in a store for each stream.

use super::headers::OBJECT;
use crate::payload::Objects;
use crate::{Connection, Durability, Name};
use async_nats::HeaderMap;

/// The stores of the streams of a queue.
#[derive(Clone, Debug)]
pub(super) struct Stores {
    pub(super) queue: Objects,
    pub(super) dead: Objects,
    pub(super) delay: Objects,
}

impl Stores {
    /// `replicas` is how many copies a stream of the queue has.
    pub(super) fn new(connection: &Connection, name: &Name, replicas: usize) -> Self {
        let durability = if replicas == 1 { Durability::Lazy } else { Durability::Replicated };
        let store = |kind| Objects::new(connection, kind, name, durability);
        Self { queue: store("queue"), dead: store("dead"), delay: store("delay") }
    }
}

/// Whether the message has an object.
pub(super) fn has_object(headers: Option<&HeaderMap>) -> bool {
    headers.is_some_and(|headers| headers.get(OBJECT).is_some())
}
