//! What a snapshot shows of lanes.

use levada::mpsc::lanes;
use levada::observe::{self, Op};
use support::Task;

#[test]
fn each_lane_has_a_name_and_its_waits() {
    let (tx, mut rx) = lanes::builder([1, 2]).named("work in lanes").build();
    tx.lane(0).try_send(1).unwrap();
    tx.lane(1).try_send(1).unwrap();
    let send = Task::waiting(tx.lane(0).send(2));
    let seen = |name: &str| {
        let snapshot = observe::snapshot();
        let found = snapshot.channels.into_iter().find(|it| it.origin.name() == Some(name));
        found.expect("it was used")
    };
    let (high, low) = (seen("work in lanes/0"), seen("work in lanes/1"));
    assert_eq!(
        (high.capacity, high.depth, low.capacity, low.depth),
        (Some(1), Some(1), Some(2), Some(1))
    );
    assert_eq!((high.waiters.len(), low.waiters.len()), (1, 0));
    assert_eq!((high.origin.location().file(), high.waiters[0].op), (file!(), Op::Send));
    drop(send);
    while rx.try_recv().is_ok() {}
    let recv = Task::waiting(rx.recv());
    for name in ["work in lanes/0", "work in lanes/1"] {
        let waiters = seen(name).waiters;
        assert_eq!((waiters.len(), waiters[0].op), (1, Op::Recv), "it waits for either");
        assert_eq!(waiters[0].location.file(), file!());
    }
    drop(recv);
    assert!(seen("work in lanes/0").waiters.is_empty());
}
