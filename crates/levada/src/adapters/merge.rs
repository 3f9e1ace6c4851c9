//! The items of several streams, in fair turns.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::{FusedStream, Stream};

/// The items of several streams. Made by [`merge`].
///
/// # Examples
/// ```
/// use levada::adapters::{Merge, merge};
/// use levada::mpsc;
///
/// let (_tx, one) = mpsc::channel::<u32>(8);
/// let (_tx, two) = mpsc::channel::<u32>(8);
/// let both: Merge<mpsc::Receiver<u32>, 2> = merge([one, two]);
/// # drop(both);
/// ```
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Merge<S, const N: usize> {
    /// `None` once it has ended: its end of the channel is dropped.
    sources: [Option<S>; N],
    /// The source whose turn it is.
    turn: usize,
}

/// The items of several streams, which take turns.
///
/// After an item of one source, the next is asked first: of sources that always have an item, each
/// gives every `N`-th; one that has none does not hold the others up. The items of one source stay
/// in order. A source that ends is dropped; the whole ends with the last.
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
/// let (busy, one) = mpsc::channel(8);
/// let (rare, two) = mpsc::channel(8);
/// for number in 1..=3 {
///     busy.send(number).await.unwrap();
/// }
/// rare.send(100).await.unwrap();
/// drop((busy, rare));
///
/// let items: Vec<_> = adapters::merge([one, two]).collect().await;
/// assert_eq!(items, [1, 100, 2, 3]);
/// # }
/// ```
pub fn merge<S: Stream + Unpin, const N: usize>(sources: [S; N]) -> Merge<S, N> {
    Merge { sources: sources.map(Some), turn: 0 }
}

impl<S: Stream + Unpin, const N: usize> Stream for Merge<S, N> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Self { sources, turn } = self.get_mut();
        let first = *turn;
        let mut is_open = false;
        for at in (first..N).chain(0..first) {
            let Some(source) = &mut sources[at] else { continue };
            match Pin::new(source).poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    *turn = (at + 1) % N;
                    return Poll::Ready(Some(item));
                }
                Poll::Ready(None) => sources[at] = None,
                Poll::Pending => is_open = true,
            }
        }
        if is_open { Poll::Pending } else { Poll::Ready(None) }
    }
}

impl<S: Stream + Unpin, const N: usize> FusedStream for Merge<S, N> {
    fn is_terminated(&self) -> bool {
        self.sources.iter().all(Option::is_none)
    }
}
