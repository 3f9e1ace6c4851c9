//! A receiver that was woken for a message and does not come, while the others sleep (C7, C8): another
//! one is woken when the channel has been used `GRACE` times since.

use super::GRACE;
use levada::mpmc::{self, Receiver, error::TrySendError};
use std::task::Poll;
use support::Task;

type Recv<'a> = Task<mpmc::future::Recv<'a, u32>>;

/// `n` receivers that sleep; then a message wakes the first of them.
fn woken_one<'a>(tx: &mpmc::Sender<u32>, rx: &'a Receiver<u32>, n: usize) -> Vec<Recv<'a>> {
    let line: Vec<_> = (0..n).map(|_| Task::waiting(rx.recv())).collect();
    tx.try_send(0).unwrap();
    assert!(line[0].is_woken() && line[1..].iter().all(|recv| !recv.is_woken()));
    line
}

/// A sender that waits for room sees to it, whatever it waits with and whatever became of the stalled one.
#[test]
fn a_sender_that_waits() {
    for forgotten in [false, true] {
        let (tx, rx) = mpmc::channel(1);
        let mut line = woken_one(&tx, &rx, 2);
        let mut second = line.remove(1);
        if forgotten {
            line.remove(0).forget();
        }
        let mut send = Task::new(tx.send(1));
        let polls = (1..=GRACE).find(|_| {
            assert!(send.poll().is_pending());
            assert!(send.is_woken(), "the sender sleeps, and so does the second receiver");
            second.is_woken()
        });
        assert_eq!(polls, Some(GRACE));
        assert_eq!(second.poll(), Poll::Ready(Some(0)));
        assert!(send.is_woken() && send.poll().is_ready());
        assert_eq!(rx.try_recv(), Ok(1));
    }
}

#[test]
fn a_loop_of_try_send() {
    let (tx, rx) = mpmc::channel(1);
    let mut line = woken_one(&tx, &rx, 2);
    for _ in 0..GRACE {
        assert!(!line[1].is_woken());
        assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    }
    assert!(line[1].is_woken());
    assert_eq!(line[1].poll(), Poll::Ready(Some(0)));
    tx.try_send(1).unwrap();
    // The stalled one comes late, and has the next message.
    assert_eq!(line[0].poll(), Poll::Ready(Some(1)));
}

/// Of many, all but the last are forgotten.
#[test]
fn everybody_but_one_is_forgotten() {
    for receivers in [2, 3, 10, 40] {
        let (tx, rx) = mpmc::channel(1);
        let mut line = woken_one(&tx, &rx, receivers);
        let mut last = line.pop().unwrap();
        line.into_iter().for_each(Task::forget);
        let mut send = Task::new(tx.send(1));
        assert!(send.poll().is_pending());
        let (polls, polled) = send.run();
        assert!(polled.is_pending() && polls <= GRACE * receivers, "{polls} polls");
        assert!(last.is_woken(), "{receivers} receivers, the last sleeps");
        assert_eq!(last.poll(), Poll::Ready(Some(0)));
        assert!(send.is_woken() && send.poll().is_ready());
    }
}

/// Each worker takes one message and is busy then. One that was woken and did not come leaves them one
/// message behind, but not for ever.
#[test]
fn workers_catch_up() {
    let (tx, rx) = mpmc::channel(100);
    let workers = GRACE + 3;
    let mut line = woken_one(&tx, &rx, workers);
    for worker in 1..workers - 2 {
        tx.try_send(0).unwrap();
        assert!(line[worker].is_woken() && line[worker].poll().is_ready());
        assert_eq!((rx.len(), line[worker + 1].is_woken()), (1, worker == GRACE));
    }
    assert!(line[GRACE + 1].poll().is_ready());
    assert_eq!(rx.len(), 0);
    assert!(!line[GRACE + 2].is_woken());
}

/// As long as receivers come when they are woken, no other is woken for nothing.
#[test]
fn who_comes_in_time_wakes_nobody_else() {
    let (tx, rx) = mpmc::channel(1);
    let mut line = woken_one(&tx, &rx, 2);
    for i in 0..100 {
        let send = Task::waiting(tx.send(9));
        assert_eq!(line[0].poll(), Poll::Ready(Some(i)));
        assert!(send.is_woken() && !line[1].is_woken());
        drop(send);
        // It is asleep again before the next message, behind the other one.
        line[0] = Task::waiting(rx.recv());
        line.swap(0, 1);
        tx.try_send(i + 1).unwrap();
        assert!(line[0].is_woken() && !line[1].is_woken());
    }
}
