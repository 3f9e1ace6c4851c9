//! What the streams, the consumer and the subjects of a queue are called.

use crate::{Connection, Name};
use async_nats::Subject;

pub(super) struct Subjects {
    /// The work-queue stream, and the subject of its messages.
    pub(super) stream: String,
    pub(super) messages: Subject,
    /// The durable consumer that all receivers share.
    pub(super) consumer: &'static str,
    /// The stream of dead letters, and their subject.
    pub(super) dead_stream: String,
    pub(super) dead: String,
    /// The stream of messages that are sent again later, and the subjects of those that wait and
    /// of those that are due.
    pub(super) delay_stream: String,
    pub(super) delayed: String,
    pub(super) due: String,
    /// Core subjects, whose messages are empty: a sender waits for room; there is room.
    pub(super) wanted: String,
    pub(super) room: String,
}

impl Subjects {
    pub(super) fn new(connection: &Connection, name: &Name) -> Self {
        let delay = connection.subject("delay", name);
        Self {
            stream: connection.stream_name("queue", name),
            // The last part leaves room for lanes.
            messages: (connection.subject("queue", name) + ".0").into(),
            consumer: "receivers",
            dead_stream: connection.stream_name("dead", name),
            dead: connection.subject("dead", name),
            delay_stream: connection.stream_name("delay", name),
            delayed: delay.clone() + ".waiting",
            due: delay + ".due",
            wanted: connection.subject("wanted", name),
            room: connection.subject("room", name),
        }
    }
}
