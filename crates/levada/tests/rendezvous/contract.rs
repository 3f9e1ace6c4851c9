//! Which side has the message, and the order: guarantees 1 to 3 and 5.

use levada::mpsc;
use levada::mpsc::error::{SendTimeoutError, TryRecvError};
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use support::{Dice, Drops, Task, now, poll_now};

/// 2: a send is ready when its message was taken, and not before.
#[test]
fn a_send_waits_until_its_message_is_taken() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut send = Task::waiting(tx.send(1));
    assert_eq!(rx.len(), 1);
    assert!(send.poll().is_pending() && !send.is_woken());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(send.is_woken());
    assert_eq!(send.poll(), Poll::Ready(Ok(())));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert!(rx.is_empty());
}

/// 2: the receiver waits first. The message is handed over by its poll, not by the send's.
#[test]
fn a_receiver_that_waits() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut recv = Task::waiting(rx.recv());
    let mut send = Task::waiting(tx.send(1));
    assert!(recv.is_woken());
    assert!(send.poll().is_pending(), "the receiver was woken, and may be dropped still");
    assert_eq!(recv.poll(), Poll::Ready(Some(1)));
    assert!(send.is_woken() && send.poll().is_ready());
}

/// 1, 5: the receiver gives up after it was woken: the sender has its message, and the next receive
/// gets it.
#[test]
fn a_cancelled_receive_takes_nothing() {
    let (tx, mut rx) = mpsc::rendezvous();
    let recv = Task::waiting(rx.recv());
    let mut send = Task::waiting(tx.send(1));
    assert!(recv.is_woken());
    drop(recv);
    assert!(send.poll().is_pending());
    assert_eq!(now(rx.recv()), Some(1));
    assert!(send.poll().is_ready());
}

/// 1, 2: the sender gives up: its message is dropped with the future, and not received.
#[test]
fn a_cancelled_send_sends_nothing() {
    let drops = Drops::default();
    let (tx, mut rx) = mpsc::rendezvous();
    drop(tx.send(drops.message()));
    let first = Task::waiting(tx.send(drops.message()));
    let mut second = Task::waiting(tx.send(drops.message()));
    assert_eq!((drops.alive(), rx.len()), (2, 2));
    drop(first);
    assert_eq!((drops.alive(), rx.len()), (1, 1));
    assert!(now(rx.recv()).is_some());
    assert!(second.poll().is_ready());
    assert_eq!(drops.alive(), 0);

    // It was woken for its message: the receive that it woke finds nothing.
    let mut recv = Task::waiting(rx.recv());
    drop(Task::waiting(tx.send(drops.message())));
    assert!(recv.is_woken() && recv.poll().is_pending());
    assert_eq!(drops.alive(), 0);
}

/// 2: it was taken between its last poll and the drop: it was received, once.
#[test]
fn a_send_that_is_dropped_after_its_message_was_taken() {
    let (tx, mut rx) = mpsc::rendezvous();
    let send = Task::waiting(tx.send(1));
    assert_eq!(rx.try_recv(), Ok(1));
    // Another sender has the slot of the first one now.
    let mut other = Task::waiting(tx.send(2));
    drop(send);
    assert_eq!((rx.len(), rx.try_recv()), (1, Ok(2)));
    assert!(other.poll().is_ready());
}

/// 2: the limit passes just after the message was taken: it was sent. Else it comes back.
#[test]
fn a_send_that_is_stopped_says_whether_it_was_received() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut taken = None;
    let stop = poll_fn(|_| {
        taken = rx.try_recv().ok();
        Poll::Ready(())
    });
    assert_eq!(now(tx.send_until(1, stop)), Ok(()));
    assert_eq!(taken, Some(1));

    assert_eq!(now(tx.send_until(2, ready(()))), Err(SendTimeoutError::Timeout(2)));
    assert_eq!(tx.blocking_send_timeout(3, Duration::ZERO), Err(SendTimeoutError::Timeout(3)));
    let deadline = Instant::now();
    assert_eq!(tx.blocking_send_deadline(4, deadline), Err(SendTimeoutError::Timeout(4)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));

    let mut send = Task::waiting(tx.send_until(5, pending::<()>()));
    rx.close();
    assert_eq!(send.poll(), Poll::Ready(Err(SendTimeoutError::Closed(5))));
    assert_eq!(now(tx.send_until(6, ready(()))), Err(SendTimeoutError::Closed(6)));
    assert_eq!(tx.blocking_send_deadline(7, deadline), Err(SendTimeoutError::Closed(7)));
}

