//! The weighted channel against its model.

use spec::weighted::{Case, Op, run};

#[test]
fn weighted() {
    let steps = spec::property(|case: &Case| run(case));
    assert!(steps > 3_000, "the cases do next to nothing");
}

/// A turn that is not taken outlives eight polls of the next in line, or of the receiver.
#[test]
fn a_turn_that_is_not_taken_lapses() {
    let mut ops = vec![Op::TryReserve(0, 1)];
    // The first is granted a turn, and does not come.
    ops.extend([Op::StartSend(0, 1), Op::Poll(0), Op::Forget(0), Op::DropPermit(0)]);
    ops.extend([Op::StartSend(0, 1), Op::Poll(0)]);
    let mut by_a_sender = ops.clone();
    by_a_sender.extend([Op::PollElsewhere(0); 8]);
    ops.push(Op::StartRecv);
    ops.extend([Op::PollElsewhere(1); 8]);
    for ops in [by_a_sender, ops] {
        for rejects in [false, true] {
            let steps = run(&Case { max: 1, rejects, ops: ops.clone() }).steps;
            assert!(steps >= 13, "only {steps} were compared");
        }
    }
}
