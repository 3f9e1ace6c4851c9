//! A receiver of mpmc that is promised a message and does not come (C7, C8): its promise lapses
//! when it has thwarted one other [`PATIENCE`] times, and the message goes to the next receiver.

use levada::mpmc::{self, Receiver, error::TrySendError};
use std::task::Poll;
use std::thread;
use support::{PATIENCE, Task};

type Recv<'a> = Task<mpmc::future::Recv<'a, u32>>;

/// `n` receivers that sleep; then a message is promised to the first of them, which is woken.
fn woken_one<'a>(tx: &mpmc::Sender<u32>, rx: &'a Receiver<u32>, n: usize) -> Vec<Recv<'a>> {
    let line: Vec<_> = (0..n).map(|_| Task::waiting(rx.recv())).collect();
    tx.try_send(0).unwrap();
    assert!(line[0].is_woken() && line[1..].iter().all(|recv| !recv.is_woken()));
    line
}

/// A receiver that waits anew wakes itself until the message is its own.
#[test]
fn a_newcomer_that_waits() {
    let (tx, rx) = mpmc::channel(1);
    let mut line = woken_one(&tx, &rx, 1);
    let mut newcomer = Task::waiting(rx.recv());
    assert_eq!(newcomer.run(), (PATIENCE - 1, Poll::Ready(Some(0))));
    // The stalled one comes late, and is promised the next message.
    assert!(line[0].poll().is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(line[0].poll(), Poll::Ready(Some(1)));
}

#[test]
fn a_batch_that_waits() {
    let (tx, rx) = mpmc::channel(2);
    woken_one(&tx, &rx, 1).remove(0).forget();
    let mut buffer = Vec::new();
    let mut batch = Task::waiting(rx.recv_many(&mut buffer, 2));
    assert_eq!(batch.run(), (PATIENCE - 1, Poll::Ready(1)));
}

#[test]
fn a_loop_of_try_recv() {
    let (tx, rx) = mpmc::channel(1);
    woken_one(&tx, &rx, 1).remove(0).forget();
    assert_eq!((1..).find(|_| rx.try_recv().is_ok()), Some(PATIENCE));
}

/// As in a `select!` whose other branch is always faster.
#[test]
fn a_new_receive_for_each_poll() {
    let (tx, rx) = mpmc::channel(1);
    woken_one(&tx, &rx, 1).remove(0).forget();
    let polls = (1..).find(|_| Task::new(rx.recv()).poll().is_ready());
    assert_eq!(polls, Some(PATIENCE));
}

/// In the same task: the first receive is promised the message, and the task awaits a second one.
#[test]
fn a_second_receive_in_the_same_task() {
    let (tx, rx) = mpmc::channel(1);
    let mut first = woken_one(&tx, &rx, 1).remove(0);
    let mut second = Task::waiting(rx.recv());
    assert_eq!(second.run().1, Poll::Ready(Some(0)));
    assert!(first.poll().is_pending());
}

/// A sender that waits for room sees to it, whatever became of the stalled one.
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
        let polls = (1..=PATIENCE).find(|_| {
            assert!(send.poll().is_pending());
            assert!(send.is_woken(), "the sender sleeps, and so does the second receiver");
            second.is_woken()
        });
        assert_eq!(polls, Some(PATIENCE));
        assert_eq!(second.poll(), Poll::Ready(Some(0)));
        assert!(send.is_woken() && send.poll().is_ready());
        assert_eq!(rx.try_recv(), Ok(1));
    }
}

#[test]
fn a_loop_of_try_send() {
    let (tx, rx) = mpmc::channel(1);
    let mut line = woken_one(&tx, &rx, 2);
    for _ in 0..PATIENCE {
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
        assert!(polled.is_pending() && polls <= PATIENCE * receivers, "{polls} polls");
        assert!(last.is_woken(), "{receivers} receivers, the last sleeps");
        assert_eq!(last.poll(), Poll::Ready(Some(0)));
        assert!(send.is_woken() && send.poll().is_ready());
    }
}

/// The same with receivers only: a newcomer watches.
#[test]
fn a_newcomer_behind_forgotten_ones() {
    for forgotten in [1, 2, 10, 40] {
        let (tx, rx) = mpmc::channel(1);
        woken_one(&tx, &rx, forgotten).into_iter().for_each(Task::forget);
        let mut newcomer = Task::waiting(rx.recv());
        assert_eq!(newcomer.run(), (PATIENCE * forgotten - 1, Poll::Ready(Some(0))));
        tx.try_send(1).unwrap();
        assert_eq!(Task::new(rx.recv()).poll(), Poll::Ready(Some(1)), "they hold nothing any more");
    }
}

/// Each worker takes one message and is busy then. One that was woken and did not come leaves them
/// one message behind, but not for ever.
#[test]
fn workers_catch_up() {
    let (tx, rx) = mpmc::channel(100);
    let workers = PATIENCE + 3;
    let mut line = woken_one(&tx, &rx, workers);
    for worker in 1..workers - 2 {
        tx.try_send(0).unwrap();
        assert!(line[worker].is_woken() && line[worker].poll().is_ready());
        assert_eq!((rx.len(), line[worker + 1].is_woken()), (1, worker == PATIENCE));
    }
    assert!(line[PATIENCE + 1].poll().is_ready());
    assert_eq!(rx.len(), 0);
    assert!(!line[PATIENCE + 2].is_woken());
}

/// As long as receivers come when they are woken, no other is woken for nothing.
#[test]
fn receivers_that_come_in_time_wake_no_other() {
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

/// The same for a thread that waits for a message: what was promised to it is its own.
#[test]
fn a_thread_that_blocks_keeps_its_message() {
    const TRIES: usize = if cfg!(miri) { 100 } else { 10_000 };
    let rounds = if cfg!(miri) { 3 } else { 100 };
    for _ in 0..rounds {
        let (tx, rx) = levada::mpmc::channel(1);
        let own = rx.clone();
        let thread = thread::spawn(move || own.blocking_recv());
        // Until the thread is in line, a message is the first receiver's that asks.
        loop {
            tx.try_send(1).unwrap();
            if rx.try_recv().is_err() {
                break;
            }
        }
        let overtaken = (0..TRIES).filter(|_| rx.try_recv().is_ok()).count();
        assert_eq!(overtaken, 0, "the thread lost its message");
        assert_eq!(thread.join().unwrap(), Some(1));
    }
}
