//! Which lane is served: guarantees 1 to 3.

use levada::mpsc::error::{TryRecvError, TrySendError};
use levada::mpsc::lanes::Serve;
use levada::{mpmc, mpsc};
use std::collections::VecDeque;
use std::panic::catch_unwind;
use std::task::Poll;
use std::time::Duration;
use support::{Dice, Task, now};

/// 1: each lane is a channel, with its own bound and its own line.
#[test]
fn a_full_lane_holds_back_its_own_senders_only() {
    let (tx, mut rx) = mpsc::lanes([1, 2], Serve::Strict);
    tx.lane(0).try_send(0).unwrap();
    assert_eq!(tx.lane(0).try_send(1), Err(TrySendError::Full(1)));
    let mut waits = Task::waiting(tx.lane(0).send(2));
    tx.lane(1).try_send(10).unwrap();
    tx.lane(1).try_send(11).unwrap();
    let mut low = Task::waiting(tx.lane(1).send(12));
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(waits.is_woken() && !low.is_woken());
    assert!(waits.poll().is_ready());
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(2), Ok(10)));
    assert!(low.is_woken() && low.poll().is_ready());
    assert_eq!((rx.len(), rx.lane_len(0), rx.lane_len(1)), (2, 0, 2));
}

/// 2: strict means that the highest lane that has a message is served.
#[test]
fn strict() {
    let (tx, mut rx) = mpsc::lanes([9, 9, 9], Serve::Strict);
    for lane in [2, 1, 2, 0, 1] {
        tx.lane(lane).try_send(lane).unwrap();
    }
    let (many, one) = mpmc::lanes([9, 9, 9], Serve::Strict);
    for lane in [2, 1, 2, 0, 1] {
        many.lane(lane).try_send(lane).unwrap();
    }
    for expected in [0, 1, 1, 2, 2] {
        assert_eq!(now(rx.recv_with_lane()), Some((expected, expected)));
        assert_eq!(now(one.recv_with_lane()), Some((expected, expected)));
    }
    assert_eq!(
        (rx.try_recv(), one.try_recv()),
        (Err(TryRecvError::Empty), Err(TryRecvError::Empty))
    );
}

/// 3: in turns, also if each message is received by another call or another receiver.
#[test]
fn weighted() {
    let serve = Serve::Weighted([3, 2, 1]);
    let (tx, mut rx) = mpsc::lanes([99, 99, 99], serve);
    let (many, one) = mpmc::lanes([99, 99, 99], serve);
    for n in 0..60 {
        tx.lane(n % 3).try_send(n % 3).unwrap();
        many.lane(n % 3).try_send(n % 3).unwrap();
    }
    for _ in 0..3 {
        for expected in [0, 0, 0, 1, 1, 2] {
            assert_eq!(rx.try_recv(), Ok(expected));
            let worker = one.clone();
            assert_eq!(now(worker.recv()), Some(expected), "they share the turns");
        }
    }
}

/// 3: no lane waits longer than twice the numbers of the others, whatever is sent.
#[test]
fn weighted_lanes_do_not_starve() {
    let weights = [5, 1, 3];
    let (tx, mut rx) = mpsc::lanes([50; 3], Serve::Weighted(weights));
    let mut dice = Dice::new(3);
    let mut waited = [0; 3];
    let mut received = 0;
    for _ in 0..3_000 {
        for lane in 0..3 {
            if dice.roll(3) > 0 {
                let _ = tx.lane(lane).try_send(lane);
            }
        }
        for _ in 0..dice.below(3) {
            let there: Vec<_> = (0..3).map(|lane| rx.lane_len(lane) > 0).collect();
            let Ok(served) = rx.try_recv() else { break };
            received += 1;
            for lane in 0..3 {
                waited[lane] = if lane == served || !there[lane] { 0 } else { waited[lane] + 1 };
                let others = weights.iter().sum::<u32>() - weights[lane];
                assert!(waited[lane] <= 2 * others, "lane {lane} waits for {waited:?}");
            }
        }
    }
    assert!(received > 1_000);
}

