//! Many threads at once: nothing is lost, nothing comes twice, and all of it ends.

use levada::broadcast;
use levada::broadcast::lossless::error::RecvError;
use levada::broadcast::lossless::{Receiver, Sender};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use support::{Dice, Drops};

const SENDERS: usize = 3;
const MESSAGES: usize = if cfg!(miri) { 20 } else { 3_000 };

#[derive(Clone)]
struct Numbered {
    sender: usize,
    number: usize,
    _alive: Drops,
}

fn send_all(tx: &Sender<Numbered>, sender: usize, drops: &Drops) {
    for number in 0..MESSAGES {
        let message = Numbered { sender, number, _alive: drops.message() };
        assert!(tx.blocking_send(message).is_ok());
    }
}

/// Receives to the end: how many of each sender, in order.
fn receive_all(rx: &mut Receiver<Numbered>) -> [usize; SENDERS] {
    let mut next = [0; SENDERS];
    loop {
        match rx.blocking_recv() {
            Ok(message) => {
                assert_eq!(message.number, next[message.sender], "in order, each once");
                next[message.sender] += 1;
            }
            Err(RecvError::Closed) => return next,
            Err(error) => panic!("a member gets everything: {error}"),
        }
    }
}

/// Observers and other members come, lag, are evicted and go, while two members get everything.
#[test]
fn members_get_everything_while_others_come_and_go() {
    for capacity in [1, 4, 64] {
        let drops = Drops::default();
        let (tx, rx) = broadcast::lossless(capacity);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let members =
                [rx, tx.subscribe()].map(|mut rx| scope.spawn(move || receive_all(&mut rx)));
            let senders: Vec<_> = (0..SENDERS)
                .map(|sender| {
                    let (tx, drops) = (tx.clone(), &drops);
                    scope.spawn(move || send_all(&tx, sender, drops))
                })
                .collect();
            let (coming, is_over) = (tx.clone(), &is_over);
            let visitors = scope.spawn(move || visit(&coming, is_over));
            for sender in senders {
                sender.join().unwrap();
            }
            // ORDERING: SeqCst, no pair: a test's own flag.
            is_over.store(true, Ordering::SeqCst);
            drop(tx);
            let missed = visitors.join().unwrap();
            println!("capacity {capacity}: visitors missed {missed}");
            for member in members {
                assert_eq!(member.join().unwrap(), [MESSAGES; SENDERS]);
            }
        });
        assert_eq!(drops.alive(), 0);
    }
}

fn visit(tx: &Sender<Numbered>, is_over: &AtomicBool) -> u64 {
    let mut dice = Dice::new(3);
    let mut missed = 0;
    // ORDERING: SeqCst, no pair: a test's own flag.
    while !is_over.load(Ordering::SeqCst) {
        let mut rx = if dice.below(2) == 0 { tx.subscribe() } else { tx.subscribe_lossy() };
        for _ in 0..dice.below(20) {
            if let Err(broadcast::lossless::error::TryRecvError::Lagged(more)) = rx.try_recv() {
                assert!(!rx.is_member());
                missed += more;
            }
        }
        if dice.below(2) == 0 {
            assert!(tx.evict(rx.id()));
            assert!(rx.try_recv().is_err());
        }
    }
    missed
}

/// Tasks on a runtime with several threads: sends that are cancelled at any time, and members
/// that are.
#[test]
fn cancelled_sends_lose_no_turn() {
    const ROUNDS: usize = if cfg!(miri) { 10 } else { 2_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    runtime.block_on(async {
        let drops = Drops::default();
        let (tx, rx) = broadcast::lossless(2);
        let members = [rx, tx.subscribe()].map(|mut rx| {
            tokio::spawn(async move {
                let mut received = 0;
                while rx.recv().await.is_ok() {
                    received += 1;
                }
                received
            })
        });
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (tx, drops) = (tx.clone(), drops.clone());
                tokio::spawn(async move {
                    let mut sent = 0;
                    for number in 0..ROUNDS {
                        let message = Numbered { sender, number, _alive: drops.message() };
                        let send = tx.send(message);
                        if number % 3 == 0 {
                            tokio::select! {
                                biased;
                                result = send => { result.ok().unwrap(); sent += 1 }
                                () = tokio::task::yield_now() => {}
                            }
                        } else {
                            send.await.ok().unwrap();
                            sent += 1;
                        }
                    }
                    sent
                })
            })
            .collect();
        drop(tx);
        let mut sent = 0;
        for sender in senders {
            sent += sender.await.unwrap();
        }
        for member in members {
            assert_eq!(member.await.unwrap(), sent);
        }
        assert_eq!(drops.alive(), 0);
    });
}
