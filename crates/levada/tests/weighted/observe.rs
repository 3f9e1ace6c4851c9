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
    assert_eq!((seen.origin.kind(), seen.origin.message()), (Kind::Weighted, "usize"));
    assert_eq!(seen.origin.message_size(), size_of::<usize>());
    assert_eq!((seen.weight, seen.max_weight, seen.capacity), (Some(3), Some(3), None));
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

/// The weight is that of what is in the channel and of the permits, and the maximum may change.
#[test]
fn the_weight() {
    let name = "a channel that is weighed";
    let (tx, mut rx) = weighted::builder(10, |n: &usize| *n).named(name).build();
    let shown = || (channel(name).weight, channel(name).max_weight);
    tx.try_send(3).unwrap();
    assert_eq!(shown(), (Some(3), Some(10)));
    let permit = tx.try_reserve_weight(4).unwrap();
    tx.set_max_weight(20);
    assert_eq!(shown(), (Some(7), Some(20)));
    drop(permit);
    assert_eq!(rx.try_recv(), Ok(3));
    assert_eq!(shown(), (Some(0), Some(20)));
    tx.try_send(5).unwrap();
    drop(rx);
    assert_eq!((shown(), channel(name).closed), ((Some(0), Some(20)), true));
}

/// It is shown until its last handle is gone, whichever that is, and then in the totals.
#[test]
fn its_end() {
    let is_shown =
        |name: &str| observe::snapshot().channels.iter().any(|it| it.origin.name() == Some(name));
    let ended = |name: &str| {
        let ended = observe::snapshot().ended;
        ended.iter().find(|it| it.origin.name() == Some(name)).map(|it| (it.channels, it.sent))
    };
    for (name, receiver_first) in [("receiver first", true), ("sender first", false)] {
        let (tx, rx) = weighted::builder(10, |n: &usize| *n).named(name).build();
        tx.try_send(1).unwrap();
        tx.try_send(2).unwrap();
        let weak = tx.downgrade();
        if receiver_first {
            drop(rx);
            assert!(is_shown(name));
            drop(tx);
        } else {
            drop(tx);
            assert!(is_shown(name));
            drop(rx);
        }
        assert!(is_shown(name), "{name}: a weak sender has it");
        drop(weak);
        assert_eq!((is_shown(name), ended(name)), (false, Some((1, 2))), "{name}");
    }
}
