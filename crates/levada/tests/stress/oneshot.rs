//! Both ends at once, in all the ways each can end.

use crate::shared::{Dice, Message, block_on, poll_for, rounds};
use levada::oneshot::error::TryRecvError;
use levada::oneshot::{self, Receiver, Sender};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

/// Whether it was sent.
fn send_somehow(mut tx: Sender<Message>, message: Message, dice: &mut Dice) -> bool {
    match dice.roll(4) {
        0 => return false,
        1 => drop(poll_for(tx.closed(), 1 + dice.roll(3))),
        2 if tx.is_closed() => return false,
        _ => {}
    }
    tx.send(message).is_ok()
}

/// What was received; not told if it was left to the channel to drop.
fn receive_somehow(mut rx: Receiver<Message>, dice: &mut Dice) -> Option<Option<Message>> {
    match dice.roll(5) {
        0 => return None,
        1 => {
            rx.close();
            return Some(rx.try_recv().ok());
        }
        2 => {
            if let Some(message) = poll_for(&mut rx, 1 + dice.roll(3)) {
                return Some(message.ok());
            }
            if dice.roll(2) == 0 {
                return None;
            }
        }
        3 => match rx.try_recv() {
            Ok(message) => return Some(Some(message)),
            Err(TryRecvError::Closed) => return Some(None),
            Err(TryRecvError::Empty) => {}
        },
        _ => {}
    }
    Some(block_on(rx).ok())
}

#[test]
fn both_ends() {
    let count = rounds(50_000);
    let alive = Arc::default();
    let (hand_over, taken) = mpsc::sync_channel::<Receiver<Message>>(4);
    let (sent, received) = thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut dice = Dice::new(1);
            let mut sent = Vec::new();
            for number in 0..count {
                let (tx, rx) = oneshot::channel();
                hand_over.send(rx).unwrap();
                sent.push(send_somehow(tx, Message::new(0, number, &alive), &mut dice));
            }
            drop(hand_over);
            sent
        });
        let mut dice = Dice::new(2);
        let received: Vec<_> = taken.iter().map(|rx| receive_somehow(rx, &mut dice)).collect();
        (sender.join().unwrap(), received)
    });
    assert_eq!((sent.len(), received.len()), (count as usize, count as usize));
    for (number, (sent, received)) in (0..).zip(sent.into_iter().zip(received)) {
        let Some(received) = received else { continue };
        assert_eq!(received.map(|message| message.number), sent.then_some(number));
    }
    // ORDERING: Relaxed, no pair: the threads were joined.
    assert_eq!(AtomicUsize::load(&alive, Ordering::Relaxed), 0, "messages were never dropped");
}
