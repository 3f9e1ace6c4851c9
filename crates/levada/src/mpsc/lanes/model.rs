//! Models of a receiver that waits in several lanes.
#![forbid(unsafe_code)]

use super::Serve;
use crate::mpsc;
use crate::prim::{block_on, model, thread};

/// Guarantee 4: it sleeps in both lanes, and whichever is used wakes it, also at the end.
#[test]
fn either_lane_wakes_the_receiver() {
    model(|| {
        let (tx, mut rx) = mpsc::lanes([1, 1], Serve::Strict);
        let senders = tx.into_lanes().map(|lane| thread::spawn(move || lane.try_send(1).is_ok()));
        let mut received = 0;
        while block_on(rx.recv()).is_some() {
            received += 1;
        }
        assert_eq!(received, 2);
        for sender in senders {
            assert!(sender.join().unwrap());
        }
    });
}

/// A sender that waits in the low lane is woken when its lane is served.
#[test]
fn a_sender_of_the_low_lane_waits_for_its_own_lane() {
    model(|| {
        let (tx, mut rx) = mpsc::lanes([1, 1], Serve::Weighted([1, 1]));
        assert!(tx.lane(0).try_send(0).is_ok() && tx.lane(1).try_send(1).is_ok());
        let [_, low] = tx.into_lanes();
        let sender = thread::spawn(move || assert!(block_on(low.send(2)).is_ok()));
        let mut received = Vec::new();
        while let Some(message) = block_on(rx.recv()) {
            received.push(message);
        }
        assert_eq!(received, [0, 1, 2]);
        sender.join().unwrap();
    });
}
