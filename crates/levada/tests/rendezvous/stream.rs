//! The receiver as a stream.

use futures_util::StreamExt;
use futures_util::stream::FusedStream;
use levada::mpsc;
use std::task::Poll;
use support::{Task, now};

#[test]
fn a_stream_takes_and_ends() {
    let (tx, rx) = mpsc::rendezvous();
    let mut stream = rx.into_stream();
    let mut send = Task::waiting(tx.send(1));
    assert_eq!(now(stream.next()), Some(1));
    assert!(send.poll().is_ready());
    let mut next = Task::waiting(stream.next());
    drop(send);
    drop(tx);
    assert!(next.is_woken());
    assert_eq!(next.poll(), Poll::Ready(None));
    drop(next);
    assert!(stream.is_terminated());
}
