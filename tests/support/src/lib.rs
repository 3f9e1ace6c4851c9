//! What the tests of the channels share. It knows no channel.

mod allocator;
mod deadline;
mod dice;
mod executor;
mod explosive;
mod forget;
mod grace;
mod many;
mod message;
mod task;
mod waker;

pub use allocator::{Counting, counted, during_allocations};
pub use deadline::{DEADLINE, LONG, within_deadline};
pub use dice::Dice;
pub use executor::{block_on, thread_waker};
pub use explosive::{
    Armed, Bomb, explode, explodes, explosive_waker, hooked_and_explosive, poll_explosive,
    poll_with,
};
pub use forget::{forget, leak};
pub use grace::{GRACE, PATIENCE};
pub use many::{MANY, assert_ready, many_waiting, on_a_small_stack};
pub use message::{Drops, Ledger, Message};
pub use task::{Tally, Task, now, poll, poll_now};
pub use waker::{Event, hooked_waker, on_wake, panicking};
