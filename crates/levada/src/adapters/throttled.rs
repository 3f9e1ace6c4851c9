//! At most one item a period.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::timer::Timer;

pin_project! {
    /// At most one item a period. Made by [`throttled`](super::throttled()) and [`throttled_with`].
    ///
    /// # Examples
    /// ```
    /// use levada::adapters::{Throttled, throttled_with};
    /// use levada::mpsc;
    /// use std::{future::ready, time::Duration};
    ///
    /// let (_tx, rx) = mpsc::channel::<u32>(8);
    /// let slow: Throttled<mpsc::Receiver<u32>, _, _> =
    ///     throttled_with(rx, Duration::ZERO, |_| ready(()));
    /// # drop(slow);
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct Throttled<S, F, Z> {
        #[pin]
        source: S,
        #[pin]
        timer: Timer<F, Z>,
        ended: bool,
    }
}

/// Every item, but at most one a period, on tokio's clock.
///
/// The first item is given at once; after an item, the source is not asked for a period. So nothing
/// is dropped here: a queue keeps its messages, and holds its senders back when it is full; a
/// [`watch`](crate::watch::Receiver::throttled) keeps the latest value, so that the last one always
/// arrives.
///
/// # Panics
/// A poll panics outside of a tokio runtime with a timer.
///
/// # Cancel safety
/// Dropping a future that waits for the next item loses nothing: the period goes on.
///
/// # Examples
/// ```
/// use futures_util::StreamExt;
/// use levada::{adapters, mpsc};
/// use std::pin::pin;
/// use std::time::Duration;
/// use tokio::time::Instant;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let (tx, rx) = mpsc::channel(8);
/// tx.send(1).await.unwrap();
/// tx.send(2).await.unwrap();
/// let (start, period) = (Instant::now(), Duration::from_millis(100));
/// let mut calls = pin!(adapters::throttled(rx, period));
/// assert_eq!(calls.next().await, Some(1));
/// assert!(start.elapsed() < period);
/// assert_eq!(calls.next().await, Some(2));
/// assert!(start.elapsed() >= period);
/// # }
/// ```
#[cfg(feature = "tokio")]
pub fn throttled<S: Stream>(
    source: S,
    period: Duration,
) -> Throttled<S, super::TokioSleep, tokio::time::Sleep> {
    throttled_with(source, period, tokio::time::sleep as super::TokioSleep)
}

/// Every item, but at most one a period, on any runtime: `sleep` makes a future that ends after the
/// period.
///
/// What it does is described at [`throttled`](super::throttled()) (feature `tokio`).
///
/// # Cancel safety
/// Dropping a future that waits for the next item loses nothing: the period goes on.
///
/// # Examples
/// ```
/// use futures_util::StreamExt;
/// use levada::{adapters, mpsc};
/// use std::{future::ready, time::Duration};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = mpsc::channel(8);
/// // With the crate async-io, for instance, `async_io::Timer::after`.
/// let mut calls = adapters::throttled_with(rx, Duration::from_millis(100), |_| ready(()));
/// tx.send(1).await.unwrap();
/// assert_eq!(calls.next().await, Some(1));
/// # }
/// ```
pub fn throttled_with<S, F, Z>(source: S, period: Duration, sleep: F) -> Throttled<S, F, Z>
where
    S: Stream,
    F: FnMut(Duration) -> Z,
    Z: Future,
{
    Throttled { source, timer: Timer::new(period, sleep), ended: false }
}

impl<S, F, Z> Stream for Throttled<S, F, Z>
where
    S: Stream,
    F: FnMut(Duration) -> Z,
    Z: Future,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        ready!(this.timer.as_mut().poll_stopped(cx));
        let item = ready!(this.source.poll_next(cx));
        match item {
            Some(_) => this.timer.start(),
            None => *this.ended = true,
        }
        Poll::Ready(item)
    }
}

impl<S, F, Z> FusedStream for Throttled<S, F, Z>
where
    S: Stream,
    F: FnMut(Duration) -> Z,
    Z: Future,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<S: fmt::Debug, F, Z> fmt::Debug for Throttled<S, F, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttled").field("source", &self.source).finish_non_exhaustive()
    }
}
