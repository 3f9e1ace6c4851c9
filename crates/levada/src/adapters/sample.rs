//! The latest item, at most one a period.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::take::{Left, take_ready};
use super::timer::Timer;

pin_project! {
    /// The latest item of each period. Made by [`sample`](super::sample()) and [`sample_with`].
    ///
    /// # Examples
    /// ```
    /// use levada::adapters::{Sample, sample_with};
    /// use levada::mpsc;
    /// use std::{future::ready, time::Duration};
    ///
    /// let (_tx, rx) = mpsc::channel::<u32>(8);
    /// let samples: Sample<mpsc::Receiver<u32>, _, _> =
    ///     sample_with(rx, Duration::ZERO, |_| ready(()));
    /// # drop(samples);
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct Sample<S: Stream, F, Z> {
        #[pin]
        source: S,
        #[pin]
        timer: Timer<F, Z>,
        // The latest, while the timer is running.
        latest: Option<S::Item>,
        ended: bool,
    }
}

/// The latest item of each period, on tokio's clock.
///
/// A period begins with the first item after the one that was given last; at its end the latest
/// item is given, and the others are dropped. When the source ends, the latest is given at once. So
/// the last item is never lost, and while no item comes, no timer runs.
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
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let (tx, rx) = mpsc::channel(8);
/// let mut samples = pin!(adapters::sample(rx, Duration::from_millis(100)));
/// tx.send(1).await.unwrap();
/// tx.send(2).await.unwrap();
/// assert_eq!(samples.next().await, Some(2));
/// # }
/// ```
#[cfg(feature = "tokio")]
pub fn sample<S: Stream>(
    source: S,
    period: Duration,
) -> Sample<S, super::TokioSleep, tokio::time::Sleep> {
    sample_with(source, period, tokio::time::sleep as super::TokioSleep)
}

/// The latest item of each period, on any runtime: `sleep` makes a future that ends after the
/// period.
///
/// What it does is described at [`sample`](super::sample()) (feature `tokio`).
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
/// let mut samples = adapters::sample_with(rx, Duration::from_millis(100), |_| ready(()));
/// tx.send(1).await.unwrap();
/// assert_eq!(samples.next().await, Some(1));
/// # }
/// ```
pub fn sample_with<S, F, Z>(source: S, period: Duration, sleep: F) -> Sample<S, F, Z>
where
    S: Stream,
    F: FnMut(Duration) -> Z,
    Z: Future,
{
    Sample { source, timer: Timer::new(period, sleep), latest: None, ended: false }
}

impl<S, F, Z> Stream for Sample<S, F, Z>
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
        // First: a source that is always ready would use up the task's budget.
        let mut is_over = this.timer.as_mut().is_over(cx);
        let left = take_ready(this.source, usize::MAX, cx, |item| *this.latest = Some(item));
        if left == Left::End {
            *this.ended = true;
            this.timer.stop();
            return Poll::Ready(this.latest.take());
        }
        if this.latest.is_some() && !is_over && !this.timer.is_running() {
            this.timer.as_mut().start();
            is_over = this.timer.is_over(cx);
        }
        if is_over { Poll::Ready(this.latest.take()) } else { Poll::Pending }
    }
}

impl<S, F, Z> FusedStream for Sample<S, F, Z>
where
    S: Stream,
    F: FnMut(Duration) -> Z,
    Z: Future,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<S: Stream + fmt::Debug, F, Z> fmt::Debug for Sample<S, F, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sample").field("source", &self.source).finish_non_exhaustive()
    }
}
