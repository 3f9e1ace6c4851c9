//! A sender whose turn has come and who does not take it: forgotten, or kept by a task that waits
//! for something else first (C7, C8). The others go on after at most `GRACE` polls of one of them.

use levada::mpsc::{self, Receiver, Sender, error::TryRecvError, error::TrySendError};
use std::task::Poll;
use support::{GRACE, Task};

/// A full channel of capacity 1 with `senders` waiting in line.
fn with_line<'a>(
    tx: &'a Sender<usize>,
    senders: usize,
) -> Vec<Task<mpsc::future::Send<'a, usize>>> {
    assert!(tx.try_send(0).is_ok());
    (1..=senders).map(|i| Task::waiting(tx.send(i))).collect()
}

/// Receives what is there; whoever is first in line is granted the room.
fn take_one(rx: &mut Receiver<usize>, expected: usize) {
    assert_eq!(rx.try_recv(), Ok(expected));
}

#[test]
fn waiting_senders_are_served_in_order() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 5);
    for next in 0..5 {
        take_one(&mut rx, next);
        let woken: Vec<_> = line.iter().map(Task::is_woken).collect();
        let expected: Vec<_> = (0..5).map(|i| i == next).collect();
        assert_eq!(woken, expected, "exactly the first in line is woken");
        // Nobody gets in between.
        assert_eq!(tx.try_send(9), Err(TrySendError::Full(9)));
        assert!(matches!(line[next].poll(), Poll::Ready(Ok(()))));
    }
}

/// C8, as in the original report: the same task holds a granted send and awaits a second one.
#[test]
fn a_second_send_in_the_same_task() {
    let (tx, mut rx) = mpsc::channel(1);
    let line = with_line(&tx, 1);
    let mut second = Task::waiting(tx.send(2));
    take_one(&mut rx, 0);
    assert!(line[0].is_woken() && !second.is_woken());
    // The task is woken for the first send, and polls the second.
    let polls = (1..=GRACE).find(|_| second.poll().is_ready());
    assert!(polls.is_some(), "still waits after {GRACE} polls");
    take_one(&mut rx, 2);
}

#[test]
fn a_new_send_instead_of_each_pending_one() {
    let (tx, mut rx) = mpsc::channel(1);
    let _line = with_line(&tx, 1);
    take_one(&mut rx, 0);
    // A select loop that makes its send anew each time around.
    let polls = (1..=GRACE).find(|_| Task::new(tx.send(2)).poll().is_ready());
    assert!(polls.is_some(), "still waits after {GRACE} sends");
}

#[test]
fn a_loop_of_try_send() {
    let (tx, mut rx) = mpsc::channel(1);
    let _line = with_line(&tx, 1);
    take_one(&mut rx, 0);
    let tries = (1..=GRACE).find(|_| tx.try_send(2).is_ok());
    assert_eq!(tries, Some(GRACE));
    take_one(&mut rx, 2);
}

#[test]
fn a_loop_of_try_send_lets_those_in_line_go_first() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 2);
    take_one(&mut rx, 0);
    for _ in 0..GRACE {
        assert!(!line[1].is_woken());
        assert_eq!(tx.try_send(9), Err(TrySendError::Full(9)));
    }
    assert!(line[1].is_woken(), "the turn of the first was passed on");
    assert!(line[1].poll().is_ready());
}

/// The second sender and the receiver have both gone to sleep; the receiver drives.
#[test]
fn a_parked_second_sender_and_a_parked_receiver() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 2);
    take_one(&mut rx, 0);
    let mut recv = Task::new(rx.recv());
    assert!(recv.poll().is_pending() && recv.is_woken());
    let polls = (2..=GRACE).find(|_| {
        assert!(recv.is_woken(), "the receiver sleeps and the second sender was not woken");
        assert!(recv.poll().is_pending());
        line[1].is_woken()
    });
    assert!(polls.is_some(), "still waits after {GRACE} polls");
    assert!(line[1].poll().is_ready());
    assert_eq!(recv.poll(), Poll::Ready(Some(2)));
}

#[test]
fn everybody_in_line_is_forgotten() {
    for senders in [1, 2, 3, 40] {
        let (tx, mut rx) = mpsc::channel(1);
        with_line(&tx, senders).into_iter().for_each(Task::forget);
        let mut last = Task::waiting(tx.send(99));
        take_one(&mut rx, 0);
        let mut recv = Task::new(rx.recv());
        assert!(recv.poll().is_pending());
        let (polls, end) = recv.run();
        assert!(end.is_pending());
        assert!(polls <= GRACE * (senders + 1), "{polls} polls, {senders} senders");
        assert!(last.is_woken(), "{senders} forgotten senders wedged the channel");
        assert!(last.poll().is_ready());
        assert_eq!(recv.poll(), Poll::Ready(Some(99)));
    }
}

