//! Receivers that give less, later, or of several: conflate, sample, debounce, throttle, chunk,
//! merge.
//!
//! Each function takes a `Stream` and gives another. The receivers of [`mpsc`](crate::mpsc) are
//! streams; those of [`mpmc`](crate::mpmc::Receiver::into_stream),
//! [`broadcast`](crate::broadcast::Receiver::into_stream) and
//! [`watch`](crate::watch::Receiver::into_changes_stream) have `into_stream`. These are functions,
//! not methods of an extension trait, so that they do not collide with those of `futures` and
//! `tokio-stream`.
//!
//! | function | gives | when items come faster than they are taken |
//! |---|---|---|
//! | [`conflate()`], [`conflate_with`] | what has come since the last item, as one | merges them |
//! | [`sample()`] | the latest item, at most one a period | drops all but the latest |
//! | [`debounce()`] | the latest item, when no other has come for a while | drops all but the latest |
//! | [`throttled()`] | every item, at most one a period | leaves them in the channel |
//! | [`chunks_timeout()`] | items together, as many as there are but not for long | fills the chunks |
//! | [`merge()`] | the items of several streams, in fair turns | leaves them in the channels |
//!
//! # Guarantees
//! 1. **The last item arrives.** When the source ends, an adapter gives what it still holds, and
//!    then `None`, however often it is polled.
//! 2. **Cancel safe.** What an adapter holds is in the adapter: dropping a future that waits for
//!    its next item loses nothing and restarts no timer.
//! 3. **No starvation.** An adapter takes at most 1,024 items in one poll. A source that is always
//!    ready keeps neither a timer of [`sample()`] and [`chunks_timeout()`] nor another source of
//!    [`merge()`] waiting.
//! 4. No adapter allocates for itself, but for the chunks of [`chunks_timeout()`].
//!
//! # Time
//! The functions with a duration use tokio's clock (feature `tokio`). Each has a form `.._with`
//! that runs on any runtime: it takes a function that makes a future which ends after a duration,
//! such as `async_io::Timer::after`. A timer is made when it is needed; while no item comes, there
//! is none. On no runtime at all,
//! [`blocking_timeout`](crate::future::WaitExt::blocking_timeout) waits for the next item on a
//! thread: `stream.next().blocking_timeout(..)`.
//!
//! # Pinning
//! An adapter with a timer has the timer's future in itself. If that is not `Unpin`, as tokio's is
//! not, the adapter has to be pinned, by [`pin!`](core::pin::pin) or `Box::pin`.
//!
//! # Examples
//! The latest state, at most every 100 milliseconds:
//! ```
//! use futures_util::StreamExt;
//! use levada::{adapters, mpsc};
//! use std::pin::pin;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let (tx, rx) = mpsc::channel(16);
//! let mut states = pin!(adapters::sample(rx, Duration::from_millis(100)));
//! for state in 1..=10 {
//!     tx.send(state).await.unwrap();
//! }
//! assert_eq!(states.next().await, Some(10));
//! drop(tx);
//! assert_eq!(states.next().await, None);
//! # }
//! ```
#![forbid(unsafe_code)]

mod chunks_timeout;
mod conflate;
mod debounce;
mod merge;
mod sample;
mod take;
mod throttled;
mod timer;

pub use self::chunks_timeout::{ChunksTimeout, chunks_timeout_with};
pub use self::conflate::{Conflate, Newer, conflate, conflate_with};
pub use self::debounce::{Debounce, debounce_with};
pub use self::merge::{Merge, merge};
pub use self::sample::{Sample, sample_with};
pub use self::throttled::{Throttled, throttled_with};

#[cfg(feature = "tokio")]
pub use self::chunks_timeout::chunks_timeout;
#[cfg(feature = "tokio")]
pub use self::debounce::debounce;
#[cfg(feature = "tokio")]
pub use self::sample::sample;
#[cfg(feature = "tokio")]
pub use self::throttled::throttled;
#[cfg(feature = "tokio")]
pub use self::timer::TokioSleep;
