//! Headers of a queue's messages. Those that begin with `Nats-` are the server's.

/// By it the server recognises a message that is sent twice.
pub(super) const ID: &str = "Nats-Msg-Id";
/// The id that a message was first sent with, if it came into this stream a second time: from the
/// stream of delays or from the dead letters.
pub(super) const ORIGINAL_ID: &str = "Levada-Id";
/// How often the message was delivered before it came into this stream: messages that wait in the
/// stream of delays, or come back from the dead letters, begin there.
pub(super) const ATTEMPTS: &str = "Levada-Attempts";
/// The last attempt of a message that came back from the dead letters; the others have the queue's.
pub(super) const LIMIT: &str = "Levada-Max-Attempts";
/// Milliseconds since 1970-01-01 UTC at which the queue first stored the message, if it came into
/// this stream a second time. A message in its queue has none: the stream knows it, and a server
/// reads short headers faster.
pub(super) const SENT_AT: &str = "Levada-Sent-At";
/// Why a message is a dead letter.
pub(super) const REASON: &str = "Levada-Reason";
/// Which number a dead letter had in the queue.
pub(super) const SEQ: &str = "Levada-Seq";
/// Which object has the bytes, if they were larger than the server takes.
pub(super) use crate::payload::REFERENCE as OBJECT;
