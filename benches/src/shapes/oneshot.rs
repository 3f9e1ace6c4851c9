//! One value, once: made, sent and received, within a task and across tasks and threads.

use crate::cell::{Cell, Round, contenders};
use crate::contenders::oneshots::{
    Asyncband, Crossfire, Fibre, FuturesChannel, Levada, Oneshot as OneshotCrate, Postage, Tokio,
};
use crate::kinds::oneshot::{BlockingOneshot, Oneshot};
use crate::message::{Message, Tally, Words};
use crate::runtime::{On, joined};
use crate::shapes::rounds::Rounds;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = vec![create_and_drop()];
    cells.extend([same_task::<usize>(), same_task::<Words<32>>()]);
    cells.extend([without_a_runtime::<usize>(), without_a_runtime::<Words<32>>()]);
    cells.extend([On::Ct, On::Mt].map(sent_first));
    cells.extend([On::Ct, On::Mt].map(awaited_first));
    cells.push(threads());
    cells
}

fn create_and_drop() -> Cell {
    let about = "A oneshot is made and dropped.";
    let contenders = contenders!(
        C => |n| Round::Time(created_and_dropped::<C>(n));
        [Levada, Tokio, Asyncband, OneshotCrate, FuturesChannel, Fibre, Crossfire, Postage]
    );
    Cell::timed("oneshot/create-drop", about, contenders)
}

fn created_and_dropped<C: Oneshot>(n: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..n {
        drop(black_box(C::channel::<usize>()));
    }
    start.elapsed()
}

fn same_task<T: Message>() -> Cell {
    let about = "A oneshot is made, sent on and awaited, all in one task.";
    let contenders = contenders!(
        C => |n| Round::Time(On::Ct.run(made_sent_awaited::<C, T>(n)));
        [Levada, Tokio, Asyncband, OneshotCrate, FuturesChannel, Fibre, Crossfire, Postage]
    );
    Cell::timed(format!("oneshot/same-task/ct/{}", T::NAME), about, contenders)
}

async fn made_sent_awaited<C: Oneshot, T: Message>(n: u64) -> Duration {
    let mut tally = Tally::default();
    let start = Instant::now();
    for number in 0..n {
        let (sender, receiver) = C::channel();
        C::send(sender, T::new(number));
        tally.add(C::recv(receiver).await.number());
    }
    let elapsed = start.elapsed();
    tally.check(n);
    elapsed
}

fn without_a_runtime<T: Message>() -> Cell {
    let about = "A oneshot is made, found empty, sent on and received from, without a runtime.";
    let contenders = contenders!(
        C => |n| Round::Time(tried::<C, T>(n));
        [Levada, Tokio, Asyncband, OneshotCrate, FuturesChannel, Fibre, Crossfire, Postage]
    );
    Cell::timed(format!("oneshot/try/none/{}", T::NAME), about, contenders)
}

fn tried<C: Oneshot, T: Message>(n: u64) -> Duration {
    let mut tally = Tally::default();
    let start = Instant::now();
    for number in 0..n {
        let (sender, mut receiver) = C::channel::<T>();
        assert!(C::try_recv(&mut receiver).is_none(), "nothing has been sent");
        C::send(sender, T::new(number));
        tally.add(C::try_recv(&mut receiver).expect("it has been sent").number());
    }
    let elapsed = start.elapsed();
    tally.check(n);
    elapsed
}

fn sent_first(on: On) -> Cell {
    let about = "One task makes 64 oneshots and sends on them, then another one awaits them.";
    let contenders = contenders!(
        C => move |n| Round::Time(on.run(handed_over::<C>(n)));
        [Levada, Tokio, Asyncband, OneshotCrate, FuturesChannel, Fibre, Crossfire, Postage]
    );
    Cell::timed(format!("oneshot/sent-first/{}/u64", on.name()), about, contenders)
}

/// How many oneshots are handed over at once.
const BATCH: u64 = 64;

