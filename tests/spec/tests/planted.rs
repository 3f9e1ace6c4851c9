//! Whether a fault would be found: each of these is planted between a channel and its model.

use std::fmt::Debug;

use proptest::arbitrary::Arbitrary;
use spec::check::{Tamper, View};
use spec::{Stats, broadcast, lanes, oneshot, queue, rendezvous, watch, weighted};

type Fault<A> = fn(&mut A);

/// How many of 256 cases must find a fault. Then the tests of a channel, which run as many new
/// cases each time, miss it less than once in ten thousand runs: (1 - 10 / 256)^256 = 0.00004.
const FINDS: usize = 10;

/// Asserts that random cases find each fault.
fn all_are_found<C, A>(faults: &[Fault<A>], views: &[Fault<View>], run: fn(&C, Tamper<A>) -> Stats)
where
    C: Arbitrary + Debug,
{
    for (number, &answer) in faults.iter().enumerate() {
        let tampered = |case: &C| run(case, Tamper { answer, ..Tamper::default() });
        let found = spec::fails_often(FINDS, tampered);
        assert!(found, "too few cases find the fault {number} in the answers");
    }
    for (number, &view) in views.iter().enumerate() {
        let tampered = |case: &C| run(case, Tamper { view, ..Tamper::default() });
        let found = spec::fails_often(FINDS, tampered);
        assert!(found, "too few cases find the fault {number} in the views");
    }
}

/// A wake-up is lost.
fn never_woken(view: &mut View) {
    view.woken.values_mut().for_each(|woken| *woken = false);
}

/// A count is one too high.
fn count_too_high<const NAME: usize>(view: &mut View) {
    let name = [
        "messages",
        "capacity",
        "receivers",
        "senders",
        "behind",
        "changed",
        "closed",
        "weight",
        "len",
    ][NAME];
    view.facts.iter_mut().filter(|(fact, _)| fact.0 == name).for_each(|(_, value)| *value += 1);
}

const QUEUE: [Fault<queue::Answer>; 4] = [
    // A message is lost.
    |answer| {
        if let queue::Answer::Got(messages) = answer {
            messages.pop();
        }
    },
    // Two messages change places.
    |answer| {
        if let queue::Answer::Got(messages) = answer {
            messages.reverse();
        }
    },
    // A full channel says that it has the message.
    |answer| {
        if *answer == queue::Answer::Full {
            *answer = queue::Answer::Done;
        }
    },
    // The end is not told.
    |answer| {
        if *answer == queue::Answer::Ended {
            *answer = queue::Answer::Empty;
        }
    },
];

#[test]
fn in_mpsc() {
    let views = [never_woken, count_too_high::<0>, count_too_high::<1>, count_too_high::<3>];
    all_are_found(&QUEUE, &views, queue::run_tampered::<queue::MpscBounded>);
}

#[test]
fn in_mpmc() {
    let views = [never_woken, count_too_high::<0>, count_too_high::<1>, count_too_high::<2>];
    all_are_found(&QUEUE, &views, queue::run_tampered::<queue::MpmcBounded>);
}

#[test]
fn in_weighted() {
    use weighted::Answer;
    // Two messages change places; a channel without room says that it has the message; what is too
    // heavy is said to be too much for now; the end is not told.
    let faults: [Fault<Answer>; 4] = [
        |answer| {
            if let Answer::Got(messages) = answer {
                messages.reverse();
            }
        },
        |answer| {
            if *answer == Answer::Full {
                *answer = Answer::Done;
            }
        },
        |answer| {
            if let Answer::TooHeavy { .. } = answer {
                *answer = Answer::Full;
            }
        },
        |answer| {
            if *answer == Answer::Ended {
                *answer = Answer::Empty;
            }
        },
    ];
    let views = [never_woken, count_too_high::<0>, count_too_high::<3>, count_too_high::<7>];
    all_are_found(&faults, &views, weighted::run_tampered);
}

/// The next message of the same channel, which may be that of another lane.
fn another_message(answer: &mut lanes::Answer) {
    if let lanes::Answer::Got(messages) = answer {
        messages.iter_mut().for_each(|message| *message += 1);
    }
}

