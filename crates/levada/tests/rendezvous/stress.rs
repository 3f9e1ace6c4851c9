//! Sends with a limit, from many threads.

use levada::mpsc;
use std::thread;
use std::time::Duration;
use support::Dice;

const SENDERS: usize = 3;
const MESSAGES: usize = if cfg!(miri) { 20 } else { 2_000 };

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
