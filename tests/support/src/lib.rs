//! What the tests of the channels share. It knows no channel.

mod allocator;
mod deadline;
mod dice;
mod executor;
mod forget;
mod grace;
mod message;
mod task;
mod waker;

pub use allocator::{Counting, counted, during_allocations};
pub use deadline::{DEADLINE, within_deadline};
pub use dice::Dice;
pub use executor::{block_on, thread_waker};
pub use forget::{forget, leak};
pub use grace::{GRACE, PATIENCE};
pub use message::{Drops, Ledger, Message};
pub use task::{Tally, Task, poll, poll_now};
pub use waker::{Event, hooked_waker, on_wake, panicking};
