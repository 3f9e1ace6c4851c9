//! A sender whose turn has come and who does not take it, beside receivers that sleep (C7, C8).
//! What is promised to it goes to the others after at most `GRACE` polls of somebody who could go
//! on.

use levada::mpmc::{self, Sender, error::TryRecvError};
use std::task::Poll;
use support::{GRACE, Task};

type Send<'a> = Task<mpmc::future::Send<'a, u32>>;

/// Fills a channel of capacity 1 and puts two senders in line, before the message is there: so they
/// sleep, and have no message to watch over.
fn with_line(tx: &Sender<u32>) -> (Send<'_>, Send<'_>) {
    let permit = tx.try_reserve().unwrap();
    let line = (Task::waiting(tx.send(1)), Task::waiting(tx.send(2)));
    permit.send(0);
    line
}

/// The receiver that made room asks again: it sees to it that the second sender goes on.
#[test]
fn a_receiver_that_asks_again() {
    let (tx, rx) = mpmc::channel(1);
    let (stalled, mut second) = with_line(&tx);
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(stalled.is_woken());
    let mut recv = Task::waiting(rx.recv());
    let (polls, polled) = recv.run();
    assert!(polled.is_pending() && polls <= 2 * GRACE, "{polls} polls");
    assert!(second.is_woken() && second.poll().is_ready());
    assert_eq!(recv.run().1, Poll::Ready(Some(2)));
}

/// The receiver that made room goes away to work; another one has been asleep all the time. It is
/// woken to watch over the promise.
#[test]
fn a_receiver_that_was_asleep_before() {
    let (tx, rx) = mpmc::channel(1);
    let mut worker = Task::waiting(rx.recv());
    let mut idle = Task::waiting(rx.recv());
    let (stalled, mut second) = with_line(&tx);
    assert_eq!(worker.poll(), Poll::Ready(Some(0)));
    assert!(stalled.is_woken() && !second.is_woken());
    let (polls, polled) = idle.run();
    assert!(polled.is_pending() && polls <= 2 * GRACE, "{polls} polls");
    assert!(second.is_woken(), "idle receiver, blocked sender, empty channel");
    assert!(second.poll().is_ready());
    assert_eq!(idle.run().1, Poll::Ready(Some(2)));
}

/// The receiver that watches over the promise is cancelled: another one watches.
#[test]
fn a_watching_receiver_that_is_cancelled() {
    for polls in 0..=GRACE {
        let (tx, rx) = mpmc::channel(1);
        let mut worker = Task::waiting(rx.recv());
        let mut watching = Task::waiting(rx.recv());
        let mut idle = Task::waiting(rx.recv());
        let (stalled, mut second) = with_line(&tx);
        assert_eq!(worker.poll(), Poll::Ready(Some(0)));
        assert!(stalled.is_woken());
        for _ in 0..polls {
            assert!(watching.poll().is_pending());
        }
        drop(watching);
        assert!(idle.run().1.is_pending());
        assert!(second.is_woken(), "cancelled after {polls} polls");
        assert!(second.poll().is_ready());
        assert_eq!(idle.run().1, Poll::Ready(Some(2)));
    }
}

/// The granted sender is forgotten for good, together with its place.
#[test]
fn a_forgotten_sender_costs_one_grace() {
    let (tx, rx) = mpmc::channel(1);
    let mut idle = Task::waiting(rx.recv());
    let mut other = Task::waiting(rx.recv());
    let (stalled, second) = with_line(&tx);
    assert_eq!(idle.poll(), Poll::Ready(Some(0)));
    stalled.forget();
    second.forget();
    let mut third = Task::waiting(tx.send(3));
    let mut polls = 0;
    while !third.poll().is_ready() {
        let _no_message = other.run();
        polls += 1;
        assert!(polls <= 2 * GRACE + 1, "two promises, {polls} polls");
    }
    assert_eq!(other.run().1, Poll::Ready(Some(3)));
}

