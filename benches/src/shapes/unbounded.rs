//! Queues without a bound and with one receiver.

use crate::cell::{Cell, Round};
use crate::contenders::queues::for_unbounded;
use crate::kinds::mpsc::{AsyncRecv, Named, Push, TryRecv, Unbounded};
use crate::message::{Message, Tally, share};
use crate::runtime::On;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

/// How many messages are in the queue before it is drained.
const BURST: u64 = 10_000;

/// How many messages a task sends before it lets others run: a task that never waits would keep its
/// thread.
const TURN: u64 = 64;

/// How many threads send.
const THREADS: u64 = 4;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = vec![
        Cell::timed(
            "mpsc/unbounded/same-task/ct/u64",
            "one task sends a message and receives it",
            for_unbounded!(C => |n| bursts(C::unbounded(), 1, n)),
        ),
        Cell::timed(
            "mpsc/unbounded/burst-of-10000/ct/u64",
            "one task sends 10,000 messages, then receives them: one message",
            for_unbounded!(C => |n| bursts(C::unbounded(), BURST, n)),
        ),
        Cell::timed(
            "mpsc/unbounded/try/none/u64",
            "`send` and `try_recv`, without a runtime",
            for_unbounded!(C => |n| tried(C::unbounded(), n)),
        ),
        Cell::timed(
            "mpsc/unbounded/threads-4-1/u64",
            "four threads send as fast as they can, one task receives",
            for_unbounded!(C => |n| threads_to_one(C::unbounded(), n)),
        ),
    ];
    for (on, senders) in [(On::Ct, 4), (On::Mt, 1), (On::Mt, 4)] {
        cells.push(Cell::timed(
            format!("mpsc/unbounded/{}-{senders}-1/u64", on.name()),
            "each task sends its share and lets others run after 64 messages, one task receives",
            for_unbounded!(C => move |n| many_to_one(on, C::unbounded(), senders, n)),
        ));
    }
    cells
}

/// One task sends `burst` messages, then receives them, and so on.
fn bursts<S, R>((mut sender, mut receiver): (S, R), burst: u64, n: u64) -> Round
where
    S: Push<usize>,
    R: AsyncRecv<usize>,
{
    let (elapsed, tally) = On::Ct.run(async move {
        let mut tally = Tally::default();
        let start = Instant::now();
        let mut first = 0;
        while first < n {
            let end = n.min(first + burst);
            (first..end).for_each(|number| sender.push(Message::new(number)));
            for _ in first..end {
                let message = receiver.recv().await.expect("it was sent");
                tally.add(message.number());
            }
            first = end;
        }
        (start.elapsed(), tally)
    });
    tally.check(n);
    Round::Time(elapsed)
}

/// A message is sent and received, without waiting and without a runtime.
fn tried<S, R>((mut sender, mut receiver): (S, R), n: u64) -> Round
where
    S: Push<usize>,
    R: TryRecv<usize>,
{
    let mut tally = Tally::default();
    let start = Instant::now();
    for number in 0..n {
        sender.push(Message::new(number));
        let message = receiver.try_recv().expect("it was sent");
        tally.add(message.number());
    }
    let elapsed = start.elapsed();
    tally.check(n);
    Round::Time(elapsed)
}

/// Some tasks send, one receives.
fn many_to_one<S, R>(on: On, (sender, mut receiver): (S, R), senders: u64, n: u64) -> Round
where
    S: Push<usize>,
    R: AsyncRecv<usize>,
{
    let (elapsed, tally) = on.run(async move {
        let start = Instant::now();
        for index in 0..senders {
            let mut sender = sender.clone();
            tokio::spawn(async move {
                for number in share(n, senders, index) {
                    sender.push(Message::new(number));
                    if number % TURN == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            });
        }
        drop(sender);
        let mut tally = Tally::default();
        while let Some(message) = receiver.recv().await {
            tally.add(message.number());
        }
        (start.elapsed(), tally)
    });
    tally.check(n);
    Round::Time(elapsed)
}

/// Some threads send, one task receives. It is measured from the moment when all threads are there.
fn threads_to_one<S, R>((sender, mut receiver): (S, R), n: u64) -> Round
where
    S: Push<usize>,
    R: AsyncRecv<usize>,
{
    let all_are_there = Arc::new(Barrier::new(1 + THREADS as usize));
    for index in 0..THREADS {
        let mut sender = sender.clone();
        let all_are_there = all_are_there.clone();
        thread::spawn(move || {
            all_are_there.wait();
            share(n, THREADS, index).for_each(|number| sender.push(Message::new(number)));
        });
    }
    drop(sender);
    let (elapsed, tally) = On::Ct.run(async move {
        all_are_there.wait();
        let start = Instant::now();
        let mut tally = Tally::default();
        while let Some(message) = receiver.recv().await {
            tally.add(message.number());
        }
        (start.elapsed(), tally)
    });
    tally.check(n);
    Round::Time(elapsed)
}
