//! Receiving from a broadcast channel as a stream.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::StreamExt;
use futures_util::stream::{FusedStream, Stream};
use levada::broadcast::{self, error::Lagged};
use support::Tally;

#[tokio::test]
async fn gives_everything_and_ends() {
    let (tx, rx) = broadcast::channel(2);
    let mut stream = pin!(rx.into_stream());
    for round in 0..3 {
        (0..4).for_each(|n| drop(tx.send(4 * round + n)));
        assert_eq!(stream.next().await, Some(Err(Lagged(2))), "a lag is an item");
        assert_eq!(stream.next().await, Some(Ok(4 * round + 2)));
        assert_eq!(stream.next().await, Some(Ok(4 * round + 3)));
    }
    tx.send(100).unwrap();
    drop(tx);
    assert!(!stream.is_terminated());
    assert_eq!(stream.next().await, Some(Ok(100)));
    for _ in 0..3 {
        assert_eq!(stream.next().await, None);
        assert!(stream.is_terminated());
    }
}

#[test]
fn waits_item_by_item() {
    let (tx, rx) = broadcast::channel(4);
    let count = Tally::new();
    let waker = Waker::from(Arc::clone(&count));
    let cx = &mut Context::from_waker(&waker);
    let mut stream = Box::pin(rx.into_stream());
    for n in 0..5 {
        assert!(stream.as_mut().poll_next(cx).is_pending());
        assert!(stream.as_mut().poll_next(cx).is_pending());
        tx.send(n).unwrap();
        // ORDERING: SeqCst, no pair: a test counts.
        assert_eq!(count.woken(), n + 1);
        assert_eq!(stream.as_mut().poll_next(cx), Poll::Ready(Some(Ok(n))));
    }
    assert!(stream.as_mut().poll_next(cx).is_pending());
    drop(stream);
    assert_eq!((Arc::strong_count(&count), tx.receiver_count()), (2, 0));
}
