//! Items together, but not for long.
#![forbid(unsafe_code)]

use core::fmt;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::take::{Left, take_ready};
use super::timer::Timer;

pin_project! {
    /// Chunks of items. Made by [`chunks_timeout`](super::chunks_timeout()) and
    /// [`chunks_timeout_with`].
    ///
    /// # Examples
    /// ```
    /// use levada::adapters::{ChunksTimeout, chunks_timeout_with};
    /// use levada::mpsc;
    /// use std::{future::ready, time::Duration};
    ///
    /// let (_tx, rx) = mpsc::channel::<u32>(8);
    /// let chunks: ChunksTimeout<mpsc::Receiver<u32>, _, _> =
    ///     chunks_timeout_with(rx, 100, Duration::ZERO, |_| ready(()));
    /// # drop(chunks);
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct ChunksTimeout<S: Stream, F, Z> {
        #[pin]
        source: S,
        // Running while the chunk is not empty.
        #[pin]
        timer: Timer<F, Z>,
        chunk: Vec<S::Item>,
        max: usize,
        ended: bool,
    }
}

/// Items in chunks of at most `max`; a chunk that is not full is given when its first item has
/// waited for `longest`, on tokio's clock.
///
/// No chunk is empty, and while no item comes, no timer runs. When the source ends, the last chunk
/// is given at once. A chunk grows as its items come: a large `max` allocates nothing in advance.
/// The crate `levada-work` has a batching worker with a flush function and its errors.
///
/// # Panics
/// If `max` is 0. A poll panics outside of a tokio runtime with a timer.
///
/// # Cancel safety
/// Dropping a future that waits for the next chunk loses nothing: the items stay in the adapter,
/// and their time goes on.
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
/// for number in 1..=5 {
///     tx.send(number).await.unwrap();
/// }
/// let mut chunks = pin!(adapters::chunks_timeout(rx, 3, Duration::from_millis(100)));
/// assert_eq!(chunks.next().await, Some(vec![1, 2, 3]));
/// assert_eq!(chunks.next().await, Some(vec![4, 5]), "after 100 milliseconds");
/// # }
/// ```
#[cfg(feature = "tokio")]
#[track_caller]
pub fn chunks_timeout<S: Stream>(
    source: S,
    max: usize,
    longest: Duration,
) -> ChunksTimeout<S, super::TokioSleep, tokio::time::Sleep> {
    chunks_timeout_with(source, max, longest, tokio::time::sleep as super::TokioSleep)
}

/// Items in chunks of at most `max`, on any runtime: `sleep` makes a future that ends after the
/// time that an item may wait.
///
/// What it does is described at [`chunks_timeout`](super::chunks_timeout()) (feature `tokio`).
///
/// # Panics
/// If `max` is 0.
///
/// # Cancel safety
/// Dropping a future that waits for the next chunk loses nothing: the items stay in the adapter,
/// and their time goes on.
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
/// tx.send(1).await.unwrap();
/// tx.send(2).await.unwrap();
/// // With the crate async-io, for instance, `async_io::Timer::after`.
/// let mut chunks =
///     adapters::chunks_timeout_with(rx, 100, Duration::from_millis(100), |_| ready(()));
/// assert_eq!(chunks.next().await, Some(vec![1, 2]));
/// # }
/// ```
#[track_caller]
pub fn chunks_timeout_with<S, F, Z>(
    source: S,
    max: usize,
    longest: Duration,
    sleep: F,
) -> ChunksTimeout<S, F, Z>
where
    S: Stream,
    F: FnMut(Duration) -> Z,
    Z: Future,
{
    assert!(max > 0, "a chunk has room for 1 item at least, not for 0");
    let timer = Timer::new(longest, sleep);
    ChunksTimeout { source, timer, chunk: Vec::new(), max, ended: false }
}

impl<S, F, Z> Stream for ChunksTimeout<S, F, Z>
where
    S: Stream,
    F: FnMut(Duration) -> Z,
    Z: Future,
{
    type Item = Vec<S::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        // First: a source that is always ready would use up the task's budget.
        let mut is_over = this.timer.as_mut().is_over(cx);
        let room = *this.max - this.chunk.len();
        let left = take_ready(this.source, room, cx, |item| this.chunk.push(item));
        if left == Left::End {
            *this.ended = true;
            is_over = true;
        }
        let is_empty = this.chunk.is_empty();
        if !is_empty && !is_over && !this.timer.is_running() {
            this.timer.as_mut().start();
            is_over = this.timer.as_mut().is_over(cx);
        }
        if is_over || this.chunk.len() == *this.max {
            this.timer.stop();
            return Poll::Ready((!is_empty).then(|| mem::take(this.chunk)));
        }
        Poll::Pending
    }
}

impl<S, F, Z> FusedStream for ChunksTimeout<S, F, Z>
where
    S: Stream,
    F: FnMut(Duration) -> Z,
    Z: Future,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<S: Stream + fmt::Debug, F, Z> fmt::Debug for ChunksTimeout<S, F, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunksTimeout")
            .field("source", &self.source)
            .field("len", &self.chunk.len())
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}
