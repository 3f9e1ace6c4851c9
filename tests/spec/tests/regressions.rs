//! What random operations have found: each a test of its own, as small as it gets.

use spec::queue::{Case, MpmcBounded, MpscBounded, Op, run};

/// A turn that is not taken outlives eight polls of the next in line. A poll with a waker that the
/// channel did not know was counted as two.
#[test]
fn a_poll_with_another_waker_is_one_poll() {
    let mut ops = vec![Op::TryReserve(0)];
    // The first is granted a turn, and does not come.
    ops.extend([Op::StartSend(0), Op::Poll(0), Op::DropPermit(0)]);
    ops.push(Op::StartSend(0));
    ops.extend([Op::PollElsewhere(1); 8]);
    let case = Case { capacity: 1, ops };
    assert!(run::<MpscBounded>(&case).steps >= 13);
    assert!(run::<MpmcBounded>(&case).steps >= 13);
}
