//! What has come since, as one item.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::take::{Left, MOST, take_ready};

pin_project! {
    /// Items that were merged while the task was busy. Made by [`conflate`] and [`conflate_with`].
    ///
    /// # Examples
    /// ```
    /// use levada::adapters::{Conflate, conflate};
    /// use levada::mpsc;
    ///
    /// let (_tx, rx) = mpsc::channel::<u32>(8);
    /// let latest: Conflate<mpsc::Receiver<u32>, _> = conflate(rx);
    /// # drop(latest);
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct Conflate<S, M> {
        #[pin]
        source: S,
        merge: M,
        ended: bool,
    }
}

/// Merges two items by giving the newer one: what [`conflate`] does.
///
/// # Examples
/// ```
/// let newer: levada::adapters::Newer<u32> = |_older, newer| newer;
/// assert_eq!(newer(1, 2), 2);
/// ```
pub type Newer<T> = fn(T, T) -> T;

/// The latest item, whenever the task asks: what came before it is dropped.
///
/// For a consumer that is slower than its producers and needs only the newest: each time it is
/// polled, this empties the channel. It does not wait for more items: the first one is given at
/// once.
///
/// # Cancel safety
/// Dropping a future that waits for the next item loses nothing.
///
/// # Examples
/// ```
/// use futures_util::StreamExt;
/// use levada::{adapters, mpsc};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = mpsc::channel(8);
/// let mut latest = adapters::conflate(rx);
/// for number in 1..=5 {
///     tx.send(number).await.unwrap();
/// }
/// assert_eq!(latest.next().await, Some(5));
/// drop(tx);
/// assert_eq!(latest.next().await, None);
/// # }
/// ```
pub fn conflate<S: Stream>(source: S) -> Conflate<S, Newer<S::Item>> {
    conflate_with(source, |_older, newer| newer)
}

/// All items that have come since the last one, merged into one.
///
/// Merges the older item, or what was merged by then, with the newer one: at most 1,024 items, and
/// then begins again.
///
/// # Panics
/// A poll panics if `merge` does; the two items are lost by it.
///
/// # Cancel safety
/// Dropping a future that waits for the next item loses nothing.
///
/// # Examples
/// ```
/// use futures_util::StreamExt;
/// use levada::{adapters, mpsc};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = mpsc::channel(8);
/// let mut sums = adapters::conflate_with(rx, |sum, number| sum + number);
/// for number in 1..=4 {
///     tx.send(number).await.unwrap();
/// }
/// assert_eq!(sums.next().await, Some(10));
/// # }
/// ```
pub fn conflate_with<S, M>(source: S, merge: M) -> Conflate<S, M>
where
    S: Stream,
    M: FnMut(S::Item, S::Item) -> S::Item,
{
    Conflate { source, merge, ended: false }
}

impl<S, M> Stream for Conflate<S, M>
where
    S: Stream,
    M: FnMut(S::Item, S::Item) -> S::Item,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let mut merged = None;
        let left = take_ready(this.source, MOST, cx, |newer| {
            merged = Some(match merged.take() {
                Some(older) => (this.merge)(older, newer),
                None => newer,
            });
        });
        *this.ended = left == Left::End;
        if merged.is_some() || *this.ended { Poll::Ready(merged) } else { Poll::Pending }
    }
}

impl<S, M> FusedStream for Conflate<S, M>
where
    S: Stream,
    M: FnMut(S::Item, S::Item) -> S::Item,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<S: fmt::Debug, M> fmt::Debug for Conflate<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conflate").field("source", &self.source).finish_non_exhaustive()
    }
}