/// The sender comes after its turn lapsed: it is in front of those that never had one.
#[test]
fn a_sender_that_comes_late() {
    let (tx, rx) = mpmc::channel(1);
    let (mut stalled, mut second) = with_line(&tx);
    let third = Task::waiting(tx.send(3));
    assert_eq!(rx.try_recv(), Ok(0));
    let mut recv = Task::waiting(rx.recv());
    while !second.is_woken() {
        assert!(recv.is_woken(), "nobody goes on");
        assert!(recv.poll().is_pending());
    }
    assert!(second.poll().is_ready());
    assert!(stalled.poll().is_pending());
    assert_eq!(recv.run().1, Poll::Ready(Some(2)));
    assert!(stalled.is_woken() && !third.is_woken());
    assert_eq!(stalled.poll(), Poll::Ready(Ok(())));
}

/// As long as the senders come, none of them loses its turn and no receiver spins.
#[test]
fn senders_that_come_keep_their_order() {
    let (tx, rx) = mpmc::channel(1);
    let mut idle: Vec<_> = (0..4).map(|_| Task::waiting(rx.recv())).collect();
    let (mut first, mut second) = with_line(&tx);
    assert_eq!(idle[0].poll(), Poll::Ready(Some(0)));
    assert!(idle[1].is_woken(), "it watches over the promise, and keeps its place");
    assert!(first.is_woken() && first.poll().is_ready());
    assert_eq!(idle[1].poll(), Poll::Ready(Some(1)));
    assert!(second.is_woken() && second.poll().is_ready());
    assert_eq!(idle[2].poll(), Poll::Ready(Some(2)));
    assert!(idle[3].run().0 <= 1, "a poll, and back to sleep");
}

/// Closed with a permit out and a promise to a sender that never comes: when the permit has come
/// back, the receivers are not left asleep.
#[test]
fn the_end_does_not_wait_for_a_forgotten_sender() {
    let (tx, rx) = mpmc::channel(2);
    let permit = tx.try_reserve().unwrap();
    tx.try_send(0).unwrap();
    let stalled = Task::waiting(tx.send(1));
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(stalled.is_woken());
    stalled.forget();
    rx.close();
    let mut line: Vec<_> = (0..3).map(|_| Task::waiting(rx.recv())).collect();
    drop(permit);
    // One of them is cancelled when it is woken to see to it.
    line.remove(0);
    let (polls, polled) = line[0].run();
    assert_eq!(polled, Poll::Ready(None));
    assert!(polls <= GRACE);
    assert_eq!(line[1].run().1, Poll::Ready(None));
}

/// A receiver that only ever tries sees that end, too.
#[test]
fn the_end_is_seen_by_trying() {
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(0).unwrap();
    let stalled = Task::waiting(tx.send(1));
    assert_eq!(rx.try_recv(), Ok(0));
    stalled.forget();
    rx.close();
    let tries = (1..=GRACE).find(|_| rx.try_recv() == Err(TryRecvError::Disconnected));
    assert!(tries.is_some(), "empty for ever");
}

/// And a receiver that only ever tries does not wedge the senders.
#[test]
fn a_receiver_that_only_tries() {
    let (tx, rx) = mpmc::channel(1);
    let (stalled, mut second) = with_line(&tx);
    assert_eq!(rx.try_recv(), Ok(0));
    stalled.forget();
    let tries = (1..=GRACE).find(|_| {
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        second.is_woken()
    });
    assert!(tries.is_some(), "blocked for ever");
    assert!(second.poll().is_ready());
    assert_eq!(rx.try_recv(), Ok(2));
}

/// A receiver in a `select!` whose other branch is always faster: each receive is polled once.
#[test]
fn a_receiver_that_is_cancelled_again_and_again() {
    let (tx, rx) = mpmc::channel(1);
    let (stalled, second) = with_line(&tx);
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(stalled.is_woken());
    for _ in 0..4 * GRACE {
        drop(Task::waiting(rx.recv()));
    }
    assert!(second.is_woken(), "empty channel, blocked sender, receivers that ask");
}
