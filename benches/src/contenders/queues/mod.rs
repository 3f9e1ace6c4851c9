//! mpsc and mpmc: the crates, and who takes part in what.

pub(crate) mod kanal;
pub(crate) mod levada;
pub(crate) mod tokio;

/// All that have a bounded mpsc for tasks: see [`contenders`](crate::cell::contenders).
macro_rules! for_bounded {
    ($alias:ident => $run:expr) => {{
        use $crate::contenders::queues::{kanal::Kanal, levada::Levada, tokio::Tokio};
        contenders!($alias => $run; [Levada, Tokio, Kanal])
    }};
}
pub(crate) use for_bounded;