/// 2: `cancel` has the message, or the receiver has it.
#[test]
fn a_send_that_is_cancelled_has_its_message_back_or_was_received() {
    let drops = Drops::default();
    let (tx, mut rx) = mpsc::rendezvous();
    let mut unpolled = pin!(tx.send(drops.message()));
    assert!(unpolled.as_mut().cancel().is_some() && unpolled.cancel().is_none());

    let mut waits = pin!(tx.send(drops.message()));
    assert!(poll_now(waits.as_mut()).is_pending());
    assert!(waits.as_mut().cancel().is_some() && waits.cancel().is_none());
    assert_eq!((drops.alive(), rx.len()), (0, 0));

    let mut taken = pin!(tx.send(drops.message()));
    assert!(poll_now(taken.as_mut()).is_pending());
    assert!(rx.try_recv().is_ok());
    // Another sender has the slot of the first one now.
    let mut other = Task::waiting(tx.send(drops.message()));
    assert!(taken.cancel().is_none());
    assert!(rx.try_recv().is_ok() && other.poll().is_ready());
}

/// 3: first in, first out, also where some in the middle give up, and one moves to another task.
#[test]
fn senders_are_served_in_order() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut sends: Vec<_> = (0..5).map(|n| Some(Task::waiting(tx.send(n)))).collect();
    sends[1] = None;
    assert!(sends[0].as_mut().unwrap().poll_elsewhere().is_pending());
    for n in [0, 2, 3, 4] {
        assert_eq!(rx.try_recv(), Ok(n));
        let send = sends[n].as_mut().unwrap();
        assert!(send.is_woken() && send.poll().is_ready());
    }
}

/// 3: a sender that is forgotten is served in its turn, and holds nothing up.
#[test]
fn a_forgotten_sender_holds_nothing_up() {
    let (tx, mut rx) = mpsc::rendezvous();
    Task::waiting(tx.send(1)).forget();
    let mut live = Task::waiting(tx.send(2));
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(1), Ok(2)));
    assert!(live.poll().is_ready());
    Task::waiting(tx.send(3)).forget();
    drop(live);
    drop(tx);
    assert_eq!((now(rx.recv()), now(rx.recv())), (Some(3), None));
}

/// 1 to 3: a random walk against a plain queue.
#[test]
fn a_random_walk() {
    let mut received = 0;
    for seed in 0..100 {
        let mut dice = Dice::new(seed);
        let (tx, mut rx) = mpsc::rendezvous();
        let mut sends = Vec::new();
        for n in 0..100 {
            match dice.roll(4) {
                0 | 1 => sends.push((n, Task::waiting(tx.send(n)))),
                2 if !sends.is_empty() => drop(sends.remove(dice.below(sends.len()))),
                _ if sends.is_empty() => assert_eq!(rx.try_recv(), Err(TryRecvError::Empty)),
                _ => {
                    let (n, mut send) = sends.remove(0);
                    let polled =
                        if dice.roll(2) == 0 { rx.try_recv().ok() } else { now(rx.recv()) };
                    assert_eq!(polled, Some(n));
                    assert!(send.is_woken() && send.poll().is_ready());
                    received += 1;
                }
            }
            assert_eq!(rx.len(), sends.len());
            assert!(sends.iter_mut().all(|(_, send)| send.poll().is_pending()));
        }
    }
    assert!(received > 1_000);
}

#[test]
fn handles() {
    let (tx, mut rx) = mpsc::rendezvous::<u8>();
    let weak = tx.downgrade();
    let again = weak.clone().upgrade().unwrap();
    assert!(again.same_channel(&tx) && tx.strong_count() == 2);
    assert!(!format!("{tx:?}{rx:?}{weak:?}").is_empty());
    drop((tx, again));
    assert!(weak.upgrade().is_none() && rx.is_closed());
    assert_eq!(poll_now(rx.recv()), Poll::Ready(None));
}
