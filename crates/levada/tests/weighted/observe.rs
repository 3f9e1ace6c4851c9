//! What a snapshot shows of a weighted channel.

use levada::mpsc::weighted;
use levada::observe::{self, Channel, Kind, Op};
use support::Task;

fn channel(name: &str) -> Channel {
    let snapshot = observe::snapshot();
    let found = snapshot.channels.into_iter().find(|it| it.origin.name() == Some(name));
    found.expect("it was used")
}

#[test]
fn depth_and_waits() {
    let name = "a weighted channel";
    let (tx, mut rx) = weighted::builder(3, |n: &usize| *n).named(name).build();
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    let send = Task::waiting(tx.send(3));
    let seen = channel(name);
    assert_eq!(seen.origin.kind(), Kind::Mpsc);
    assert_eq!((seen.depth, seen.sent, seen.senders, seen.receivers), (Some(2), 2, 1, 1));
    assert_eq!(seen.waiters.len(), 1);
    assert_eq!((seen.waiters[0].op, seen.waiters[0].location.file()), (Op::Send, file!()));
    drop(send);

    while rx.try_recv().is_ok() {}
    let mut recv = Task::waiting(rx.recv());
    let seen = channel(name);
    assert_eq!((seen.depth, seen.waiters[0].op), (Some(0), Op::Recv));
    tx.try_send(3).unwrap();
    assert!(recv.poll().is_ready());
    assert!(channel(name).waiters.is_empty());
}
