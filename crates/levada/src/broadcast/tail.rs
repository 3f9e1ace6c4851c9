//! What the lock of a broadcast channel's writer guards.
#![forbid(unsafe_code)]

/// The end of the messages, and what has to be decided in one order for all handles.
pub(super) struct Tail<G> {
    /// The position of the next message.
    pub(super) next: u64,
    /// How many receivers the next message is for.
    pub(super) receivers: u32,
    /// A receiver waits for `next` to move.
    pub(super) has_waiters: bool,
    /// A receiver has read everything, so perhaps all have.
    pub(super) caught_up: bool,
    /// What else decides whether a message may be sent.
    pub(super) gate: G,
}

/// Decides under the tail's lock whether a message may be sent.
pub(super) trait Admission<G> {
    /// Whether it may be sent as the tail is. If the lock has to be released before the message is
    /// in its slot, it is asked again.
    fn admits(&mut self, tail: &mut Tail<G>) -> bool;

    /// The message is in its slot, and the position moves next.
    fn commit(&mut self, tail: &mut Tail<G>);
}

/// A message is sent as soon as there is a receiver.
pub(super) struct AtOnce;

impl Admission<()> for AtOnce {
    #[inline(always)]
    fn admits(&mut self, tail: &mut Tail<()>) -> bool {
        tail.receivers != 0
    }

    #[inline(always)]
    fn commit(&mut self, _: &mut Tail<()>) {}
}
