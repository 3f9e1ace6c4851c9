//! The receivers as streams.

use futures_util::StreamExt;
use futures_util::stream::FusedStream;
use levada::mpsc::lanes::Serve;
use levada::{mpmc, mpsc};
use std::task::Poll;
use support::{Task, now};

#[test]
fn one_receiver() {
    let (tx, rx) = mpsc::lanes([2, 2], Serve::Strict);
    tx.lane(1).try_send(1).unwrap();
    tx.lane(0).try_send(0).unwrap();
    let mut stream = rx.into_stream();
    assert_eq!((now(stream.next()), now(stream.next())), (Some(0), Some(1)));
    let mut next = Task::waiting(stream.next());
    drop(tx);
    assert!(next.is_woken() && next.poll() == Poll::Ready(None));
    drop(next);
    assert!(stream.is_terminated());
}

/// A stream that is dropped passes on what it was promised.
#[test]
fn several_receivers() {
    let (tx, rx) = mpmc::lanes([2, 2], Serve::Strict);
    let mut first = rx.clone().into_stream();
    let mut second = rx.clone().into_stream();
    assert!(Task::new(first.next()).poll().is_pending(), "it keeps its places");
    let mut other = Task::waiting(second.next());
    tx.lane(1).try_send(1).unwrap();
    assert!(!other.is_woken());
    drop(first);
    assert!(other.is_woken());
    assert_eq!(other.poll(), Poll::Ready(Some(1)));
    drop(other);
    let mut next = Task::waiting(second.next());
    drop(tx);
    assert_eq!(next.poll(), Poll::Ready(None));
    drop(next);
    assert!(second.is_terminated());
    assert_eq!(now(second.next()), None);
}
