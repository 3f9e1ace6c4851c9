//! What random operations have found: each a test of its own, as small as it gets.

use spec::queue::{Case, MpmcBounded, MpmcUnbounded, MpscBounded, Op, run};

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

/// The end may come while the receiver is polled: a turn that nobody took holds it back until the
/// eighth poll. The receiver of mpsc keeps the waker of the poll before, and no longer than it
/// lives.
#[test]
fn the_end_comes_in_a_poll_with_another_waker() {
    let mut ops = vec![Op::TrySend(0), Op::StartSend(0), Op::Poll(0), Op::Forget(0)];
    ops.extend([Op::TryRecv(0), Op::Close(0), Op::StartRecv(0)]);
    ops.extend([Op::Poll(0); 7]);
    ops.push(Op::PollElsewhere(0));
    let case = Case { capacity: 1, ops };
    assert!(run::<MpscBounded>(&case).steps >= 13);
    assert!(run::<MpmcBounded>(&case).steps >= 13);
}

/// The promise of a message lapses when it was refused to one other 64 times, and not before; when
/// its receiver has come back and lets the next one lapse, 1024 times.
#[test]
fn a_promised_message_is_refused_so_often() {
    // A forgotten receiver is promised the message. Another one asks for it: by one receive or by
    // trying.
    let stalled = [Op::StartRecv(0), Op::Poll(0), Op::TrySend(0)];
    for (start, ask) in [(Some(Op::StartRecv(0)), Op::Poll(1)), (None, Op::TryRecv(0))] {
        let mut ops = stalled.to_vec();
        ops.extend(start);
        ops.extend([ask; 64]);
        // The first receiver comes late.
        ops.extend([Op::Poll(0), Op::TrySend(0)]);
        ops.extend(start);
        ops.extend([ask; 1024]);
        ops.push(Op::Poll(0));
        let case = Case { capacity: 2, ops };
        assert!(run::<MpmcBounded>(&case).steps > 1000);
        assert!(run::<MpmcUnbounded>(&case).steps > 1000);
    }
}

/// A refused send on a closed channel woke the receivers in line beside a message that was left,
/// and a newcomer got their place.
#[test]
fn a_refused_send_leaves_the_line_of_receivers_as_it_is() {
    use Op::{BlockingSend, Cancel, Close, Poll, SendPermit, StartRecv, StartReserve};

    // A permit is out when the channel closes, and two receivers wait for its message.
    let mut ops = vec![StartReserve(0), Poll(0), Close(0), StartRecv(0), StartRecv(0)];
    ops.extend([Poll(0), Poll(1), SendPermit(0), BlockingSend(0)]);
    // A newcomer, and then the message is promised to the second one, not to it.
    ops.extend([StartRecv(0), Poll(2), Cancel(0), Poll(0)]);
    let case = Case { capacity: 3, ops };
    assert!(run::<MpmcBounded>(&case).steps >= 8);
}

/// A sender that waits behind one that was granted room counted its polls, although a receive would
/// free room: the message was in the backlog, which was not asked.
#[test]
fn a_message_in_the_backlog_is_one_that_can_be_received() {
    let mut ops = vec![Op::TrySend(0), Op::TrySend(0), Op::StartSend(0), Op::Poll(0)];
    ops.extend([Op::Forget(0), Op::Drain(0), Op::TrySend(0), Op::StartSend(0)]);
    ops.extend([Op::Poll(0); 9]);
    // An even capacity: with a backlog.
    let case = Case { capacity: 2, ops };
    assert!(run::<MpscBounded>(&case).steps >= 13);
    assert!(run::<MpmcBounded>(&case).steps >= 13);
}
