//! The receiver as a stream.

use super::numbers;
use futures_util::stream::FusedStream;
use futures_util::{Stream, StreamExt};
use std::task::Poll;
use support::{Task, now};

#[test]
fn a_stream_gives_room_back_and_ends() {
    let (tx, rx) = numbers(2);
    tx.try_send(2).unwrap();
    let mut send = Task::waiting(tx.send(1));
    let mut stream = rx.into_stream();
    assert_eq!((stream.size_hint(), stream.is_terminated()), ((1, None), false));
    assert_eq!(now(stream.next()), Some(2));
    assert!(send.poll().is_ready());
    assert_eq!(now(stream.next()), Some(1));
    let mut next = Task::waiting(stream.next());
    drop(send);
    drop(tx);
    assert!(next.is_woken());
    assert_eq!(next.poll(), Poll::Ready(None));
    drop(next);
    assert!(stream.is_terminated());
}
