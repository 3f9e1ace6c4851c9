//! Many threads at once: nothing is lost, nothing comes twice, and all of it ends.

use levada::mpsc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use support::{Dice, Drops, Task};

const SENDERS: usize = 3;
const MESSAGES: usize = if cfg!(miri) { 20 } else { 2_000 };

#[test]
fn everything_is_handed_over_once_and_in_order() {
    let drops = Drops::default();
    let (tx, mut rx) = mpsc::rendezvous();
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (tx, drops) = (tx.clone(), &drops);
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    assert!(tx.blocking_send((sender, number, drops.message())).is_ok());
                }
            });
        }
        drop(tx);
        let mut next = [0; SENDERS];
        while let Some((sender, number, _alive)) = rx.blocking_recv() {
            assert_eq!(number, next[sender], "in order, each once");
            next[sender] += 1;
        }
        assert_eq!(next, [MESSAGES; SENDERS]);
    });
    assert_eq!(drops.alive(), 0);
}

/// Sends and receives that give up at any poll: what was sent was received.
#[test]
fn both_sides_give_up() {
    let drops = Drops::default();
    let (tx, mut rx) = mpsc::rendezvous();
    let sent = AtomicUsize::new(0);
    let received = thread::scope(|scope| {
        for seed in 0..SENDERS as u64 {
            let (tx, drops, sent) = (tx.clone(), &drops, &sent);
            scope.spawn(move || {
                let mut dice = Dice::new(seed);
                for _ in 0..MESSAGES {
                    let mut send = Task::new(tx.send(drops.message()));
                    let is_sent = (0..dice.below(50)).any(|_| {
                        thread::yield_now();
                        send.poll().is_ready()
                    });
                    // ORDERING: SeqCst, no pair: a test's own count.
                    sent.fetch_add(usize::from(is_sent), Ordering::SeqCst);
                }
                assert!(tx.blocking_send(drops.message()).is_ok());
            });
        }
        drop(tx);
        let mut received = 0;
        loop {
            for _ in 0..3 {
                let mut recv = Task::new(rx.recv());
                received += usize::from(matches!(recv.poll(), std::task::Poll::Ready(Some(_))));
            }
            if rx.blocking_recv().is_none() {
                return received;
            }
            received += 1;
        }
    });
    // ORDERING: SeqCst, no pair: a test's own count.
    let sent = sent.load(Ordering::SeqCst) + SENDERS;
    // A send may have been dropped before it learned that its message was taken.
    assert!(received >= sent && received <= SENDERS * (MESSAGES + 1), "{received} of {sent}");
    assert_eq!(drops.alive(), 0);
}

/// A limit passes all the time: what the senders count as sent is what was received.
#[test]
fn a_send_with_a_limit_knows_whether_it_was_received() {
    let (tx, mut rx) = mpsc::rendezvous();
    let receiver = thread::spawn(move || std::iter::from_fn(|| rx.blocking_recv()).count());
    let senders: Vec<_> = (0..SENDERS as u64)
        .map(|seed| {
            let tx = tx.clone();
            thread::spawn(move || {
                let mut dice = Dice::new(seed);
                let limit = |dice: &mut Dice| Duration::from_nanos(dice.below(2_000) as u64);
                let sent = (0..MESSAGES)
                    .filter(|n| tx.blocking_send_timeout(*n, limit(&mut dice)).is_ok())
                    .count();
                assert!(tx.blocking_send(MESSAGES).is_ok());
                sent + 1
            })
        })
        .collect();
    drop(tx);
    let sent: usize = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
    assert_eq!(receiver.join().unwrap(), sent);
}
