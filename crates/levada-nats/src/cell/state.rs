//! How the local value of a cell stands to the stored one.

/// How the local value of a cell stands to the one that the server has.
///
/// ```
/// use levada_nats::cell::State;
///
/// assert!(State::Current.is_current());
/// assert!(!State::Stale.is_current());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The server confirmed the value, or sent it, in the last seconds: see
    /// [`CHECKED_EVERY`](super::CHECKED_EVERY). In a cluster, a leader that is cut off from the
    /// other servers confirms for about 10 seconds more, until it gives up.
    Current,
    /// The value may be old: the connection is lost, or the server does not answer.
    Stale,
    /// The newest bytes are no value of this type. The value is the last one before them.
    Unreadable,
    /// The key was deleted. The value is the last one that it had.
    Deleted,
    /// The bucket does not exist. The value is the last one that it had.
    NoBucket,
    /// The connection is closed: the value will not change any more. This is final.
    Closed,
}

impl State {
    /// Whether the value is the newest one, as far as can be known.
    pub fn is_current(self) -> bool {
        self == Self::Current
    }
}
