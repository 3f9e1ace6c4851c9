//! Which task a handle belongs to, and where receivers are.

use super::{channel, try_channel};
use levada::observe::{Ended, Kind, Side, snapshot};
use levada::{broadcast, mpsc, watch};
use std::thread;

fn users(name: &str, side: Side) -> Vec<String> {
    let handles = channel(name).handles;
    let mut users: Vec<_> = handles
        .iter()
        .filter(|handle| handle.side == side)
        .map(|handle| handle.task.to_string())
        .collect();
    users.sort_unstable();
    users
}

fn on_thread<R: Send>(name: &str, work: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let named = thread::Builder::new().name(name.to_owned());
        named.spawn_scoped(scope, work).unwrap().join().unwrap()
    })
}

/// A handle has the task that used it last, from its first use until it is dropped.
#[test]
fn a_handle_belongs_to_its_last_user() {
    let (tx, mut rx) = mpsc::builder(1_000).named("its_last_user").build();
    let senders = || users("its_last_user", Side::Sender);
    let other = tx.clone();
    assert!(try_channel("its_last_user").is_none(), "none was used");
    on_thread("one", || tx.try_send(1).unwrap());
    on_thread("two", || other.try_send(2).unwrap());
    assert_eq!(senders(), ["thread one", "thread two"]);
    on_thread("three", || (0..64).for_each(|message| other.try_send(message).unwrap()));
    assert_eq!(senders(), ["thread one", "thread three"]);
    drop(other);
    assert_eq!(senders(), ["thread one"]);
    on_thread("receiver", || rx.blocking_recv().unwrap());
    assert_eq!(users("its_last_user", Side::Receiver), ["thread receiver"]);
    let counts = channel("its_last_user");
    assert_eq!((counts.senders, counts.weak_senders, counts.receivers), (1, 0, 1));
}

/// Threads that use one handle for the first time at the same time enter it once.
#[test]
fn a_shared_handle_enters_once() {
    for round in 0..50 {
        let name = format!("a_shared_handle_enters_once {round}");
        let (tx, _rx) = mpsc::builder(8).named(name.clone()).build();
        thread::scope(|scope| {
            for message in 0..4 {
                let tx = &tx;
                scope.spawn(move || tx.try_send(message).unwrap());
            }
        });
        assert_eq!(users(&name, Side::Sender).len(), 1);
    }
}

/// The lag of each broadcast receiver is exact, from its first use on.
#[test]
fn the_lag_of_each_subscriber() {
    let (tx, mut fast) = broadcast::builder(4).named("each_subscriber").build();
    let mut slow = tx.subscribe();
    let mut paused = tx.subscribe();
    let _never = tx.subscribe();
    assert!(paused.try_recv().is_err(), "nothing yet");
    let positions = || {
        let handles = channel("each_subscriber").handles;
        let positions = handles.iter().filter_map(|handle| handle.position);
        let mut positions: Vec<_> =
            positions.map(|position| (position.behind, position.missed)).collect();
        positions.sort_unstable();
        positions
    };
    for event in 0..10 {
        tx.send(event).unwrap();
        assert_eq!(fast.try_recv(), Ok(event));
    }
    assert_eq!(positions(), [(0, 0), (10, 0)]);
    assert_eq!(channel("each_subscriber").receivers, 4);
    assert_eq!(channel("each_subscriber").depth, Some(4));
    assert!(slow.try_recv().is_err(), "it has missed six");
    assert_eq!(positions(), [(0, 0), (4, 6), (10, 0)]);
    assert_eq!(slow.try_recv(), Ok(6));
    assert_eq!(positions(), [(0, 0), (3, 6), (10, 0)]);
    drop(paused);
    assert_eq!(positions(), [(0, 0), (3, 6)]);
    assert_eq!(channel("each_subscriber").sent, 10);
}

/// A watch receiver is behind by the values that it has not seen.
#[test]
fn a_watch_receiver_is_behind() {
    let (tx, mut rx) = watch::builder(0).named("watch_behind").build();
    let behind = || channel("watch_behind").behind().collect::<Vec<_>>();
    assert_eq!(*rx.borrow_and_update(), 0);
    for value in 1..=3 {
        tx.send(value).unwrap();
    }
    assert_eq!((channel("watch_behind").sent, behind()), (3, vec![3]));
    assert_eq!(*rx.borrow_and_update(), 3);
    assert_eq!(behind(), [0]);
    rx.mark_changed();
    assert_eq!(behind(), [1]);
}

/// A channel that ended is in the totals of its line and name, and nowhere else.
#[test]
fn a_channel_that_ended() {
    let line = line!() + 1;
    let make = |name| mpsc::builder(4).named(name).build();
    for name in ["one_that_ended", "another_that_ended", "one_that_ended"] {
        let (tx, mut rx) = make(name);
        tx.try_send(1).unwrap();
        tx.try_send(2).unwrap();
        assert_eq!(rx.try_recv(), Ok(1));
        assert!(try_channel(name).is_some());
    }
    assert!(try_channel("one_that_ended").is_none());
    let ended = snapshot().ended.into_iter().filter(|ended| {
        let location = ended.origin.location();
        location.file() == file!() && location.line() == line
    });
    let ended: Vec<_> = ended.collect();
    let of = |ended: &Ended| (ended.origin.name().map(str::to_owned), ended.channels, ended.sent);
    let expected = [("another_that_ended", 1, 2), ("one_that_ended", 2, 4)]
        .map(|(name, channels, sent)| (Some(name.to_owned()), channels, sent));
    assert_eq!(ended.iter().map(of).collect::<Vec<_>>(), expected);
    assert_eq!(ended[0].origin.message(), "i32");
}

/// Those of the other kinds as well.
#[test]
fn a_broadcast_and_a_watch_that_ended() {
    for _ in 0..3 {
        let (tx, _rx) = broadcast::channel::<[u8; 3]>(4);
        tx.send([0; 3]).unwrap();
        let (tx, _rx) = watch::channel([0_u8; 3]);
        tx.send([1; 3]).unwrap();
        tx.send([2; 3]).unwrap();
    }
    let ended = snapshot().ended;
    let ended = ended.iter().filter(|ended| ended.origin.message() == "[u8; 3]");
    let mut sums: Vec<_> =
        ended.map(|ended| (ended.origin.kind(), ended.channels, ended.sent)).collect();
    sums.sort_unstable();
    assert_eq!(sums, [(Kind::Broadcast, 3, 3), (Kind::Watch, 3, 6)]);
}
