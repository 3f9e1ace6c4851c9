//! The specifications on histories that were written by hand, one operation after the other: each
//! promise of a channel is broken once.

use std::task::Poll::{Pending, Ready};

use levada::mpsc::Overflow::{self, DiscardIncoming, EvictNewest, EvictOldest, Wait};
use levada::mpsc::error::TryRecvError::{Disconnected, Empty};
use levada::mpsc::lanes::Serve;
use linearizability::lanes::Lanes;
use linearizability::policies::Policies;
use linearizability::queue::{self, Queue};
use linearizability::rendezvous::Rendezvous;
use linearizability::weighted::{Refused, Weighted, weight};
use linearizability::{Event, Spec, check, lanes, policies, rendezvous, weighted};

/// Whether the specification allows these operations, in this order.
fn allows<S: Spec>(spec: &S, ops: Vec<S::Op>) -> bool {
    let events = ops.into_iter().enumerate();
    let events = events.map(|(n, op)| Event { actor: 0, begin: 2 * n, end: 2 * n + 1, op });
    check(spec, &events.collect::<Vec<_>>()).linearizable
}

/// A name, whether it is right, and what is done.
type Case<O> = (&'static str, bool, Vec<O>);

fn check_cases<S: Spec>(spec: &S, cases: Vec<Case<S::Op>>) {
    assert!(cases.iter().any(|(_, right, _)| *right) && cases.iter().any(|(_, right, _)| !right));
    for (name, right, ops) in cases {
        let text = format!("{ops:?}");
        assert_eq!(allows(spec, ops), right, "{name}: {text}");
    }
}

#[test]
fn of_queues() {
    use queue::Op::{CountMany, Grant, RecvManyPoll, SendPoll, TakeRoom, TrySend};

    let sent = |value| vec![TakeRoom(0), TrySend(0, value, Ok(()))];
    let full = || vec![TrySend(0, 9, Err(queue::Refused::Full))];
    let wait = |sender, value| vec![SendPoll(sender, value, Pending)];
    let ready = |sender, value| vec![TakeRoom(sender), SendPoll(sender, value, Ready(Ok(())))];
    let taken = || vec![CountMany(3, 3), RecvManyPoll(Ready(vec![1, 2, 3]))];
    // Full, with two senders in line; one of them takes its turn before a receive has granted.
    let three = [sent(1), sent(2), sent(3), wait(1, 4), wait(2, 5), taken()].concat();
    let cases = vec![
        ("refused beside a message and a sender", true, [ready(1, 4), full()].concat()),
        ("refused beside a sender alone", false, full()),
        ("refused beside a grant", false, [ready(1, 4), vec![Grant], full()].concat()),
        ("refused beside room", false, [ready(1, 4), ready(2, 5), full()].concat()),
        ("in line, until it is granted", true, [vec![Grant], ready(2, 5), ready(1, 4)].concat()),
    ];
    let after = |ops: Vec<queue::Op>| [three.clone(), ops].concat();
    let cases = cases.into_iter().map(|(name, right, ops)| (name, right, after(ops))).collect();
    check_cases(&Queue { capacity: 3, senders: 3, receivers: 1, promises: false }, cases);
}

#[test]
fn of_rendezvous() {
    use rendezvous::Op::{Close, DropSender, Len, RecvPoll, SendCancel, SendPoll, TryRecv};

    let wait = |sender, value| SendPoll(sender, value, Pending);
    let sent = |sender, value| SendPoll(sender, value, Ready(Ok(())));
    let back = |sender, value| SendPoll(sender, value, Ready(Err(())));
    let take = |value| TryRecv(Ok(value));
    let cases = vec![
        ("a hand-over", true, vec![wait(0, 1), take(1), sent(0, 1)]),
        ("sent before it is taken", false, vec![wait(0, 1), sent(0, 1), take(1)]),
        ("taken, and its sender waits on", false, vec![wait(0, 1), take(1), wait(0, 1)]),
        ("taken twice", false, vec![wait(0, 1), take(1), take(1)]),
        ("a cancelled send is received", false, vec![wait(0, 1), SendCancel(0), take(1)]),
        ("cancelled after it was taken", true, vec![wait(0, 1), take(1), SendCancel(0)]),
        ("out of order", false, vec![wait(0, 1), wait(1, 2), take(2)]),
        ("closed: it comes back", true, vec![wait(0, 1), Close, back(0, 1)]),
        ("closed: it is received", false, vec![wait(0, 1), Close, take(1)]),
        ("closed: taken before", true, vec![wait(0, 1), take(1), Close, sent(0, 1)]),
        ("comes back, and was taken", false, vec![wait(0, 1), take(1), Close, back(0, 1)]),
        ("a sender waits unseen", false, vec![wait(0, 1), RecvPoll(Pending)]),
        ("the end beside a sender", false, vec![RecvPoll(Ready(None))]),
        ("the end", true, vec![DropSender, DropSender, TryRecv(Err(Disconnected))]),
        ("one that waits", true, vec![wait(0, 1), Len(1), take(1), Len(0), TryRecv(Err(Empty))]),
    ];
    check_cases(&Rendezvous { senders: 2 }, cases);
}

/// A channel of one sender.
fn policy(overflow: Overflow, many: bool) -> Policies {
    Policies { overflow, capacity: 2, senders: 2, receivers: 1, many }
}

#[test]
fn of_policies() {
    use policies::Op::{
        Close, Discard, Drained, Exchange, Fail, Full, Give, Look, Nothing, PermitSend, Stop,
        Store, Take, TakeRoom, TryReserve,
    };

    let stored = |value| vec![TakeRoom(0, true, None), Store(0, value)];
    let full = || [stored(1), stored(2)].concat();
    let and = |ops: Vec<policies::Op>| [full(), ops].concat();
    let take = |value| [Give(value), Take(value)];
    let cases = vec![
        ("the oldest goes", true, and(vec![Exchange(0, EvictOldest, 3, 1), Give(2), Take(2)])),
        ("it is received as well", false, and(vec![Exchange(0, EvictOldest, 3, 1), Give(1)])),
        ("the wrong one goes", false, and(vec![Exchange(0, EvictOldest, 3, 2)])),
        ("the newest goes", true, and(vec![Exchange(0, EvictNewest, 3, 2), Give(1), Take(1)])),
        ("none of the newest goes", false, and(vec![Exchange(0, EvictNewest, 3, 1)])),
        ("the incoming goes", true, and(vec![Discard(0, false), Give(1)])),
        ("the incoming goes, and others could", false, and(vec![Discard(0, true)])),
        ("evicted beside room", false, [stored(1), vec![Exchange(0, EvictOldest, 2, 1)]].concat()),
        ("discarded beside room", false, [stored(1), vec![Discard(0, false)]].concat()),
        ("full beside room", false, [stored(1), vec![Full(0)]].concat()),
        ("half a batch beside room", false, [stored(1), vec![Stop(0)]].concat()),
        ("half a batch, then closed", true, [stored(1), vec![Close, Stop(0)]].concat()),
        ("one too many", false, and(vec![TakeRoom(0, true, None)])),
        ("what is looked at stays", false, {
            and(vec![Give(1), Look(1), Exchange(0, EvictOldest, 3, 1)])
        }),
        ("its place is free", true, and(vec![Give(1), Look(1), TakeRoom(0, true, None)])),
        ("but not without evicting", false, and(vec![Give(1), TakeRoom(0, false, None)])),
        ("a reserved place is evicted", false, {
            vec![TryReserve(true), TryReserve(true), TakeRoom(0, true, None)]
        }),
        ("a permit's message", true, [&[TryReserve(true), PermitSend(9)][..], &take(9)].concat()),
        ("offer counts the room", true, vec![TakeRoom(0, true, Some(1)), Store(0, 1)]),
        ("offer counts too much", false, vec![TakeRoom(0, true, Some(2)), Store(0, 1)]),
        ("out of order", false, and(vec![Give(2)])),
        ("drained, and one is left", false, and([&take(1)[..], &[Drained]].concat())),
        ("nothing beside a message", false, and(vec![Nothing])),
        ("closed", true, vec![Close, Fail(0)]),
        ("closed, and sent", false, vec![Close, TakeRoom(0, true, None)]),
    ];
    for overflow in [EvictOldest, EvictNewest, DiscardIncoming, Wait] {
        check_cases(&policy(overflow, false), cases.clone());
    }
    // With many receivers nothing is in hand.
    let evicted = and(vec![Exchange(0, EvictOldest, 3, 1), Take(2), Take(3)]);
    let cases = vec![
        ("the oldest goes", true, evicted),
        ("one too many", false, and(vec![TakeRoom(0, true, None)])),
    ];
    check_cases(&policy(EvictOldest, true), cases);
}

#[test]
fn of_weighted() {
    use weighted::Op::{
        Cancel, Close, Empty, End, GiveBack, Grant, Len, PerhapsEnter, PerhapsTakeRoom, Refuse,
        SetMax, Shrink, Starve, Store, Take, TakePlace, TakeRoom, Wait, Weight,
    };

    // By their weights: 1, 2, 3 and 5.
    assert_eq!([4, 5, 6, 7].map(weight), [1, 2, 3, 5]);
    let room = |id, value| vec![TakeRoom(id, weight(value)), TakePlace(id)];
    let sent = |id, value| [room(id, value), vec![Store(id, value)]].concat();
    let taken = |value| vec![Take(value), GiveBack(weight(value)), Grant];
    let all = |parts: &[Vec<weighted::Op>]| parts.concat();
    // A grant that is not claimed, so many refusals, and a send of 5 that fails in the end.
    let after_refusals = |refusals, held| {
        let granted = all(&[sent(0, 6), vec![Wait(1, 3)], taken(6)]);
        let fails = vec![PerhapsTakeRoom(0, 5), Close, Weight(held), Refuse(0, 5, Refused::Closed)];
        all(&[granted, vec![Refuse(2, 3, Refused::Full); refusals], fails, vec![Weight(0)]])
    };
    let cases = vec![
        ("sent and received", true, all(&[sent(0, 6), taken(6), vec![Weight(0)]])),
        ("the account", true, all(&[sent(0, 6), vec![Weight(3), Len(1)]])),
        ("an account that drifts", false, all(&[sent(0, 6), taken(6), vec![Weight(3)]])),
        ("less comes back than was taken", false, all(&[sent(0, 6), vec![Take(6), GiveBack(2)]])),
        ("above the maximum", false, all(&[sent(0, 6), sent(1, 6)])),
        ("up to the maximum", true, all(&[sent(0, 6), sent(1, 4)])),
        ("full beside room", false, all(&[sent(0, 6), vec![Refuse(1, 1, Refused::Full)]])),
        ("oversize alone", true, all(&[sent(0, 7), taken(7)])),
        ("oversize beside another", false, all(&[sent(0, 4), sent(1, 7)])),
        ("another beside oversize", false, all(&[sent(0, 7), sent(1, 4)])),
        ("rejected, and none is", false, vec![Refuse(0, 5, Refused::TooHeavy)]),
        ("a light one overtakes", false, all(&[sent(0, 6), vec![Wait(1, 3)], sent(2, 4)])),
        ("in line", true, all(&[sent(0, 6), vec![Wait(1, 3)], taken(6), sent(1, 6)])),
        ("served out of order", false, {
            all(&[sent(0, 6), vec![Wait(1, 3), Wait(2, 3)], taken(6), sent(2, 6)])
        }),
        ("pending beside its grant", false, {
            all(&[sent(0, 6), vec![Wait(1, 3)], taken(6), vec![Wait(1, 3)]])
        }),
        ("a lost wake-up", false, all(&[sent(0, 6), vec![Wait(1, 3)], taken(6), vec![Starve(1)]])),
        ("those behind one that gives up", true, {
            all(&[sent(0, 6), vec![Wait(1, 3), Wait(2, 1), Cancel(1)], sent(2, 4)])
        }),
        ("and they sleep on", false, {
            all(&[sent(0, 6), vec![Wait(1, 3), Wait(2, 1), Cancel(1), Starve(2)]])
        }),
        ("a larger maximum", true, all(&[sent(0, 6), vec![SetMax(6)], sent(1, 6)])),
        ("a larger maximum wakes", false, {
            all(&[sent(0, 6), vec![Wait(1, 3), SetMax(6), Starve(1)]])
        }),
        ("a smaller maximum", false, all(&[sent(0, 4), vec![SetMax(2)], sent(1, 5)])),
        ("a permit that needs less", true, {
            all(&[room(0, 6), vec![Shrink(0, 1), Store(0, 4), Weight(1)], sent(1, 6)])
        }),
        ("a permit that needs more", false, all(&[room(0, 4), vec![Store(0, 6)]])),
        ("closed with a permit out", true, {
            all(&[room(0, 4), vec![Close, Empty, Store(0, 4), Take(4), End]])
        }),
        ("the end before its message", false, all(&[room(0, 4), vec![Close, End]])),
        ("sent after the close", false, all(&[vec![Close], sent(0, 4)])),
        ("in line beside room", false, vec![PerhapsEnter(0, 3), Starve(0)]),
        ("room that was granted to another", false, after_refusals(6, 5)),
        ("room that lapsed", true, after_refusals(7, 5)),
        ("room that lapsed, and was not taken", true, after_refusals(7, 0)),
        ("more than that room", false, after_refusals(7, 3)),
    ];
    check_cases(&Weighted { max: 4, rejects: false, senders: 3 }, cases);
    let cases = vec![
        ("rejected", true, vec![Refuse(0, 5, Refused::TooHeavy)]),
        ("rejected, and is not heavier", false, vec![Refuse(0, 3, Refused::TooHeavy)]),
    ];
    check_cases(&Weighted { max: 4, rejects: true, senders: 3 }, cases);
}

#[test]
fn of_lanes() {
    use lanes::Op::{Lane, Miss, Note, Nothing, Order, Skip, Starve, Take};

    let sent = |lane, value| {
        let sent = queue::Op::TrySend(0, value, Ok(()));
        vec![Lane(lane, queue::Op::TakeRoom(0)), Lane(lane, sent)]
    };
    let taken = |lane, value| vec![Order(9), Skip(9, lane), Take(9, lane, value), Note(9, lane)];
    let none = |ended| vec![Order(9), Miss(9, ended), Miss(9, ended), Nothing(9, ended)];
    let ended = |lane| vec![Lane(lane, queue::Op::DropSender)];
    let all = |parts: &[Vec<lanes::Op>]| parts.concat();
    let lane = Queue { capacity: 4, senders: 1, receivers: 1, promises: false };
    let both = || [sent(0, 1), sent(0, 2), sent(1, 3), sent(1, 4)].concat();
    let strict = vec![
        ("the high lane first", true, all(&[both(), taken(0, 1), taken(0, 2), taken(1, 3)])),
        ("the low lane first", false, all(&[both(), taken(1, 3)])),
        ("out of order in a lane", false, all(&[both(), taken(0, 2)])),
        ("twice", false, all(&[sent(1, 3), taken(1, 3), taken(1, 3)])),
        ("out of another lane", false, all(&[sent(1, 3), taken(0, 3)])),
        ("nothing beside a message", false, all(&[sent(1, 3), none(false)])),
        ("nothing", true, none(false)),
        ("asleep beside a message", false, all(&[sent(1, 3), vec![Starve]])),
        ("one lane has ended", true, all(&[ended(0), none(false), sent(1, 3), taken(1, 3)])),
        ("the end of one lane for all", false, all(&[ended(0), none(true)])),
        ("the end", true, all(&[ended(0), ended(1), none(true)])),
        ("no end", false, all(&[ended(0), ended(1), none(false)])),
    ];
    check_cases(&Lanes { lanes: [lane; 2], serve: Serve::Strict }, strict);
    let turns = vec![
        ("in turns", true, all(&[both(), taken(0, 1), taken(1, 3), taken(0, 2), taken(1, 4)])),
        ("two turns at once", false, all(&[both(), taken(0, 1), taken(0, 2)])),
        ("out of turn", false, all(&[both(), taken(1, 3)])),
        ("no turn is kept for an empty lane", true, {
            all(&[sent(0, 1), sent(0, 2), taken(0, 1), taken(0, 2)])
        }),
    ];
    check_cases(&Lanes { lanes: [lane; 2], serve: Serve::Weighted([1, 1]) }, turns);
}
