//! What a snapshot shows of a lossless channel.

use levada::broadcast::lossless;
use levada::observe::{self, Channel, Kind, Op};
use support::Task;

fn channel(name: &str) -> Channel {
    let snapshot = observe::snapshot();
    let found = snapshot.channels.into_iter().find(|it| it.origin.name() == Some(name));
    found.expect("it was used")
}

/// The slowest member may never have been polled: it is what the sender waits for.
#[test]
fn a_member_that_was_never_used_is_in_the_depth() {
    let name = "a lossless channel with a member that is forgotten";
    let (tx, _forgotten) = lossless::builder(2).named(name).build();
    let mut used = tx.subscribe();
    let _observer = tx.subscribe_lossy();
    for n in 0..2 {
        tx.try_send(n).unwrap();
        assert_eq!(used.try_recv(), Ok(n));
    }
    let _send = Task::waiting(tx.send(2));
    let seen = channel(name);
    assert_eq!((seen.capacity, seen.depth, seen.sent), (Some(2), Some(2), 2));
    assert_eq!(seen.waiters.len(), 1);
}

#[test]
fn depth_lag_and_waits() {
    let (tx, mut rx) = lossless::builder(3).named("a lossless channel").build();
    let mut observer = tx.subscribe_lossy();
    for n in 0..3 {
        tx.try_send(n).unwrap();
    }
    assert_eq!(rx.try_recv(), Ok(0));
    tx.try_send(3).unwrap();
    assert_eq!(observer.try_recv(), Ok(0));
    let send = Task::waiting(tx.send(4));
    let seen = channel("a lossless channel");
    assert_eq!(seen.origin.kind(), Kind::Lossless);
    assert_eq!((seen.capacity, seen.depth, seen.sent), (Some(3), Some(3), 4));
    assert_eq!((seen.senders, seen.receivers), (1, 2));
    assert!(seen.behind().eq([3, 3]));
    assert_eq!(seen.waiters.len(), 1);
    assert_eq!((seen.waiters[0].op, seen.waiters[0].location.file()), (Op::Send, file!()));
    drop(send);

    while rx.try_recv().is_ok() {}
    while observer.try_recv().is_ok() {}
    let mut recv = Task::waiting(rx.recv());
    let seen = channel("a lossless channel");
    assert_eq!((seen.depth, seen.waiters[0].op), (Some(0), Op::Recv));
    tx.try_send(4).unwrap();
    assert!(recv.poll().is_ready());
    assert!(channel("a lossless channel").waiters.is_empty());
}
