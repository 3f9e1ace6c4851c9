//! How a connection stands, from the events of the client.

use async_nats::{Client, Event, connection};
use levada::watch;
use std::sync::{OnceLock, Weak};

/// How a connection stands.
///
/// ```
/// use levada_nats::State;
///
/// assert!(State::Connected.is_connected());
/// assert!(!State::Reconnecting.is_closed());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// A server answers.
    Connected,
    /// No server answers; the connection tries again and again.
    Reconnecting,
    /// The connection was closed. This is final.
    Closed,
}

impl State {
    /// Whether a server answers.
    pub fn is_connected(self) -> bool {
        self == Self::Connected
    }

    /// Whether the connection was closed.
    pub fn is_closed(self) -> bool {
        self == Self::Closed
    }
}

/// Folds the events of a client into a [`State`].
pub(super) struct Folded {
    state: watch::Sender<State>,
    /// Set when the client is made. Weak: the client's own task holds this, and a client without
    /// another owner ends.
    pub(super) client: OnceLock<Weak<Client>>,
}

impl Folded {
    pub(super) fn new() -> (Self, watch::Receiver<State>) {
        let (state, receiver) = watch::channel(State::Connected);
        (Self { state, client: OnceLock::new() }, receiver)
    }

    pub(super) fn take(&self, event: &Event) {
        match event {
            Event::Connected => self.set(State::Connected),
            Event::Disconnected => self.set(State::Reconnecting),
            Event::Closed => self.set(State::Closed),
            other => {
                tracing::debug!(event = %other, "NATS");
                // The client throws events away while 128 of them wait, as they may after many
                // `SlowConsumer`. So each of those that wait brings the state up to date.
                let client = self.client.get().and_then(Weak::upgrade);
                match client.map(|client| client.connection_state()) {
                    Some(connection::State::Connected) => self.set(State::Connected),
                    Some(connection::State::Disconnected) => self.set(State::Reconnecting),
                    Some(connection::State::Pending) | None => {}
                }
            }
        }
    }

    fn set(&self, new: State) {
        let changed = self.state.send_if_modified(|state| {
            let changes = *state != new && !state.is_closed();
            if changes {
                *state = new;
            }
            changes
        });
        if changed {
            match new {
                State::Connected => tracing::info!("connected to NATS again"),
                State::Reconnecting => {
                    tracing::warn!("the connection to NATS is lost; it is tried again")
                }
                State::Closed => tracing::debug!("the connection to NATS is closed"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_is_final() {
        let (folded, state) = Folded::new();
        folded.take(&Event::Disconnected);
        assert_eq!(*state.borrow(), State::Reconnecting);
        folded.take(&Event::Connected);
        assert_eq!(*state.borrow(), State::Connected);
        folded.take(&Event::Closed);
        folded.take(&Event::Connected);
        assert_eq!(*state.borrow(), State::Closed);
    }
}
