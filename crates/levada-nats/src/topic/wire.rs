//! What the server sends to the inbox of a pull consumer.

use crate::payload::REFERENCE;
use async_nats::{HeaderMap, StatusCode};
use bytes::Bytes;
use std::time::{Duration, SystemTime};

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// A message of the stream.
    Message(Stored, u64),
    /// The consumer is there and has nothing to send.
    Heartbeat {
        /// The last sequence number of the stream that it has sent or found missing.
        seq: u64,
        /// How many messages it has sent.
        sent: u64,
    },
    /// A pull request ended; this many of the messages that it asked for do not come.
    Ended(usize),
    /// The consumer is gone, or something is wrong with it.
    Broken(String),
}

/// A message as the stream has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) seq: u64,
    pub(super) sent_at: SystemTime,
    pub(super) payload: Bytes,
    /// Those that refer to an object, in which the bytes are instead.
    pub(super) headers: Option<HeaderMap>,
}

impl Arrival {
    pub(super) fn read(message: async_nats::Message) -> Self {
        let headers = message.headers.as_ref();
        match message.status {
            None | Some(StatusCode::OK) => {}
            Some(StatusCode::IDLE_HEARTBEAT) => {
                let seq = number(headers, "Nats-Last-Stream").unwrap_or(0);
                let Some(sent) = number(headers, "Nats-Last-Consumer") else {
                    return Self::Broken("a heartbeat without numbers".to_owned());
                };
                return Self::Heartbeat { seq, sent };
            }
            Some(status) => {
                // An ended request says how much of it is left; everything else is an error.
                return match number(headers, "Nats-Pending-Messages") {
                    Some(unused) => Self::Ended(usize::try_from(unused).unwrap_or(usize::MAX)),
                    None => {
                        let description = message.description.unwrap_or_default();
                        Self::Broken(format!("status {status} {description}"))
                    }
                };
            }
        }
        let Some((seq, number, sent_at)) = message.reply.as_deref().and_then(numbers) else {
            return Self::Broken("a message without numbers".to_owned());
        };
        let headers = message.headers.filter(|headers| headers.get(REFERENCE).is_some());
        Self::Message(Stored { seq, sent_at, payload: message.payload, headers }, number)
    }
}

fn number(headers: Option<&HeaderMap>, name: &str) -> Option<u64> {
    headers?.get(name)?.as_str().parse().ok()
}

/// The sequence numbers in the stream and of the consumer, and the time of storing, which the
/// server puts into the subject for acks (ADR-15):
/// `$JS.ACK.STREAM.CONSUMER.DELIVERED.SEQ.CONSUMER_SEQ.NANOSECONDS.PENDING`, since server 2.15 with
/// `DOMAIN.ACCOUNT` in front of the stream.
fn numbers(reply: &str) -> Option<(u64, u64, SystemTime)> {
    let rest = reply.strip_prefix("$JS.ACK.")?;
    let skipped = if rest.split('.').count() >= 9 { 5 } else { 3 };
    let mut words = rest.split('.').skip(skipped);
    let mut number = || words.next()?.parse::<u64>().ok();
    let (seq, consumer_seq, nanoseconds) = (number()?, number()?, number()?);
    let sent_at = SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds);
    Some((seq, consumer_seq, sent_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(status: Option<u16>, headers: &[(&'static str, &str)]) -> async_nats::Message {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        async_nats::Message {
            subject: "s".into(),
            reply: None,
            payload: Bytes::new(),
            headers: Some(map),
            status: status.map(|status| StatusCode::from_u16(status).unwrap()),
            description: Some("Consumer Deleted".to_owned()),
            length: 0,
        }
    }

    #[test]
    fn both_forms_of_the_subject_for_acks_are_read() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(5);
        assert_eq!(numbers("$JS.ACK.S.c.1.17.3.5.0"), Some((17, 3, time)));
        assert_eq!(numbers("$JS.ACK._.hash.S.c.1.17.3.5.0"), Some((17, 3, time)));
        assert_eq!(numbers("$JS.ACK._.hash.S.c.1.17.3.5.0.token"), Some((17, 3, time)));
        for reply in ["", "$JS.ACK.S.c.1.17", "$JS.ACK.S.c.1.x.3.5.0", "_INBOX.1"] {
            assert_eq!(numbers(reply), None, "{reply}");
        }
    }

    #[test]
    fn a_status_is_a_heartbeat_or_an_end_or_an_error() {
        let beat = message(Some(100), &[("Nats-Last-Stream", "9"), ("Nats-Last-Consumer", "4")]);
        assert_eq!(Arrival::read(beat), Arrival::Heartbeat { seq: 9, sent: 4 });
        let ended = message(Some(408), &[("Nats-Pending-Messages", "3")]);
        assert_eq!(Arrival::read(ended), Arrival::Ended(3));
        for status in [409, 503] {
            let Arrival::Broken(reason) = Arrival::read(message(Some(status), &[])) else {
                panic!("{status} is an error");
            };
            assert!(reason.contains(&status.to_string()), "{reason}");
        }
        assert!(matches!(Arrival::read(message(None, &[])), Arrival::Broken(_)));
    }
}
