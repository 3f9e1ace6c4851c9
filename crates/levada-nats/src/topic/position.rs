//! Where a subscriber begins.

use std::time::SystemTime;

/// Where a subscriber begins.
///
/// ```
/// use levada_nats::topic::Position;
///
/// // What `Subscriber::position` gives is a position.
/// assert_eq!(Position::from(17), Position::Seq(17));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Position {
    /// With the first message that is sent from now on, as a subscriber of a local broadcast does.
    #[default]
    Next,
    /// With the oldest message that the topic still has.
    First,
    /// With the newest message that the topic has, or with the next one if it has none.
    Last,
    /// With the message of this sequence number. If the topic no longer has it, the first `recv`
    /// gives [`Lagged`](super::RecvError::Lagged) with the number of messages that are gone.
    Seq(u64),
    /// With the oldest message that the topic has of those that were stored at this time or later,
    /// by the server's clock.
    Time(SystemTime),
}

impl From<u64> for Position {
    fn from(seq: u64) -> Self {
        Self::Seq(seq)
    }
}