/// As above, polled with a waker that is another one each time.
#[test]
fn everybody_is_forgotten_and_the_receiver_moves_between_tasks() {
    let (tx, mut rx) = mpsc::channel(1);
    with_line(&tx, 3).into_iter().for_each(Task::forget);
    let last = Task::waiting(tx.send(99));
    take_one(&mut rx, 0);
    let mut recv = Task::new(rx.recv());
    for _ in 0..GRACE * 4 {
        assert!(recv.poll_elsewhere().is_pending());
        if last.is_woken() {
            return;
        }
        assert!(recv.is_woken(), "the receiver sleeps, promises are untaken");
    }
    panic!("three forgotten senders wedged the channel");
}

#[test]
fn who_comes_late_is_first_again() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 3);
    take_one(&mut rx, 0);
    for _ in 0..GRACE {
        assert!(tx.try_send(9).is_err());
    }
    assert!(line[1].is_woken(), "the turn went to the second");
    assert!(line[0].poll().is_pending(), "it is the second's now");
    assert!(line[1].poll().is_ready());
    take_one(&mut rx, 2);
    assert!(line[0].is_woken() && !line[2].is_woken());
    assert!(line[0].poll().is_ready());
    take_one(&mut rx, 1);
    assert!(line[2].is_woken() && line[2].poll().is_ready());
}

#[test]
fn who_comes_late_takes_what_is_free() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 1);
    take_one(&mut rx, 0);
    assert!((1..=GRACE).any(|_| tx.try_send(2).is_ok()));
    assert!(!line[0].is_woken() || line[0].poll().is_pending(), "its turn has lapsed");
    take_one(&mut rx, 2);
    assert!(line[0].poll().is_ready());
    take_one(&mut rx, 1);
}

#[test]
fn a_permit_is_dropped_while_the_receiver_sleeps() {
    let (tx, mut rx) = mpsc::channel(1);
    let permit = tx.try_reserve().unwrap();
    Task::waiting(tx.send(1)).forget();
    let mut second = Task::waiting(tx.send(2));
    let mut recv = Task::waiting(rx.recv());
    drop(permit);
    assert!(recv.is_woken(), "nobody watches over the promise");
    assert!(recv.run().1.is_pending());
    assert!(second.is_woken() && second.poll().is_ready());
    assert_eq!(recv.poll(), Poll::Ready(Some(2)));
}

/// As many are granted at once as are woken with one taking of the lock.
#[test]
fn many_permits_are_dropped_while_the_receiver_sleeps() {
    for room in [1, 31, 32, 33, 64, 100] {
        let (tx, mut rx) = mpsc::channel(room);
        let permits = tx.try_reserve_many(room).unwrap();
        for i in 0..room {
            Task::waiting(tx.send(i)).forget();
        }
        let last = Task::waiting(tx.send(room));
        let mut recv = Task::waiting(rx.recv());
        drop(permits);
        assert!(recv.is_woken(), "nobody watches over {room} promises");
        assert!(recv.run().1.is_pending());
        assert!(last.is_woken());
    }
}

/// Who was promised room when the channel closed holds back its end, but not for ever.
#[test]
fn a_promise_does_not_hold_back_the_end() {
    let (tx, mut rx) = mpsc::channel(1);
    with_line(&tx, 1).into_iter().for_each(Task::forget);
    take_one(&mut rx, 0);
    rx.close();
    let mut recv = Task::new(rx.recv());
    let polls = (1..=GRACE).find(|_| recv.poll() == Poll::Ready(None));
    assert!(polls.is_some(), "still waits after {GRACE} polls");
}

/// The same, when the last permit goes while the receiver sleeps.
#[test]
fn a_promise_does_not_hold_back_the_end_after_a_permit() {
    let (tx, mut rx) = mpsc::channel(2);
    let permit = tx.try_reserve().unwrap();
    with_line(&tx, 1).into_iter().for_each(Task::forget);
    take_one(&mut rx, 0);
    rx.close();
    let mut recv = Task::waiting(rx.recv());
    assert!(!recv.is_woken(), "the permit may be used");
    drop(permit);
    assert!(recv.is_woken(), "nobody watches over the promise");
    let (polls, end) = recv.run();
    assert_eq!(end, Poll::Ready(None));
    assert!(polls <= GRACE, "{polls} polls");
}

/// Patience is for each promise: that others were late before does not make the next one shorter.
#[test]
fn patience_begins_anew_with_each_message() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 20);
    take_one(&mut rx, 0);
    for next in 0..19 {
        let mut recv = Task::new(rx.recv());
        assert!(recv.poll().is_pending() && recv.is_woken());
        assert!(line[next].is_woken() && !line[next + 1].is_woken());
        assert!(line[next].poll().is_ready());
        assert_eq!(recv.poll(), Poll::Ready(Some(next + 1)));
    }
}

/// The same for a sender in line that is polled now and then.
#[test]
fn patience_of_a_sender_begins_anew() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 20);
    take_one(&mut rx, 0);
    for next in 0..19 {
        assert!(line[19].poll().is_pending(), "refused once for each promise");
        assert!(line[next].is_woken() && line[next].poll().is_ready());
        assert!(line[19].poll().is_pending(), "and full");
        take_one(&mut rx, next + 1);
    }
}