async fn handed_over<C: Oneshot>(n: u64) -> Duration {
    let (filled, emptied) = (Rounds::of(1), Rounds::of(1));
    let handed = Arc::new(Mutex::new(Vec::<C::Receiver<usize>>::new()));
    let start = Instant::now();
    let receiver = {
        let (filled, emptied, handed) = (filled.clone(), emptied.clone(), handed.clone());
        tokio::spawn(async move {
            let (mut batch, mut tally) = (Vec::new(), Tally::default());
            for round in 1..=n.div_ceil(BATCH) {
                filled.done(round).await;
                std::mem::swap(
                    &mut batch,
                    &mut *handed.lock().unwrap_or_else(PoisonError::into_inner),
                );
                for receiver in batch.drain(..) {
                    tally.add(C::recv(receiver).await.number());
                }
                emptied.arrive();
            }
            tally
        })
    };
    for round in 0..n.div_ceil(BATCH) {
        {
            let mut batch = handed.lock().unwrap_or_else(PoisonError::into_inner);
            for number in round * BATCH..n.min((round + 1) * BATCH) {
                let (sender, receiver) = C::channel();
                C::send(sender, <usize as Message>::new(number));
                batch.push(receiver);
            }
        }
        filled.arrive();
        emptied.done(round + 1).await;
    }
    let tally = joined(receiver).await;
    let elapsed = start.elapsed();
    tally.check(n);
    elapsed
}

fn awaited_first(on: On) -> Cell {
    let about = "Two tasks send each other the sender of the oneshot that they await next; one operation is \
                 one oneshot.";
    let contenders = contenders!(
        C => move |n| Round::Time(on.run(two_tasks::<C>(n)));
        [Levada, Tokio, Asyncband, OneshotCrate, FuturesChannel, Fibre, Crossfire, Postage]
    );
    Cell::timed(format!("oneshot/awaited-first/{}/u64", on.name()), about, contenders)
}

/// What the two players send each other.
struct Ball<C: Oneshot> {
    number: u64,
    /// Where the next one goes; nothing if this is the last.
    back: Option<C::Sender<Self>>,
}

async fn two_tasks<C: Oneshot>(n: u64) -> Duration {
    let (sender, receiver) = C::channel::<Ball<C>>();
    let start = Instant::now();
    let other = tokio::spawn(play::<C>(n, Some(receiver)));
    let (ball, next) = throw(n, 0);
    C::send(sender, ball);
    let tally = play::<C>(n, next).await.and(joined(other).await);
    let elapsed = start.elapsed();
    tally.check(n);
    elapsed
}

/// The ball with this number, and where the one after it comes, if it is not the last of `n`.
fn throw<C: Oneshot>(n: u64, number: u64) -> (Ball<C>, Option<C::Receiver<Ball<C>>>) {
    if number + 1 == n {
        return (Ball { number, back: None }, None);
    }
    let (sender, receiver) = C::channel();
    (Ball { number, back: Some(sender) }, Some(receiver))
}

/// Sends back each ball that comes, with the next number, until it was the last one.
async fn play<C: Oneshot>(n: u64, mut next: Option<C::Receiver<Ball<C>>>) -> Tally {
    let mut tally = Tally::default();
    while let Some(receiver) = next {
        let Ball { number, back } = C::recv(receiver).await;
        tally.add(number);
        next = back.and_then(|back| return_ball::<C>(n, number + 1, back));
    }
    tally
}

fn return_ball<C: Oneshot>(
    n: u64,
    number: u64,
    back: C::Sender<Ball<C>>,
) -> Option<C::Receiver<Ball<C>>> {
    let (ball, next) = throw(n, number);
    C::send(back, ball);
    next
}

fn threads() -> Cell {
    let about =
        "As `awaited-first`, between two threads that wait with the crate's blocking receive.";
    let contenders = contenders!(
        C => |n| Round::Time(two_threads::<C>(n));
        [Levada, Tokio, Asyncband, OneshotCrate, Fibre, Crossfire, Postage]
    );
    Cell::timed("oneshot/awaited-first/threads/u64", about, contenders)
}

fn two_threads<C: BlockingOneshot>(n: u64) -> Duration {
    let (sender, receiver) = C::channel::<Ball<C>>();
    let other = std::thread::spawn(move || play_blocking::<C>(n, Some(receiver)));
    let start = Instant::now();
    let (ball, next) = throw(n, 0);
    C::send(sender, ball);
    let tally = play_blocking::<C>(n, next).and(other.join().expect("it does not panic"));
    let elapsed = start.elapsed();
    tally.check(n);
    elapsed
}

fn play_blocking<C: BlockingOneshot>(n: u64, mut next: Option<C::Receiver<Ball<C>>>) -> Tally {
    let mut tally = Tally::default();
    while let Some(receiver) = next {
        let Ball { number, back } = C::blocking_recv(receiver);
        tally.add(number);
        next = back.and_then(|back| return_ball::<C>(n, number + 1, back));
    }
    tally
}