/// 3: a lane that was passed over for long enough comes first, once.
#[test]
fn aged() {
    let (tx, mut rx) = mpsc::lanes([99, 99], Serve::Aged(Duration::ZERO));
    for n in 0..6 {
        tx.lane(0).try_send(0).unwrap();
        if n < 3 {
            tx.lane(1).try_send(1).unwrap();
        }
    }
    let received: Vec<_> = std::iter::from_fn(|| rx.try_recv().ok()).collect();
    assert_eq!(received, [0, 1, 0, 1, 0, 1, 0, 0, 0]);

    let (tx, mut rx) = mpsc::lanes([99, 99], Serve::Aged(Duration::from_secs(3600)));
    for _ in 0..3 {
        tx.lane(0).try_send(0).unwrap();
        tx.lane(1).try_send(1).unwrap();
    }
    let received: Vec<_> = std::iter::from_fn(|| rx.try_recv().ok()).collect();
    assert_eq!(received, [0, 0, 0, 1, 1, 1], "not in this hour");

    // As long as it takes: the receiver goes on receiving, and the low lane comes.
    let age = Duration::from_millis(5);
    let (tx, rx) = mpmc::lanes([2, 2], Serve::Aged(age));
    tx.lane(1).try_send(1).unwrap();
    let started = std::time::Instant::now();
    loop {
        tx.lane(0).try_send(0).unwrap();
        if rx.try_recv() == Ok(1) {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "it starves");
    }
    assert!(started.elapsed() >= age);
}

/// 2, 5: a receive that waits takes the highest lane there is when it is polled; one that is
/// dropped has taken nothing.
#[test]
fn a_receive_that_waits() {
    let (tx, mut rx) = mpsc::lanes([9, 9], Serve::Strict);
    let mut recv = Task::waiting(rx.recv_with_lane());
    tx.lane(1).try_send("low").unwrap();
    assert!(recv.is_woken());
    tx.lane(0).try_send("high").unwrap();
    assert_eq!(recv.poll(), Poll::Ready(Some((0, "high"))));
    drop(recv);
    let cancelled = Task::new(rx.recv());
    drop(cancelled);
    assert_eq!(rx.try_recv(), Ok("low"));

    let cancelled = Task::waiting(rx.recv());
    tx.lane(1).try_send("again").unwrap();
    assert!(cancelled.is_woken());
    drop(cancelled);
    assert_eq!(rx.blocking_recv(), Some("again"));
}

/// 1, 2: all operations at random against plain queues.
#[test]
fn a_random_walk() {
    for seed in 0..100 {
        let mut dice = Dice::new(seed);
        let (tx, mut rx) = mpsc::lanes([1, 3, 5], Serve::Strict);
        let (many, one) = mpmc::lanes([1, 3, 5], Serve::Strict);
        let mut model = [(); 3].map(|()| VecDeque::new());
        for n in 0..100 {
            let lane = dice.below(3);
            if dice.roll(2) == 0 {
                let is_full = model[lane].len() == [1, 3, 5][lane];
                let expected = if is_full { Err(TrySendError::Full(n)) } else { Ok(()) };
                assert_eq!(tx.lane(lane).try_send(n), expected);
                assert_eq!(many.lane(lane).try_send(n), expected);
                if !is_full {
                    model[lane].push_back(n);
                }
            } else {
                let expected = model.iter_mut().find_map(VecDeque::pop_front);
                let expected = expected.ok_or(TryRecvError::Empty);
                assert_eq!((rx.try_recv(), one.try_recv()), (expected, expected));
            }
            assert_eq!(rx.len(), model.iter().map(VecDeque::len).sum());
            assert_eq!((one.len(), one.is_empty()), (rx.len(), rx.is_empty()));
        }
    }
}

#[test]
fn misuse() {
    assert!(catch_unwind(|| mpsc::lanes::<u8, 0>([], Serve::Strict)).is_err());
    assert!(catch_unwind(|| mpmc::lanes::<u8, 0>([], Serve::Strict)).is_err());
    assert!(catch_unwind(|| mpsc::lanes::<u8, 2>([1, 0], Serve::Strict)).is_err());
    assert!(catch_unwind(|| mpsc::lanes::<u8, 2>([1, 1], Serve::Weighted([1, 0]))).is_err());
    let (tx, rx) = mpsc::lanes::<u8, 2>([1, 1], Serve::Strict);
    assert!(catch_unwind(|| drop(tx.lane(2).clone())).is_err());
    assert!(catch_unwind(|| rx.lane_len(2)).is_err());
    assert!(!format!("{tx:?}{rx:?}").is_empty());
}