/// A select loop that makes its send anew each time around stands behind others each time, too.
#[test]
fn a_new_send_instead_of_each_pending_one_behind_others() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 2);
    take_one(&mut rx, 0);
    let polls = (1..=GRACE).find(|_| {
        assert!(Task::new(tx.send(9)).poll().is_pending());
        line[1].is_woken()
    });
    assert!(polls.is_some(), "still waits after {GRACE} sends");
    assert!(line[1].poll().is_ready());
}

/// Who was granted its turn in place of another that was cancelled has as much time as that one.
#[test]
fn patience_begins_anew_after_a_cancelled_turn() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 3);
    take_one(&mut rx, 0);
    for _ in 1..GRACE {
        assert_eq!(tx.try_send(9), Err(TrySendError::Full(9)));
    }
    drop(line.remove(0));
    assert!(line[0].is_woken());
    assert_eq!(tx.try_send(9), Err(TrySendError::Full(9)));
    assert!(!line[1].is_woken(), "the turn of the second lapsed at once");
    assert!(line[0].poll().is_ready());
}

/// A poll is one refusal, also with another waker, for which the sender looks twice.
#[test]
fn a_poll_counts_once() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 3);
    take_one(&mut rx, 0);
    for _ in 1..GRACE {
        assert!(line[2].poll_elsewhere().is_pending());
        assert!(!line[1].is_woken());
    }
    assert!(line[2].poll_elsewhere().is_pending());
    assert!(line[1].is_woken() && line[1].poll().is_ready());
}

/// A receiver that only ever tries does not wedge the senders.
#[test]
fn a_receiver_that_only_tries() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut line = with_line(&tx, 2);
    take_one(&mut rx, 0);
    let tries = (1..=GRACE).find(|_| {
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        line[1].is_woken()
    });
    assert_eq!(tries, Some(GRACE));
    assert!(line[1].poll().is_ready());
    take_one(&mut rx, 2);
}

/// It sees the end, too, though a sender that was promised room, or a part of it, never comes.
#[test]
fn the_end_is_seen_by_trying() {
    for part in [false, true] {
        let (tx, mut rx) = mpsc::channel(2);
        tx.try_send(0).unwrap();
        let permit = tx.try_reserve().unwrap();
        let need = if part { 2 } else { 1 };
        Task::waiting(tx.reserve_many(need)).forget();
        take_one(&mut rx, 0);
        rx.close();
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "the permit may be used");
        drop(permit);
        let tries = (1..=GRACE).find(|_| rx.try_recv() == Err(TryRecvError::Disconnected));
        assert_eq!(tries, Some(GRACE), "part: {part}");
    }
}

/// After the close, a `reserve_many` that had been promised a part never comes. tokio's own tests
/// forbid to wake a receiver that sleeps when the last permit comes back; what gets it to the end
/// all the same.
#[test]
fn the_end_behind_a_forgotten_part() {
    for another_reason in [false, true] {
        let (tx, mut rx) = mpsc::channel::<()>(2);
        let permit = tx.try_reserve().unwrap();
        Task::waiting(tx.reserve_many(2)).forget();
        rx.close();
        let mut recv = Task::waiting(rx.recv());
        drop(permit);
        assert!(!recv.is_woken());
        if another_reason {
            assert!(recv.poll().is_pending());
            let (polls, end) = recv.run();
            assert_eq!((polls, end), (GRACE - 1, Poll::Ready(None)));
        } else {
            drop(tx);
            assert!(recv.is_woken());
            assert_eq!(recv.poll(), Poll::Ready(None));
        }
    }
}

/// A `reserve_many` for which there is not enough keeps its place, forgotten or not. Those behind
/// it sleep, and go on when its turn has come and was passed on.
#[test]
fn a_reserve_that_cannot_be_granted() {
    let (tx, mut rx) = mpsc::channel(2);
    let permit = tx.try_reserve().unwrap();
    Task::waiting(tx.reserve_many(2)).forget();
    let mut behind = Task::waiting(tx.send(1));
    for _ in 0..10 * GRACE {
        assert_eq!(tx.try_send(9), Err(TrySendError::Full(9)));
        assert!(Task::new(rx.recv()).poll().is_pending());
        assert!(behind.poll().is_pending() && !behind.is_woken());
    }
    drop(permit);
    let mut recv = Task::new(rx.recv());
    let polls = (1..=GRACE).find(|_| {
        assert!(recv.poll().is_pending() && recv.is_woken());
        behind.is_woken()
    });
    assert_eq!(polls, Some(GRACE));
    assert!(behind.poll().is_ready());
    assert_eq!(recv.poll(), Poll::Ready(Some(1)));
}

/// A receiver in a `select!` whose other branch is always faster: each receive is polled once.
#[test]
fn a_receive_that_is_cancelled_again_and_again() {
    let (tx, mut rx) = mpsc::channel(1);
    let line = with_line(&tx, 2);
    take_one(&mut rx, 0);
    assert!(line[0].is_woken());
    for _ in 0..4 * GRACE {
        drop(Task::waiting(rx.recv()));
    }
    assert!(line[1].is_woken(), "empty channel, blocked sender, a receiver that asks");
}
