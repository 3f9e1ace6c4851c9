//! What a channel keeps on the heap, and how often it allocates.

use crate::allocator::counted;
use crate::cell::{Cell, Contender, Round, Unit, Work};
use crate::contenders::queues::{for_bounded, for_unbounded};
use crate::kinds::mpsc::{Bounded, Named, Push, TryRecv, TrySend, Unbounded};
use crate::message::{Message, Tally};

/// How many messages go through.
const MESSAGES: u64 = 10_000;

/// How many of them are in a bounded channel at a time.
const CAPACITY: usize = 128;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    let bytes: [Vec<Contender>; 2] = [
        for_bounded!(C => |_| bounded(C::bounded::<usize>).bytes()),
        for_unbounded!(C => |_| unbounded(C::unbounded::<usize>).bytes()),
    ];
    let allocations: [Vec<Contender>; 2] = [
        for_bounded!(C => |_| bounded(C::bounded::<usize>).allocations()),
        for_unbounded!(C => |_| unbounded(C::unbounded::<usize>).allocations()),
    ];
    let names = ["mpsc-bounded-128", "mpsc-unbounded"];
    for (name, contenders) in names.into_iter().zip(bytes) {
        cells.push(Cell {
            name: format!("memory/{name}"),
            about: "heap bytes of a channel with one sender and one receiver",
            unit: Unit::Bytes(&["idle", "after 1 message", "after 10,000 messages, drained"]),
            work: Work::Fixed(MESSAGES),
            contenders,
        });
    }
    for (name, contenders) in names.into_iter().zip(allocations) {
        cells.push(Cell {
            name: format!("allocations/{name}"),
            about: "how often a channel allocates",
            unit: Unit::Allocations(&["creation", "per message, in steady state"]),
            work: Work::Fixed(MESSAGES),
            contenders,
        });
    }
    cells
}

/// What was counted.
struct Counts {
    idle: isize,
    after_one: isize,
    after_all: isize,
    creation: usize,
    /// Of the second half of the messages.
    steady: usize,
}

impl Counts {
    fn bytes(&self) -> Round {
        Round::Values([self.idle, self.after_one, self.after_all].map(|bytes| bytes as f64).into())
    }

    fn allocations(&self) -> Round {
        let half = (MESSAGES / 2) as f64;
        Round::Values(vec![self.creation as f64, self.steady as f64 / half])
    }
}

/// Fills the channel and drains it until all messages have gone through.
fn bounded<S: TrySend<usize>, R: TryRecv<usize>>(channel: impl FnOnce(usize) -> (S, R)) -> Counts {
    let send = |sender: &mut S, number| assert!(sender.try_send(number), "there is room");
    counts(|| channel(CAPACITY), send, CAPACITY as u64)
}

/// Half of the messages, twice.
fn unbounded<S: Push<usize>, R: TryRecv<usize>>(channel: impl FnOnce() -> (S, R)) -> Counts {
    counts(channel, S::push, MESSAGES / 2)
}

fn counts<S, R: TryRecv<usize>>(
    channel: impl FnOnce() -> (S, R),
    send: impl Fn(&mut S, usize),
    at_a_time: u64,
) -> Counts {
    let (ends, idle, creation) = counted(channel);
    let (mut sender, mut receiver) = ends;
    let mut tally = Tally::default();
    let mut transfer = |count: u64, at_a_time: u64| {
        let ((), bytes, allocations) = counted(|| {
            let end = tally.count + count;
            while tally.count < end {
                let batch = tally.count..end.min(tally.count + at_a_time);
                batch.clone().for_each(|number| send(&mut sender, Message::new(number)));
                for _ in batch {
                    tally.add(receiver.try_recv().expect("it was sent").number());
                }
            }
        });
        (bytes, allocations)
    };
    let (after_one, _) = transfer(1, 1);
    let (first, _) = transfer(MESSAGES / 2 - 1, at_a_time);
    let (second, steady) = transfer(MESSAGES / 2, at_a_time);
    tally.check(MESSAGES);
    let after_one = idle + after_one;
    Counts { idle, after_one, after_all: after_one + first + second, creation, steady }
}
