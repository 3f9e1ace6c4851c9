//! The bounded channels, reduced to what the suite does with both.

use std::pin::Pin;
use support::Task;

/// A sender that waits; whether it sent.
pub(crate) type Sending = Task<Pin<Box<dyn Future<Output = bool>>>>;
/// A receiver that waits.
pub(crate) type Receiving = Task<Pin<Box<dyn Future<Output = Option<u32>>>>>;

/// How a sender waits for room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Send,
    Reserve,
    ReserveOwned,
    ReserveMany,
}

impl Way {
    pub(crate) const ALL: [Self; 4] =
        [Self::Send, Self::Reserve, Self::ReserveOwned, Self::ReserveMany];
}

/// A bounded channel with a sender and a receiver.
pub(crate) trait Channel {
    fn new(capacity: usize) -> Self;
    fn name() -> &'static str;
    /// Waits for room in this way, and sends.
    fn send(&self, way: Way, message: u32) -> Sending;
    /// To be called on another thread; whether it sent.
    fn blocking_send(&self, message: u32) -> impl FnOnce() -> bool + Send + 'static;
    fn try_send(&self, message: u32) -> bool;
    /// Reserves room, for good.
    fn hold(&self);
    fn recv(&self) -> Receiving;
    fn try_recv(&self) -> Option<u32>;
    fn close(&self);
    /// Whether the end is seen.
    fn has_ended(&self) -> bool;
}
