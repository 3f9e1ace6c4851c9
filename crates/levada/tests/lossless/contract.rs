//! Messages, bounds and order: guarantees 1 to 4 and 9.

use levada::broadcast::lossless::error::{RecvError, TryRecvError, TrySendError};
use levada::broadcast::lossless::{Receiver, Sender};
use levada::broadcast::{self, lossless};
use std::panic::catch_unwind;
use std::task::Poll;
use std::thread;
use support::{Task, now, poll_now};

fn fill(tx: &Sender<u64>, messages: impl Iterator<Item = u64>) {
    for message in messages {
        assert!(tx.try_send(message).is_ok());
    }
}

fn received(rx: &mut Receiver<u64>) -> Vec<u64> {
    std::iter::from_fn(|| rx.try_recv().ok()).collect()
}

/// 1, 2: whatever the capacity, it is exact, and every member gets everything.
#[test]
fn each_member_gets_everything_and_the_bound_is_exact() {
    for capacity in [1, 2, 3, 4, 5, 16, 17, 100] {
        let (tx, first) = broadcast::lossless(capacity);
        let mut members = [first, tx.subscribe(), tx.subscribe()];
        assert_eq!(tx.capacity(), capacity);
        let capacity = capacity as u64;
        for round in 0..5 {
            let from = round * capacity;
            fill(&tx, from..from + capacity);
            assert_eq!(tx.try_send(0), Err(TrySendError::Full(0)));
            // Two of them receive: the third holds the sender back.
            for rx in &mut members[..2] {
                assert_eq!(rx.lag(), capacity);
                assert!(received(rx).into_iter().eq(from..from + capacity));
            }
            assert_eq!(tx.try_send(0), Err(TrySendError::Full(0)));
            assert!(received(&mut members[2]).into_iter().eq(from..from + capacity));
        }
    }
}

/// 2: a receive of the slowest member makes room for one message, no matter which it is.
#[test]
fn the_slowest_member_decides() {
    let (tx, first) = broadcast::lossless(4);
    let mut members: Vec<_> =
        std::iter::once(first).chain((1..10).map(|_| tx.subscribe())).collect();
    fill(&tx, 0..4);
    for round in 0..40 {
        let slowest = round as usize % members.len();
        for (i, rx) in members.iter_mut().enumerate() {
            if i != slowest {
                assert_eq!(rx.try_recv(), Ok(round));
                assert_eq!(tx.try_send(0), Err(TrySendError::Full(0)), "{slowest} has not");
            }
        }
        assert_eq!(members[slowest].try_recv(), Ok(round));
        tx.try_send(round + 4).unwrap();
    }
}

/// 2: an observer is not waited for; 3: it is told exactly what it missed.
#[test]
fn observers_lag_and_are_told() {
    for capacity in [1, 2, 3, 8] {
        let kept = (capacity as u64).next_power_of_two();
        let (tx, mut member) = broadcast::lossless(capacity);
        let mut observer = tx.subscribe_lossy();
        assert!(!observer.is_member() && member.is_member());
        for message in 0..kept {
            assert_eq!(tx.try_send(message).unwrap(), 2);
            assert_eq!(member.try_recv(), Ok(message));
        }
        assert!(received(&mut observer).into_iter().eq(0..kept), "that far behind it misses none");
        for message in kept..4 * kept + 1 {
            tx.try_send(message).unwrap();
            assert_eq!(member.try_recv(), Ok(message));
        }
        assert_eq!(observer.lag(), 3 * kept + 1);
        assert_eq!(observer.try_recv(), Err(TryRecvError::Lagged(2 * kept + 1)));
        assert_eq!(tx.subscribers()[1].missed, 2 * kept + 1);
        assert!(received(&mut observer).into_iter().eq(3 * kept + 1..4 * kept + 1));
        assert_eq!(now(tx.send(9)).unwrap(), 2);
        assert_eq!(now(observer.recv()), Ok(9));
    }
}

/// Without members nothing is waited for; without receivers nothing is sent.
#[test]
fn without_members() {
    let (tx, rx) = broadcast::lossless(2);
    let mut observer = tx.subscribe_lossy();
    drop(rx);
    fill(&tx, 0..10);
    assert_eq!(observer.try_recv(), Err(TryRecvError::Lagged(8)));
    let mut late = tx.subscribe();
    fill(&tx, 10..12);
    assert_eq!(tx.try_send(12), Err(TrySendError::Full(12)), "there is a member again");
    assert!(received(&mut late).into_iter().eq(10..12), "from its subscription on");
    drop(late);
    drop(observer);
    assert_eq!(tx.try_send(1), Err(TrySendError::Closed(1)));
    assert_eq!(now(tx.send(2)).unwrap_err().0, 2);
    let mut again = tx.subscribe();
    fill(&tx, 3..5);
    assert!(received(&mut again).into_iter().eq(3..5));
}

/// 4: waiting senders are served in order, and a `try_send` does not overtake them.
#[test]
fn senders_are_served_in_order() {
    let (tx, mut rx) = broadcast::lossless(2);
    fill(&tx, 0..2);
    let mut sends: Vec<_> = (2..8).map(|n| Task::waiting(tx.send(n))).collect();
    for n in 0..6_u64 {
        assert_eq!(rx.try_recv(), Ok(n));
        assert_eq!(tx.try_send(99), Err(TrySendError::Full(99)), "it comes after those in line");
        let woken: Vec<_> = sends.iter().map(Task::is_woken).collect();
        assert_eq!(woken.iter().filter(|woken| **woken).count(), 1);
        assert!(woken[0], "the first in line");
        assert!(matches!(sends.remove(0).poll(), Poll::Ready(Ok(1))));
    }
    assert!(received(&mut rx).into_iter().eq(6..8));
}

