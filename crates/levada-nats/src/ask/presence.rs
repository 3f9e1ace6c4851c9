//! Whether the other side is still there.
//!
//! The server says at once when nothing subscribes to an inbox ("no responders"). That is so when a
//! process ended, and also for as long as a client is between two connections. So one such reply
//! proves nothing: the other side is gone if none but such replies came for a while, in which this
//! side's own connection was steady.

use crate::Connection;
use std::time::{Duration, Instant};

/// How long nothing subscribes before the other side is gone. A client that reconnects tries nine
/// times in the first second.
const GONE: Duration = Duration::from_secs(1);

/// How long after its own reconnection one side judges no other: what cut it off, such as the
/// restart of a server, cut the others off as well, and they pause up to 4 seconds between two
/// attempts.
const UNSTEADY: Duration = Duration::from_secs(6);

/// Waits while the connection is lost. Returns whether there is one, rather than none for ever.
///
/// What is handed to the client meanwhile is sent when it is connected again, which may be too
/// late, and no error says so.
pub(super) async fn connected(connection: &Connection) -> bool {
    let mut state = connection.state();
    let settled = state.wait_for(|state| state.is_connected() || state.is_closed()).await;
    settled.is_ok_and(|state| state.is_connected())
}

/// What one side knows of another one.
#[derive(Debug, Default)]
pub(super) struct Presence {
    missing_since: Option<Instant>,
}

impl Presence {
    /// The other side was heard.
    pub(super) fn is_heard(&mut self) {
        self.missing_since = None;
    }

    /// The server found nothing that subscribes. Returns whether the other side is gone.
    pub(super) fn is_missing(&mut self, link: &Link, now: Instant) -> bool {
        if !link.is_steady(now) {
            self.missing_since = None;
            return false;
        }
        let since = *self.missing_since.get_or_insert(now);
        now.duration_since(since) >= GONE
    }
}

/// What one side knows of its own connection.
#[derive(Debug, Default)]
pub(super) struct Link {
    reconnected: Option<Instant>,
}

impl Link {
    /// The connection was lost or is back.
    pub(super) fn changed(&mut self, now: Instant) {
        self.reconnected = Some(now);
    }

    fn is_steady(&self, now: Instant) -> bool {
        self.reconnected.is_none_or(|at| now.duration_since(at) >= UNSTEADY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reply_proves_nothing_and_a_second_of_them_does() {
        let (link, now) = (Link::default(), Instant::now());
        let mut presence = Presence::default();
        assert!(!presence.is_missing(&link, now));
        assert!(!presence.is_missing(&link, now + GONE / 2));
        presence.is_heard();
        assert!(!presence.is_missing(&link, now + GONE));
        assert!(presence.is_missing(&link, now + GONE * 2));
    }

    #[test]
    fn a_side_that_was_cut_off_itself_judges_later() {
        let (mut link, now) = (Link::default(), Instant::now());
        let mut presence = Presence::default();
        assert!(!presence.is_missing(&link, now));
        link.changed(now);
        assert!(!presence.is_missing(&link, now + GONE));
        assert!(!presence.is_missing(&link, now + UNSTEADY));
        assert!(presence.is_missing(&link, now + UNSTEADY + GONE));
    }
}
