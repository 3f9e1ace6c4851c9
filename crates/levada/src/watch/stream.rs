//! The watch channel as a `Stream`.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::fmt;

use futures_core::{FusedStream, Stream};

use super::protocol::Shared;
use crate::observe::{Observed, Op, PositionRecord, WaitRecord};
use crate::refs::Rx;
use crate::storage::latest::Version;
use crate::util::budget;
use crate::wait::lazy::LazyNode;

/// Clones of the latest value, one whenever there is a new one.
///
/// Made by [`Receiver::into_stream`], which gives the current value first, or by
/// [`Receiver::into_changes_stream`], which does not if the receiver has seen it. Values that are
/// sent in a row may be given as one, the last. The stream ends when the last value was given and
/// all senders are gone.
///
/// It is `Unpin`. When it first has to wait it allocates its place in the line (80 bytes), and
/// keeps it for the next times.
///
/// If cloning panics, the value counts as not given.
///
/// # Cancel safety
/// Dropping a future that waits for the next item loses nothing.
///
/// # Examples
/// ```
/// use levada::watch;
/// use futures_util::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = watch::channel("hello");
/// let mut values = rx.into_stream();
/// assert_eq!(values.next().await, Some("hello"));
/// drop(tx);
/// assert_eq!(values.next().await, None);
/// # }
/// ```
///
/// [`Receiver::into_stream`]: super::Receiver::into_stream
/// [`Receiver::into_changes_stream`]: super::Receiver::into_changes_stream
#[must_use = "streams do nothing unless polled"]
pub struct WatchStream<T> {
    shared: Rx<Shared<T>>,
    seen: Version,
    node: LazyNode,
    ended: bool,
    wait: WaitRecord,
    position: PositionRecord,
}

impl<T> Drop for WatchStream<T> {
    fn drop(&mut self) {
        self.shared.cancel_changed(&mut self.node);
    }
}

impl<T> WatchStream<T> {
    /// The values that come after `seen`.
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(shared: Rx<Shared<T>>, seen: Version) -> Self {
        Self {
            shared,
            seen,
            node: LazyNode::new(),
            ended: false,
            wait: WaitRecord::new(),
            position: PositionRecord::new(),
        }
    }
}

impl<T: Clone> Stream for WatchStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let budget = ready!(budget::poll_proceed(cx));
        this.shared.touch_at(&this.position, this.seen.count());
        let polled = this.shared.poll_changed(&mut this.node, cx, this.seen);
        this.wait.note(polled.is_pending(), cx, this.shared.record(), Op::Changed);
        let changed = ready!(polled);
        budget.made_progress();
        if changed.is_err() {
            this.ended = true;
            return Poll::Ready(None);
        }
        let (value, version) = this.shared.snapshot();
        let value = T::clone(&value);
        this.seen = version;
        this.position.note(version.count(), 0);
        Poll::Ready(Some(value))
    }
}

impl<T: Clone> FusedStream for WatchStream<T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T> fmt::Debug for WatchStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchStream")
            .field("seen", &self.seen)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
