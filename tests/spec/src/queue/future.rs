//! What the futures of mpsc and mpmc are for, and give.

use support::Message;

use super::{Action, Family};
use crate::check::Key;

/// What a future waits for, as far as the model needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A message to be sent; the future owns its sender if `owns_sender`.
    Send {
        message: usize,
        owns_sender: bool,
    },
    Reserve {
        need: usize,
        owns_sender: bool,
    },
    Closed,
    Recv {
        limit: usize,
        owns_receiver: bool,
    },
    Ready,
}

/// What a future gives.
#[expect(missing_debug_implementations, reason = "a family's handles are not all `Debug`")]
pub enum Out<F: Family> {
    /// Sent, or refused; with the message if it came back.
    Sent(Result<(), Option<Message>>),
    /// Permits, or refused.
    Reserved(Option<Permits<F>>),
    Closed,
    /// Whether a message is there.
    Ready(bool),
    /// None at the end.
    Received(Vec<Message>),
}

/// Permits that are out.
#[expect(missing_debug_implementations, reason = "a family's handles are not all `Debug`")]
pub enum Permits<F: Family> {
    One(F::Permit),
    Many(F::Permits),
    Owned(F::Owned),
}

impl<F: Family> Permits<F> {
    /// How many.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::One(_) | Self::Owned(_) => 1,
            Self::Many(permits) => permits.len(),
        }
    }
}

/// The number of messages, and which.
pub(super) fn numbers(messages: &[Message]) -> Vec<Key> {
    messages.iter().map(Message::id).collect()
}

impl Kind {
    /// What polling it is to the model.
    pub(super) fn action(self, key: Key) -> Action {
        match self {
            Self::Send { message, .. } => Action::PollSend { key, message },
            Self::Reserve { need, .. } => Action::PollReserve { key, need },
            Self::Closed => Action::PollClosed { key },
            Self::Recv { limit, .. } => Action::PollRecv { key, limit },
            Self::Ready => Action::PollReady { key },
        }
    }

    /// Whether a handle goes with it.
    pub(super) fn owns_handle(self) -> bool {
        match self {
            Self::Send { owns_sender, .. } | Self::Reserve { owns_sender, .. } => owns_sender,
            Self::Recv { owns_receiver, .. } => owns_receiver,
            Self::Closed | Self::Ready => false,
        }
    }
}
