//! Bounded queues with several receivers.

use super::blocking::{received, start_senders};
use super::mpsc::{CAPACITY, same_task, spawn_senders, tried};
use crate::cell::{Cell, Round};
use crate::contenders::queues::for_mpmc;
use crate::kinds::mpmc::{Mpmc, MpmcThreads};
use crate::kinds::mpsc::{AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Named};
use crate::message::{Message, Tally};
use crate::runtime::{On, joined};
use std::thread;
use std::time::Instant;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = vec![
        Cell::timed(
            "mpmc/bounded/same-task/ct/cap-128/u64",
            "one task sends a message and receives it",
            for_mpmc!(C => |n| same_task(On::Ct, C::mpmc(CAPACITY), n)),
        ),
        Cell::timed(
            "mpmc/bounded/try/none/cap-128/u64",
            "`try_send` and `try_recv`, without a runtime",
            for_mpmc!(C => |n| tried(C::mpmc(CAPACITY), n)),
        ),
    ];
    let shapes = [
        (On::Ct, 4, 4, CAPACITY),
        (On::Mt, 1, 4, CAPACITY),
        (On::Mt, 4, 1, CAPACITY),
        (On::Mt, 4, 4, 1),
        (On::Mt, 4, 4, 8),
        (On::Mt, 4, 4, CAPACITY),
        (On::Mt, 16, 16, CAPACITY),
        (On::Mt8, 8, 8, CAPACITY),
    ];
    for (on, senders, receivers, capacity) in shapes {
        cells.push(Cell::timed(
            format!("mpmc/bounded/{}-{senders}-{receivers}/cap-{capacity}/u64", on.name()),
            "each task sends its share as fast as it can, the others receive what they get",
            for_mpmc!(C => move |n| {
                many_to_many(on, C::mpmc::<usize>(capacity), senders, receivers, n)
            }),
        ));
    }
    cells.push(Cell::timed(
        "mpmc/blocking/threads-2-2/cap-128/u64",
        "two threads send, two receive",
        for_mpmc!(C => |n| two_to_two_threads(C::mpmc_threads(CAPACITY), n)),
    ));
    cells
}

/// Some tasks send, some receive.
fn many_to_many<S, R>(
    on: On,
    (sender, receiver): (S, R),
    senders: u64,
    receivers: u64,
    n: u64,
) -> Round
where
    S: AsyncSend<usize>,
    R: AsyncRecv<usize> + Clone,
{
    let (elapsed, tally) = on.run(async move {
        spawn_senders(&sender, senders, n);
        drop(sender);
        let start = Instant::now();
        let tasks: Vec<_> = (0..receivers)
            .map(|_| {
                let mut receiver = receiver.clone();
                tokio::spawn(async move {
                    let mut tally = Tally::default();
                    while let Some(message) = receiver.recv().await {
                        tally.add(message.number());
                    }
                    tally
                })
            })
            .collect();
        drop(receiver);
        let mut tally = Tally::default();
        for task in tasks {
            tally = tally.and(joined(task).await);
        }
        (start.elapsed(), tally)
    });
    tally.check(n);
    Round::Time(elapsed)
}

/// Two threads send, this one and another receive.
fn two_to_two_threads<S, R>((sender, receiver): (S, R), n: u64) -> Round
where
    S: BlockingSend<usize>,
    R: BlockingRecv<usize> + Clone,
{
    let all_are_there = start_senders(sender, 2, n);
    let other = receiver.clone();
    let (elapsed, tally) = thread::scope(|scope| {
        let other = scope.spawn(move || received(other));
        all_are_there.wait();
        let start = Instant::now();
        let tally = received(receiver);
        let tally = tally.and(other.join().expect("it only receives"));
        (start.elapsed(), tally)
    });
    tally.check(n);
    Round::Time(elapsed)
}
