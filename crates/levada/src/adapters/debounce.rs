//! The latest item, when no other has come for a while.
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
    /// The latest item after each burst. Made by [`debounce`](super::debounce()) and
    /// [`debounce_with`].
    ///
    /// # Examples
    /// ```
    /// use levada::adapters::{Debounce, debounce_with};
    /// use levada::mpsc;
    /// use std::{future::ready, time::Duration};
    ///
    /// let (_tx, rx) = mpsc::channel::<u32>(8);
    /// let settled: Debounce<mpsc::Receiver<u32>, _, _> =
    ///     debounce_with(rx, Duration::ZERO, |_| ready(()));
    /// # drop(settled);
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct Debounce<S: Stream, F, Z> {
        #[pin]
        source: S,
        #[pin]
        timer: Timer<F, Z>,
        // The latest, while the timer is running.
        latest: Option<S::Item>,
        ended: bool,
    }
}

/// The latest item, when no other has come for as long as `quiet`, on tokio's clock.
///
/// Items that come before are dropped; when the source ends, the latest is given at once. A source
/// that is never quiet for so long gives nothing until it ends: where that can be, use
/// [`sample`](super::sample()).
///
/// # Panics
/// A poll panics outside of a tokio runtime with a timer.
///
/// # Cancel safety
/// Dropping a future that waits for the next item loses nothing, and the time goes on.
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
/// let mut searches = pin!(adapters::debounce(rx, Duration::from_millis(300)));
/// tokio::spawn(async move {
///     for text in ["l", "le", "lev"] {
///         tx.send(text).await.unwrap();
///         tokio::time::sleep(Duration::from_millis(100)).await;
///     }
///     tokio::time::sleep(Duration::from_millis(1000)).await;
///     tx.send("levada").await.unwrap();
/// });
/// assert_eq!(searches.next().await, Some("lev"));
/// assert_eq!(searches.next().await, Some("levada"));
/// assert_eq!(searches.next().await, None);
/// # }
/// ```
#[cfg(feature = "tokio")]
pub fn debounce<S: Stream>(
    source: S,
    quiet: Duration,
) -> Debounce<S, super::TokioSleep, tokio::time::Sleep> {
    debounce_with(source, quiet, tokio::time::sleep as super::TokioSleep)
}

/// The latest item, when no other has come for as long as `quiet`, on any runtime: `sleep` makes a
/// future that ends after that time.
///
/// What it does is described at [`debounce`](super::debounce()) (feature `tokio`).
///
/// # Cancel safety
/// Dropping a future that waits for the next item loses nothing, and the time goes on.
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
/// let mut settled = adapters::debounce_with(rx, Duration::from_millis(300), |_| ready(()));
/// tx.send(1).await.unwrap();
/// tx.send(2).await.unwrap();
/// assert_eq!(settled.next().await, Some(2));
/// # }
/// ```
pub fn debounce_with<S, F, Z>(source: S, quiet: Duration, sleep: F) -> Debounce<S, F, Z>
where
    S: Stream,
    F: FnMut(Duration) -> Z,
    Z: Future,
{
    Debounce { source, timer: Timer::new(quiet, sleep), latest: None, ended: false }
}

impl<S, F, Z> Stream for Debounce<S, F, Z>
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
        // Before the timer: an item that is there already begins the time anew.
        let mut is_newer = false;
        let left = take_ready(this.source, usize::MAX, cx, |item| {
            *this.latest = Some(item);
            is_newer = true;
        });
        if left == Left::End {
            *this.ended = true;
            this.timer.stop();
            return Poll::Ready(this.latest.take());
        }
        if is_newer {
            this.timer.as_mut().start();
        }
        // While there may be more, it is not quiet.
        let is_quiet = left == Left::Nothing && this.timer.is_over(cx);
        if is_quiet { Poll::Ready(this.latest.take()) } else { Poll::Pending }
    }
}

impl<S, F, Z> FusedStream for Debounce<S, F, Z>
where
    S: Stream,
    F: FnMut(Duration) -> Z,
    Z: Future,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<S: Stream + fmt::Debug, F, Z> fmt::Debug for Debounce<S, F, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Debounce").field("source", &self.source).finish_non_exhaustive()
    }
}
