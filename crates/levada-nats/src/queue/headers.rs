//! Headers of a queue's messages. Those that begin with `Nats-` are the server's.

/// By it the server recognises a message that is sent twice.
pub(super) const ID: &str = "Nats-Msg-Id";
/// How often the message was delivered before it came into this stream: messages that wait in the
/// stream of delays, or come back from the dead letters, begin there.
pub(super) const ATTEMPTS: &str = "Levada-Attempts";
/// Milliseconds since 1970-01-01 UTC at which the message was first sent.
pub(super) const SENT_AT: &str = "Levada-Sent-At";
/// Why a message is a dead letter.
pub(super) const REASON: &str = "Levada-Reason";
/// Which object has the bytes, if they were larger than the server takes.
pub(super) const OBJECT: &str = "Levada-Object";
