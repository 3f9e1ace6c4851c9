//! The subscribers, and how far behind they are.
#![forbid(unsafe_code)]

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

/// The number of a subscriber, unlike those of all others of its channel, also of past ones.
///
/// # Examples
/// ```
/// use levada::broadcast;
///
/// let (tx, first) = broadcast::lossless::<u8>(4);
/// let second = tx.subscribe();
/// assert_ne!(first.id(), second.id());
/// assert_eq!(second.id().to_string(), "2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberId(pub(super) u64);

impl fmt::Display for SubscriberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a channel knows of a subscriber; from [`Sender::subscribers`](super::Sender::subscribers).
///
/// # Examples
/// ```
/// use levada::broadcast;
///
/// let (tx, rx) = broadcast::lossless(4);
/// let _audit = rx.named("audit");
/// tx.try_send("an event").unwrap();
///
/// let audit = &tx.subscribers()[0];
/// assert_eq!((audit.name.as_deref(), audit.lag), (Some("audit"), 1));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subscriber {
    /// Its number.
    pub id: SubscriberId,
    /// The name that [`Receiver::named`](super::Receiver::named) gave it.
    pub name: Option<Arc<str>>,
    /// Whether it holds the senders back.
    pub is_member: bool,
    /// Messages that were sent and that it has yet to receive, those included that it will miss.
    pub lag: u64,
    /// Messages that it has missed, as [`Lagged`](super::error::RecvError::Lagged) has reported to
    /// it: an observer's.
    pub missed: u64,
    /// For how long it has received nothing although there was something, as far as calls of
    /// [`subscribers`](super::Sender::subscribers) and
    /// [`evict_after`](super::Sender::evict_after) have seen: since the first one that found it
    /// where it is now. (A receive does not read the clock.)
    pub idle: Duration,
}
