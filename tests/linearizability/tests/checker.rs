//! The checker, on histories of a register whose answer is known, and the harness, on queues that
//! are wrong.

use linearizability::checker::Found;
use linearizability::{Event, Spec, check};

#[derive(Clone, Copy, Debug)]
enum Op {
    Write(u8),
    Read(u8),
}

use Op::{Read, Write};

#[derive(Debug)]
struct Register;

impl Spec for Register {
    type Op = Op;
    type State = u8;

    fn start(&self) -> u8 {
        0
    }

    fn step(&self, state: &u8, op: &Op) -> Option<u8> {
        match *op {
            Write(value) => Some(value),
            Read(value) => (value == *state).then_some(value),
        }
    }
}

/// When an operation began, when it ended, and what it was. Each is another actor's.
type Line = (usize, usize, Op);

fn checked(history: &[Line]) -> Found<u8> {
    let events = history.iter().enumerate();
    let events = events.map(|(actor, &(begin, end, op))| Event { actor, begin, end, op });
    check(&Register, &events.collect::<Vec<_>>())
}

#[test]
fn histories_whose_answer_is_known() {
    let cases: &[(&str, bool, &[Line])] = &[
        ("nothing", true, &[]),
        ("one after the other", true, &[(0, 1, Write(1)), (2, 3, Read(1))]),
        ("a stale read", false, &[(0, 1, Write(1)), (2, 3, Read(0))]),
        ("a read of what is to come", false, &[(0, 1, Read(1)), (2, 3, Write(1))]),
        ("a read beside the write, old", true, &[(0, 3, Write(1)), (1, 2, Read(0))]),
        ("a read beside the write, new", true, &[(0, 3, Write(1)), (1, 2, Read(1))]),
        ("new, then old", false, &[(0, 5, Write(1)), (1, 2, Read(1)), (3, 4, Read(0))]),
        ("old, then new", true, &[(0, 5, Write(1)), (1, 2, Read(0)), (3, 4, Read(1))]),
        (
            "writes that take effect in the opposite order of their calls",
            true,
            &[
                (0, 20, Write(1)),
                (1, 21, Write(2)),
                (2, 22, Write(3)),
                (3, 4, Read(3)),
                (5, 6, Read(2)),
                (7, 8, Read(1)),
            ],
        ),
        (
            "two readers who disagree about the order of two writes",
            false,
            &[
                (0, 20, Write(1)),
                (1, 21, Write(2)),
                (2, 3, Read(1)),
                (4, 5, Read(2)),
                (6, 7, Read(1)),
            ],
        ),
        ("never written", false, &[(0, 9, Write(1)), (1, 8, Write(2)), (2, 7, Read(3))]),
    ];
    for (name, linearizable, history) in cases {
        let found = checked(history);
        assert_eq!(found.linearizable, *linearizable, "{name}: {found:?}");
        assert_eq!(found.order.len() == history.len(), *linearizable, "{name}: {found:?}");
    }
}

/// The order found obeys the clock and the specification; the answer does not depend on the order
/// of the list.
#[test]
fn the_order_is_a_linearization() {
    let mut rng = fastrand::Rng::with_seed(1);
    let (mut yes, mut no) = (0, 0);
    for _ in 0..2000 {
        let mut history: Vec<_> = (0..7)
            .map(|_| {
                let begin = rng.usize(..14);
                let value = rng.u8(..3);
                let op = if rng.bool() { Write(value) } else { Read(value) };
                (2 * begin, 2 * (begin + rng.usize(..6)) + 1, op)
            })
            .collect();
        let found = checked(&history);
        if found.linearizable {
            let mut state = 0;
            for (place, &index) in found.order.iter().enumerate() {
                let (begin, _, op) = history[index];
                let mut after = found.order[place + 1..].iter().map(|&index| history[index]);
                assert!(after.all(|(_, end, _)| end > begin), "{history:?}: {found:?}");
                state = Register.step(&state, &op).expect("the specification allows it");
            }
            yes += 1;
        } else {
            no += 1;
        }
        rng.shuffle(&mut history);
        assert_eq!(checked(&history).linearizable, found.linearizable);
    }
    assert!(yes > 200 && no > 200, "{yes} are linearizable, {no} are not");
}

/// Without memory of what was tried there would be 12! orders.
#[test]
fn what_was_tried_is_not_tried_again() {
    let mut history = vec![(0, 100, Write(1)); 12];
    history.push((0, 100, Read(2)));
    let found = checked(&history);
    assert!(!found.linearizable);
    assert_eq!(found.states, (1 << 12) - 1, "the sets of writes, but for the empty one");
}
