//! mpsc and mpmc: the crates, and who takes part in what.
//!
//! Each macro makes the contenders of a shape, as [`contenders`](crate::cell::contenders) does.

pub(crate) mod async_channel;
pub(crate) mod asyncband;
pub(crate) mod crossfire;
pub(crate) mod fibre;
pub(crate) mod flume;
pub(crate) mod futures_channel;
pub(crate) mod kanal;
pub(crate) mod levada;
pub(crate) mod loole;
pub(crate) mod postage;
pub(crate) mod tachyonix;
pub(crate) mod thingbuf;
pub(crate) mod tokio;

pub(crate) use self::async_channel::AsyncChannel;
pub(crate) use self::asyncband::Asyncband;
pub(crate) use self::crossfire::Crossfire;
pub(crate) use self::fibre::Fibre;
pub(crate) use self::flume::Flume;
pub(crate) use self::futures_channel::FuturesChannel;
pub(crate) use self::kanal::Kanal;
pub(crate) use self::levada::Levada;
pub(crate) use self::loole::Loole;
pub(crate) use self::postage::Postage;
pub(crate) use self::tachyonix::Tachyonix;
pub(crate) use self::thingbuf::Thingbuf;
pub(crate) use self::tokio::Tokio;

/// All that have a bounded mpsc for tasks.
macro_rules! for_bounded {
    ($alias:ident => $run:expr) => {{
        use $crate::contenders::queues::{AsyncChannel, Asyncband, Crossfire, Fibre, Flume, FuturesChannel, Kanal, Levada, Loole, Postage, Tachyonix, Thingbuf, Tokio};
        $crate::cell::contenders!($alias => $run; [Levada, Tokio, Asyncband, Kanal, Crossfire, Flume, AsyncChannel, Tachyonix, Thingbuf, Fibre, Loole, FuturesChannel, Postage])
    }};
}
pub(crate) use for_bounded;

/// All that have an mpsc without a bound.
macro_rules! for_unbounded {
    ($alias:ident => $run:expr) => {{
        use $crate::contenders::queues::{AsyncChannel, Asyncband, Crossfire, Fibre, Flume, FuturesChannel, Kanal, Levada, Loole, Tokio};
        $crate::cell::contenders!($alias => $run; [Levada, Tokio, Asyncband, Kanal, Crossfire, Flume, AsyncChannel, Fibre, Loole, FuturesChannel])
    }};
}
pub(crate) use for_unbounded;

/// All whose bounded mpsc threads can use on both sides.
macro_rules! for_threads {
    ($alias:ident => $run:expr) => {{
        use $crate::contenders::queues::{AsyncChannel, Asyncband, Crossfire, Fibre, Flume, Kanal, Levada, Loole, Postage, Thingbuf, Tokio};
        $crate::cell::contenders!($alias => $run; [Levada, Tokio, Asyncband, Kanal, Crossfire, Flume, AsyncChannel, Thingbuf, Fibre, Loole, Postage])
    }};
}
pub(crate) use for_threads;

/// All whose bounded mpsc goes between threads and tasks.
macro_rules! for_mixed {
    ($alias:ident => $run:expr) => {{
        use $crate::contenders::queues::{AsyncChannel, Asyncband, Crossfire, Fibre, Flume, Kanal, Levada, Loole, Postage, Tokio};
        $crate::cell::contenders!($alias => $run; [Levada, Tokio, Asyncband, Kanal, Crossfire, Flume, AsyncChannel, Fibre, Loole, Postage])
    }};
}
pub(crate) use for_mixed;

/// All that have a bounded mpmc, for tasks and for threads.
macro_rules! for_mpmc {
    ($alias:ident => $run:expr) => {{
        use $crate::contenders::queues::{AsyncChannel, Asyncband, Crossfire, Fibre, Flume, Kanal, Levada, Loole, Postage};
        $crate::cell::contenders!($alias => $run; [Levada, Asyncband, Kanal, Crossfire, Flume, AsyncChannel, Fibre, Loole, Postage])
    }};
}
pub(crate) use for_mpmc;
