//! Receivers that are too slow for the capacity, where the channel overwrites: lossless channels
//! wait. fibre's topics drop what is new and do not tell how much: nothing could be checked.

use crate::cell::{Cell, Round, contenders};
use crate::contenders::broadcasts::{AsyncBroadcast, Levada, Tokio};
use crate::kinds::broadcast::{Broadcast as _, Overwriting};
use crate::message::Message;
use std::time::{Duration, Instant};

const CAPACITY: usize = 16;

pub(crate) fn cells() -> Vec<Cell> {
    vec![overwritten(), caught_up()]
}

fn overwritten() -> Cell {
    let about = "A message is sent, which overwrites one that the receiver has not seen.";
    let contenders = contenders!(
        C => |n| Round::Time(sent_to_a_sleeper::<C>(n));
        [Levada, Tokio, AsyncBroadcast]
    );
    Cell::timed(format!("broadcast/lag/send/none-1-1/cap-{CAPACITY}/u64"), about, contenders)
}

fn sent_to_a_sleeper<C: Overwriting>(n: u64) -> Duration {
    let (mut sender, mut receiver) = C::overwriting::<usize>(CAPACITY);
    let start = Instant::now();
    for number in 0..n {
        C::try_send(&mut sender, <usize as Message>::new(number));
    }
    let elapsed = start.elapsed();
    let mut account = Account::default();
    account.drain::<C>(&mut receiver);
    account.check(n);
    elapsed
}

fn caught_up() -> Cell {
    let about = "A message is sent; after each 32 the receiver is told that it missed 16 and receives the rest.";
    let contenders = contenders!(
        C => |n| Round::Time(sent_and_caught_up::<C>(n));
        [Levada, Tokio, AsyncBroadcast]
    );
    Cell::timed(format!("broadcast/lag/catch-up/none-1-1/cap-{CAPACITY}/u64"), about, contenders)
}

fn sent_and_caught_up<C: Overwriting>(n: u64) -> Duration {
    let (mut sender, mut receiver) = C::overwriting::<usize>(CAPACITY);
    let mut account = Account::default();
    let start = Instant::now();
    for number in 0..n {
        C::try_send(&mut sender, <usize as Message>::new(number));
        if (number + 1).is_multiple_of(2 * CAPACITY as u64) {
            account.drain::<C>(&mut receiver);
        }
    }
    account.drain::<C>(&mut receiver);
    let elapsed = start.elapsed();
    account.check(n);
    elapsed
}

/// Messages come in order: each is received or counted as missed.
#[derive(Default)]
struct Account {
    received: u64,
    missed: u64,
}

impl Account {
    fn drain<C: Overwriting>(&mut self, receiver: &mut C::Receiver<usize>) {
        while let Some(next) = C::try_next(receiver) {
            match next {
                Ok(message) => {
                    assert_eq!(message.number(), self.received + self.missed, "in order");
                    self.received += 1;
                }
                Err(missed) => self.missed += missed,
            }
        }
    }

    fn check(&self, n: u64) {
        assert_eq!(self.received + self.missed, n, "received and missed are all");
        assert!(n <= CAPACITY as u64 || self.missed > 0, "some are missed");
        assert!(self.received >= n.min(CAPACITY as u64), "what fits is received");
    }
}
