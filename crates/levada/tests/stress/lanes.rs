//! Lanes: in each lane senders in all the ways there are, and one receiver, or several that come
//! and go.

use crate::shared::{Dice, Message, account, block_on, poll_and_forget, poll_for, rounds};
use crate::{mpmc as mpmc_tests, mpsc as mpsc_tests};
use levada::mpsc::error::TryRecvError;
use levada::mpsc::lanes::Serve;
use levada::{mpmc, mpsc};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const LANES: usize = 3;
/// Senders of each lane.
const SENDERS: u64 = 2;
const ALL: u64 = SENDERS * LANES as u64;
const CAPACITIES: [usize; LANES] = [1, 2, 16];
const SERVES: [Serve<LANES>; 3] =
    [Serve::Strict, Serve::Weighted([3, 2, 1]), Serve::Aged(Duration::from_micros(50))];

/// The lane of a message: a sender's number says where it sends.
fn lane_of(message: &Message) -> usize {
    message.sender as usize % LANES
}

/// Takes the lane along, which is checked.
fn checked(received: (usize, Message)) -> Message {
    let (lane, message) = received;
    assert_eq!(lane, lane_of(&message), "a message of another lane");
    message
}

/// Receives to the end; closes the channel after `enough` messages.
fn receive_all(mut rx: mpsc::lanes::Receiver<Message, LANES>, enough: u64) -> Vec<Message> {
    let mut dice = Dice::new(99);
    let mut received = Vec::new();
    loop {
        if received.len() as u64 >= enough {
            rx.close();
        }
        let message = match dice.roll(3) {
            0 => match rx.try_recv_with_lane() {
                Ok(received) => Some(checked(received)),
                Err(TryRecvError::Empty) => {
                    thread::yield_now();
                    continue;
                }
                Err(TryRecvError::Disconnected) => None,
            },
            1 => match poll_for(rx.recv_with_lane(), 1 + dice.roll(3)) {
                Some(received) => received.map(checked),
                None => continue,
            },
            _ => block_on(rx.recv()),
        };
        let Some(message) = message else { return received };
        received.push(message);
    }
}

fn hammer_one(serve: Serve<LANES>, count: u64, enough: u64) {
    let alive = Arc::default();
    let (tx, rx) = mpsc::lanes(CAPACITIES, serve);
    let (sent, received) = thread::scope(|scope| {
        let senders: Vec<_> = (0..ALL)
            .map(|sender| {
                let (tx, alive) = (tx.lane(sender as usize % LANES).clone(), &alive);
                scope.spawn(move || mpsc_tests::senders::send_all(tx, sender, count, alive))
            })
            .collect();
        drop(tx);
        // A forgotten future has a sender, so only closing ends the channel.
        let receiver = scope.spawn(move || receive_all(rx, enough));
        let sent: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        (sent, receiver.join().unwrap())
    });
    assert!(received.len() as u64 >= enough, "{} of {enough}", received.len());
    account(&sent, vec![received], &alive);
}

#[test]
fn one_receiver() {
    let count = rounds(3_000);
    SERVES.into_iter().for_each(|serve| hammer_one(serve, count, ALL * count));
}

#[test]
fn one_receiver_that_closes_on_the_way() {
    let count = if cfg!(miri) { 2 } else { 50 };
    for round in 0..rounds(200).max(3) {
        hammer_one(SERVES[round as usize % 3], count, round % (2 * count));
    }
}

/// What the receivers of a run share.
#[derive(Clone, Copy)]
struct Goal<'a> {
    total: &'a AtomicU64,
    /// The receiver that brings the total to this closes the channel.
    enough: u64,
    /// How many receives each receiver forgets. Then none sleeps, because a message that has woken
    /// a forgotten one is had by a receiver that asks.
    forgets: u64,
}

type ManyReceiver = mpmc::lanes::Receiver<Message, LANES>;

/// Receives to the end.
fn receive_some(mut rx: ManyReceiver, seed: u64, goal: Goal<'_>) -> Vec<Message> {
    let mut dice = Dice::new(seed);
    let mut forgets = goal.forgets;
    let mut received = Vec::new();
    loop {
        let polled = match dice.roll(6) {
            0 => match rx.try_recv_with_lane() {
                Ok(received) => Some(Some(checked(received))),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(None),
            },
            1 | 2 => poll_for(rx.recv_with_lane(), 1 + dice.roll(3)).map(|it| it.map(checked)),
            3 => {
                // Another one takes its place.
                rx = rx.clone();
                None
            }
            4 if forgets > 0 => {
                forgets -= 1;
                // As a task that is not polled any more; its receiver stays.
                let forgotten: &'static ManyReceiver = ::support::leak(rx.clone());
                poll_and_forget(forgotten.recv())
            }
            _ if goal.forgets > 0 => None,
            _ => Some(block_on(rx.recv())),
        };
        let ended = matches!(polled, Some(None));
        let new = polled.flatten();
        let count = u64::from(new.is_some());
        received.extend(new);
        // ORDERING: AcqRel pairs with itself: one of the receivers finds the total.
        if goal.total.fetch_add(count, Ordering::AcqRel) + count >= goal.enough {
            rx.close();
        }
        if ended {
            return received;
        }
        if count == 0 {
            thread::yield_now();
        }
    }
}

fn hammer_many(serve: Serve<LANES>, count: u64, enough: u64, forgets: u64) {
    let alive = Arc::default();
    let total = AtomicU64::new(0);
    let goal = Goal { total: &total, enough, forgets };
    let (tx, rx) = mpmc::lanes(CAPACITIES, serve);
    let (sent, received) = thread::scope(|scope| {
        let senders: Vec<_> = (0..ALL)
            .map(|sender| {
                let (tx, alive) = (tx.lane(sender as usize % LANES).clone(), &alive);
                scope.spawn(move || mpmc_tests::senders::send_all(tx, sender, count, alive))
            })
            .collect();
        let receivers: Vec<_> = (0..3)
            .map(|seed| {
                let rx = rx.clone();
                scope.spawn(move || receive_some(rx, seed, goal))
            })
            .collect();
        drop((tx, rx));
        let sent: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        let received = receivers.into_iter().map(|receiver| receiver.join().unwrap());
        (sent, received.collect::<Vec<_>>())
    });
    let count = received.iter().map(Vec::len).sum::<usize>() as u64;
    assert!(count >= enough, "{count} of {enough}");
    account(&sent, received, &alive);
}

#[test]
fn many_receivers() {
    let count = rounds(3_000);
    SERVES.into_iter().for_each(|serve| hammer_many(serve, count, ALL * count, 0));
}

#[test]
fn many_receivers_that_are_forgotten() {
    let count = rounds(500);
    SERVES.into_iter().for_each(|serve| hammer_many(serve, count, ALL * count, 5));
}

#[test]
fn many_receivers_of_which_one_closes_on_the_way() {
    let count = if cfg!(miri) { 2 } else { 50 };
    for round in 0..rounds(200).max(3) {
        hammer_many(SERVES[round as usize % 3], count, round % (2 * count), round % 2 * 5);
    }
}
