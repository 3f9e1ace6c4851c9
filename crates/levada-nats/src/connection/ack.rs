//! What the server says of a message that was to be stored.

use async_nats::jetstream;
use serde::Deserialize;

/// Where a message is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) seq: u64,
    /// An earlier copy is, or was, there.
    pub(crate) duplicate: bool,
}

/// Why there is no [`Ack`].
#[derive(Debug)]
pub(crate) enum NoAck {
    Refused(jetstream::Error),
    /// It is no answer of a stream.
    Unreadable(String),
}

/// The answer of the client is slower to read: it has the names of the stream and of the domain,
/// and is read twice to tell it from an error.
#[derive(Deserialize)]
struct Answer {
    error: Option<jetstream::Error>,
    seq: Option<u64>,
    #[serde(default)]
    duplicate: bool,
}

impl Ack {
    pub(crate) fn read(answer: &[u8]) -> Result<Self, NoAck> {
        match serde_json::from_slice(answer) {
            Ok(Answer { error: Some(error), .. }) => Err(NoAck::Refused(error)),
            Ok(Answer { seq: Some(seq), duplicate, .. }) => Ok(Self { seq, duplicate }),
            Ok(_) => Err(NoAck::Unreadable("it answers without a sequence".to_owned())),
            Err(error) => Err(NoAck::Unreadable(format!("it answers what is no answer: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_sequence_or_an_error() {
        for (json, duplicate) in [
            (r#"{"stream":"s","seq":7}"#, false),
            (r#"{"stream":"s","domain":"d","seq":7,"duplicate":true,"new":[1]}"#, true),
        ] {
            assert_eq!(Ack::read(json.as_bytes()).unwrap(), Ack { seq: 7, duplicate }, "{json}");
        }
        for json in ["", "{}", r#"{"stream":"s"}"#, r#"{"seq":"x"}"#, "+OK"] {
            let read = Ack::read(json.as_bytes());
            assert!(matches!(read, Err(NoAck::Unreadable(_))), "{json}: {read:?}");
        }
        let json = r#"{"error":{"code":503,"err_code":10077,"description":"full"},"seq":0}"#;
        assert!(matches!(Ack::read(json.as_bytes()), Err(NoAck::Refused(_))));
    }
}
