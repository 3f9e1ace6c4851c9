//! The watch channel as a `Stream`.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::fmt;

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::protocol::Shared;
use crate::refs::Rx;
use crate::storage::latest::Version;
use crate::util::budget;
use crate::wait::list::Node;

pin_project! {
    /// Clones of the latest value: first the current one, then one whenever there is a new one.
    ///
    /// Made by [`Receiver::into_stream`]. It ends when the last value was given and all senders are
    /// gone. It holds its place among the waiting itself, so it has to be pinned: by
    /// [`pin!`](std::pin::pin) where it is used, or by `Box::pin`.
    ///
    /// If cloning panics, the value counts as not given.
    ///
    /// # Cancel safety
    /// Dropping a future that waits for the next item loses nothing.
    ///
    /// # Examples
    /// ```
    /// use levada::watch;
    /// use std::pin::pin;
    /// use futures_util::StreamExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = watch::channel("hello");
    /// let mut values = pin!(rx.into_stream());
    /// assert_eq!(values.next().await, Some("hello"));
    /// drop(tx);
    /// assert_eq!(values.next().await, None);
    /// # }
    /// ```
    ///
    /// [`Receiver::into_stream`]: super::Receiver::into_stream
    #[must_use = "streams do nothing unless polled"]
    pub struct WatchStream<T> {
        shared: Rx<Shared<T>>,
        seen: Version,
        #[pin]
        node: Node,
        // The value it began with was given.
        started: bool,
        ended: bool,
    }

    impl<T> PinnedDrop for WatchStream<T> {
        fn drop(this: Pin<&mut Self>) {
            this.shared.cancel_changed(this.as_ref().project_ref().node);
        }
    }
}

impl<T> WatchStream<T> {
    pub(super) fn new(shared: Rx<Shared<T>>, seen: Version) -> Self {
        Self { shared, seen, node: Node::new(), started: false, ended: false }
    }
}

impl<T: Clone> Stream for WatchStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let budget = ready!(budget::poll_proceed(cx));
        if *this.started {
            let node = this.node.as_ref();
            *this.ended = ready!(this.shared.poll_changed(node, cx, *this.seen)).is_err();
        }
        budget.made_progress();
        if *this.ended {
            return Poll::Ready(None);
        }
        let (value, version) = this.shared.look();
        let value = T::clone(&value);
        *this.seen = version;
        *this.started = true;
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
