//! Bounded queues with one receiver, used by threads, and between threads and tasks.

use super::mpsc::{CAPACITY, spawn_senders};
use crate::cell::{Cell, Round};
use crate::contenders::queues::{for_mixed, for_threads};
use crate::kinds::mpsc::{
    AsyncRecv, AsyncSend, BlockingRecv, BlockingSend, Named, TasksToThread, Threads, ThreadsToTask,
};
use crate::message::{Message, Tally, share};
use crate::runtime::On;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for senders in [1, 4] {
        cells.push(Cell::timed(
            format!("mpsc/blocking/threads-{senders}-1/cap-128/u64"),
            "each thread sends its share, another thread receives",
            for_threads!(C => move |n| to_thread(C::threads(CAPACITY), senders, n)),
        ));
    }
    cells.push(Cell::timed(
        "mpsc/blocking/threads-4-to-task/cap-128/u64",
        "four threads send, one task receives",
        for_mixed!(C => |n| threads_to_task(C::threads_to_task(CAPACITY), 4, n)),
    ));
    cells.push(Cell::timed(
        "mpsc/blocking/mt-4-to-thread/cap-128/u64",
        "four tasks send, one thread receives",
        for_mixed!(C => |n| tasks_to_thread(C::tasks_to_thread(CAPACITY), 4, n)),
    ));
    cells
}

/// Starts the threads that send `n` messages; they begin when the last one waits at the barrier,
/// where there is one more place, for the receiver.
pub(crate) fn start_senders<S: BlockingSend<usize>>(
    sender: S,
    senders: u64,
    n: u64,
) -> Arc<Barrier> {
    let all_are_there = Arc::new(Barrier::new(1 + senders as usize));
    for index in 0..senders {
        let mut sender = sender.clone();
        let all_are_there = all_are_there.clone();
        thread::spawn(move || {
            all_are_there.wait();
            share(n, senders, index).for_each(|number| sender.blocking_send(Message::new(number)));
        });
    }
    all_are_there
}

/// Receives everything on this thread.
pub(crate) fn received<R: BlockingRecv<usize>>(mut receiver: R) -> Tally {
    let mut tally = Tally::default();
    while let Some(message) = receiver.blocking_recv() {
        tally.add(message.number());
    }
    tally
}

pub(crate) fn to_thread<S, R>((sender, receiver): (S, R), senders: u64, n: u64) -> Round
where
    S: BlockingSend<usize>,
    R: BlockingRecv<usize>,
{
    let all_are_there = start_senders(sender, senders, n);
    all_are_there.wait();
    let start = Instant::now();
    let tally = received(receiver);
    let elapsed = start.elapsed();
    tally.check(n);
    Round::Time(elapsed)
}

fn threads_to_task<S, R>((sender, mut receiver): (S, R), senders: u64, n: u64) -> Round
where
    S: BlockingSend<usize>,
    R: AsyncRecv<usize>,
{
    let all_are_there = start_senders(sender, senders, n);
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

fn tasks_to_thread<S, R>((sender, receiver): (S, R), senders: u64, n: u64) -> Round
where
    S: AsyncSend<usize>,
    R: BlockingRecv<usize>,
{
    let inside = On::Mt.runtime().enter();
    let start = Instant::now();
    spawn_senders(&sender, senders, n);
    drop((sender, inside));
    let tally = received(receiver);
    let elapsed = start.elapsed();
    tally.check(n);
    Round::Time(elapsed)
}
