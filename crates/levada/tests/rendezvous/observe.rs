//! What a snapshot shows of a rendezvous channel.

use levada::mpsc::rendezvous;
use levada::observe::{self, Channel, Kind, Op};
use support::Task;

fn channel(name: &str) -> Channel {
    let snapshot = observe::snapshot();
    let found = snapshot.channels.into_iter().find(|it| it.origin.name() == Some(name));
    found.expect("it was used")
}

#[test]
fn counts_and_waits() {
    let name = "a rendezvous channel";
    let (tx, mut rx) = rendezvous::builder().named(name).build();
    let mut send = Task::waiting(tx.send(1));
    let seen = channel(name);
    assert_eq!((seen.origin.kind(), seen.depth, seen.sent), (Kind::Rendezvous, Some(0), 0));
    assert_eq!((seen.capacity, seen.reserved, seen.weight), (Some(0), Some(0), None));
    assert_eq!((seen.waiters.len(), seen.waiters[0].op), (1, Op::Send));
    assert_eq!(seen.waiters[0].location.file(), file!());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(send.poll().is_ready());
    let recv = Task::waiting(rx.recv());
    let seen = channel(name);
    assert_eq!((seen.sent, seen.waiters.len(), seen.waiters[0].op), (1, 1, Op::Recv));
    drop(recv);
    assert!(channel(name).waiters.is_empty());
}
