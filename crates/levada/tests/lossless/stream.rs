//! A receiver as a stream.

use futures_util::{FutureExt, Stream, StreamExt};
use levada::broadcast;
use levada::broadcast::lossless::error::RecvError;
use support::{Task, poll_now};

#[test]
fn ends_with_the_channel() {
    let (tx, rx) = broadcast::lossless(1);
    let mut stream = rx.into_stream();
    let mut next = Task::waiting(stream.next());
    tx.try_send(1).unwrap();
    let mut send = Task::waiting(tx.send(2));
    assert!(next.is_woken());
    assert_eq!(next.poll(), std::task::Poll::Ready(Some(Ok(1))));
    drop(next);
    assert!(send.is_woken() && send.poll().is_ready());
    drop(send);
    drop(tx);
    assert_eq!(stream.next().now_or_never(), Some(Some(Ok(2))));
    assert_eq!(stream.next().now_or_never(), Some(None));
    assert_eq!(stream.next().now_or_never(), Some(None));
}

/// A lag is never hidden, and an eviction is the last item.
#[test]
fn shows_lags_and_evictions() {
    let (tx, mut rx) = broadcast::lossless(1);
    let observer = tx.subscribe_lossy();
    let id = observer.id();
    let mut stream = observer.into_stream();
    for n in 0..3 {
        tx.try_send(n).unwrap();
        assert_eq!(rx.try_recv(), Ok(n));
    }
    assert_eq!(stream.next().now_or_never(), Some(Some(Err(RecvError::Lagged(2)))));
    assert_eq!(stream.next().now_or_never(), Some(Some(Ok(2))));
    tx.evict(id);
    assert_eq!(stream.next().now_or_never(), Some(Some(Err(RecvError::Evicted))));
    assert_eq!(stream.next().now_or_never(), Some(None));
    assert!(poll_now(stream.next()).is_ready());
}

#[test]
fn is_unpin() {
    fn unpin(_: &(impl Stream + Unpin)) {}
    let (_tx, rx) = broadcast::lossless::<u8>(1);
    unpin(&rx.into_stream());
}