/// 4, with several members: only the last of them to receive makes room.
#[test]
fn a_sender_waits_for_all_members() {
    let (tx, mut first) = broadcast::lossless(1);
    let (mut second, mut third) = (tx.subscribe(), tx.subscribe());
    for round in 0..10_u64 {
        tx.try_send(2 * round).unwrap();
        let mut send = Task::waiting(tx.send(2 * round + 1));
        let mut members = [&mut first, &mut second, &mut third];
        members.rotate_left(round as usize % 3);
        for (i, rx) in members.iter_mut().enumerate() {
            assert!(!send.is_woken() && send.poll().is_pending());
            assert_eq!(rx.try_recv(), Ok(2 * round));
            assert_eq!(send.is_woken(), i == 2, "all have received it");
        }
        assert!(matches!(send.poll(), Poll::Ready(Ok(3))));
        for rx in members {
            assert_eq!(rx.try_recv(), Ok(2 * round + 1));
        }
    }
}

/// 9: a cancelled send has sent nothing; if it was served, the next in line is.
#[test]
fn a_cancelled_send_passes_its_turn_on() {
    let (tx, mut rx) = broadcast::lossless(1);
    tx.try_send(0).unwrap();
    let (waiting, served) = (Task::waiting(tx.send(1)), Task::waiting(tx.send(2)));
    let mut last = Task::waiting(tx.send(3));
    drop(waiting);
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(served.is_woken() && !last.is_woken());
    drop(served);
    assert!(last.is_woken() && last.poll().is_ready());
    assert_eq!(received(&mut rx), [3]);
}

/// 9: a cancelled receive has received nothing.
#[test]
fn a_cancelled_receive_takes_nothing() {
    let (tx, mut rx) = broadcast::lossless(1);
    let recv = Task::waiting(rx.recv());
    tx.try_send(1).unwrap();
    assert!(recv.is_woken());
    drop(recv);
    assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!(rx.try_recv(), Ok(1));
    tx.try_send(2).unwrap();
}

/// The last receiver gets the message itself.
#[test]
fn the_last_one_gets_the_message_itself() {
    #[derive(Debug)]
    struct Original(bool);
    impl Clone for Original {
        fn clone(&self) -> Self {
            Self(false)
        }
    }
    // What needs no drop is cloned instead, for no more.
    impl Drop for Original {
        fn drop(&mut self) {}
    }
    let (tx, mut first) = broadcast::lossless(4);
    let (mut second, mut observer) = (tx.subscribe(), tx.subscribe_lossy());
    tx.try_send(Original(true)).unwrap();
    assert!(!first.try_recv().unwrap().0);
    assert!(!observer.try_recv().unwrap().0);
    assert!(second.try_recv().unwrap().0);
}

#[test]
fn capacities_out_of_range() {
    for capacity in [0, usize::MAX / 2 + 1] {
        assert!(catch_unwind(|| broadcast::lossless::<u8>(capacity)).is_err());
    }
    let (tx, mut rx) = broadcast::lossless(usize::MAX / 2);
    tx.try_send(1).unwrap();
    assert_eq!(rx.try_recv(), Ok(1));
}

/// Threads that block, on both ends.
#[test]
fn threads() {
    const MESSAGES: u64 = if cfg!(miri) { 50 } else { 2_000 };
    let (tx, rx) = broadcast::lossless(3);
    let members: Vec<_> = std::iter::once(rx).chain((1..3).map(|_| tx.subscribe())).collect();
    let sender = thread::spawn(move || {
        (0..MESSAGES).for_each(|n| assert_eq!(tx.blocking_send(n).unwrap(), 3));
    });
    let members = members.into_iter().map(|mut rx| {
        thread::spawn(move || {
            for n in 0..MESSAGES {
                assert_eq!(rx.blocking_recv(), Ok(n));
            }
            assert_eq!(rx.blocking_recv(), Err(RecvError::Closed));
        })
    });
    for thread in members.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
    sender.join().unwrap();
}

#[test]
#[should_panic(expected = "`Send` was polled after it was ready")]
fn a_send_is_polled_once_too_often() {
    let (tx, _rx) = broadcast::lossless(4);
    let mut send = Task::new(tx.send(1));
    assert!(send.poll().is_ready());
    drop(send.poll());
}

#[test]
fn handles_tell_their_channel() {
    let (tx, rx) = lossless::builder::<u8>(4).named("events").build();
    let (other, _rx) = broadcast::lossless::<u8>(4);
    assert!(tx.same_channel(&tx.clone()) && !tx.same_channel(&other));
    assert_eq!((tx.strong_count(), tx.receiver_count()), (1, 1));
    assert!(poll_now(tx.closed()).is_pending());
    assert!(rx.resubscribe().is_member() && !tx.subscribe_lossy().resubscribe().is_member());
    assert_eq!(
        format!("{tx:?} {rx:?}"),
        "broadcast::lossless::Sender broadcast::lossless::Receiver"
    );
}