#[test]
fn in_mpsc_lanes() {
    let views = [never_woken, count_too_high::<0>, count_too_high::<1>, count_too_high::<8>];
    let faults = [another_message, QUEUE[0], QUEUE[2], QUEUE[3]];
    all_are_found(&faults, &views, lanes::run_tampered::<lanes::Mpsc>);
}

#[test]
fn in_mpmc_lanes() {
    let views = [never_woken, count_too_high::<0>, count_too_high::<1>, count_too_high::<8>];
    let faults = [another_message, QUEUE[0], QUEUE[2], QUEUE[3]];
    all_are_found(&faults, &views, lanes::run_tampered::<lanes::Mpmc>);
}

#[test]
fn in_rendezvous() {
    use rendezvous::Answer;
    // A message that was not taken counts as sent; another message; a taken one counts as waiting;
    // the end is not told.
    let faults: [Fault<Answer>; 4] = [
        |answer| {
            if *answer == Answer::Closed {
                *answer = Answer::Done;
            }
        },
        |answer| {
            if let Answer::Got(message) = answer {
                *message += 1;
            }
        },
        |answer| {
            if *answer == Answer::Done {
                *answer = Answer::Pending;
            }
        },
        |answer| {
            if *answer == Answer::Ended {
                *answer = Answer::Empty;
            }
        },
    ];
    let views = [never_woken, count_too_high::<0>, count_too_high::<3>, count_too_high::<8>];
    all_are_found(&faults, &views, rendezvous::run_tampered);
}

#[test]
fn in_oneshot() {
    // The value is lost; a refused value counts as sent.
    let faults: [Fault<oneshot::Answer>; 2] = [
        |answer| {
            if let oneshot::Answer::Got(_) = answer {
                *answer = oneshot::Answer::Closed;
            }
        },
        |answer| {
            if *answer == oneshot::Answer::Refused {
                *answer = oneshot::Answer::Done;
            }
        },
    ];
    let views = [never_woken, count_too_high::<0>, count_too_high::<6>];
    all_are_found(&faults, &views, oneshot::run_tampered);
}

#[test]
fn in_broadcast() {
    // A lag that is one too long; the next message instead of this one.
    let faults: [Fault<broadcast::Answer>; 2] = [
        |answer| {
            if let broadcast::Answer::Lagged(missed) = answer {
                *missed += 1;
            }
        },
        |answer| {
            if let broadcast::Answer::Got(message) = answer {
                *message += 1;
            }
        },
    ];
    let views = [never_woken, count_too_high::<0>, count_too_high::<2>, count_too_high::<4>];
    all_are_found(&faults, &views, broadcast::run_tampered);
}

#[test]
fn in_lossless_broadcast() {
    use broadcast::lossless::Answer;
    // A lag that is one too long; the next message instead of this one; one too many in the
    // channel; an eviction that looks like the end.
    let faults: [Fault<Answer>; 4] = [
        |answer| {
            if let Answer::Lagged(missed) = answer {
                *missed += 1;
            }
        },
        |answer| {
            if let Answer::Got(message) = answer {
                *message += 1;
            }
        },
        |answer| {
            if *answer == Answer::Full {
                *answer = Answer::Sent(1);
            }
        },
        |answer| {
            if *answer == Answer::Evicted {
                *answer = Answer::Closed;
            }
        },
    ];
    let views = [never_woken, count_too_high::<0>, count_too_high::<2>, count_too_high::<4>];
    all_are_found(&faults, &views, broadcast::lossless::run_tampered);
}

#[test]
fn in_watch() {
    // A change that is told twice; an old value.
    let faults: [Fault<watch::Answer>; 2] = [
        |answer| {
            if let watch::Answer::Look(_, has_changed) = answer {
                *has_changed = true;
            }
        },
        |answer| {
            if let watch::Answer::Got(value) = answer {
                *value -= 1;
            }
        },
    ];
    let views = [never_woken, count_too_high::<0>, count_too_high::<2>, count_too_high::<5>];
    all_are_found(&faults, &views, watch::run_tampered);
}
