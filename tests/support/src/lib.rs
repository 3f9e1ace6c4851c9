//! What the tests of the channels share. It knows no channel.

mod allocator;
mod deadline;
mod forget;
mod message;
mod task;
mod waker;

pub use allocator::{Counting, counted, during_allocations};
pub use deadline::{DEADLINE, within_deadline};
pub use forget::{forget, leak};
pub use message::{Drops, Ledger, Message};
pub use task::{Tally, Task, poll_now};
pub use waker::{Event, hooked_waker};
