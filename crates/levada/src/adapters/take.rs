//! Taking what is ready from a source.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::Stream;

/// How many items an adapter takes in one poll.
pub(super) const MOST: usize = 1024;

/// What a source has after its ready items were taken.
#[derive(Debug, PartialEq)]
pub(super) enum Left {
    /// Nothing now: it will wake the task.
    Nothing,
    /// Perhaps more. The task was woken, unless it has as many as it wanted.
    More,
    /// Nothing any more.
    End,
}

/// Gives the items that are ready to `f`, at most `most` of them. After [`MOST`] it stops, so that
/// other tasks have their turn, and goes on at the next poll.
pub(super) fn take_ready<S: Stream>(
    mut source: Pin<&mut S>,
    most: usize,
    cx: &mut Context<'_>,
    mut f: impl FnMut(S::Item),
) -> Left {
    for _ in 0..most.min(MOST) {
        match source.as_mut().poll_next(cx) {
            Poll::Ready(Some(item)) => f(item),
            Poll::Ready(None) => return Left::End,
            Poll::Pending => return Left::Nothing,
        }
    }
    if most > MOST {
        cx.waker().wake_by_ref();
    }
    Left::More
}
