//! Threads that wait for each other, beside threads that only compute.
//!
//! A computing thread takes each time slice that it can get. So what is measured is what a waiting
//! thread gives away: a thread that yields waits for whole time slices, and one that sleeps runs
//! soon after it is woken. A round lasts [`ROUND`], whatever a contender gets done in it.

use crate::cell::{Cell, Round, Unit, Work, contenders};
use crate::contenders::queues::for_threads;
use crate::contenders::watches;
use crate::kinds::mpsc::{BlockingRecv, BlockingSend, Named, Threads};
use crate::kinds::watch::Shared;
use crate::message::Message;
use crate::stats::nanoseconds;
use hdrhistogram::Histogram;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const ROUND: Duration = Duration::from_millis(300);

/// Between two messages, or two looks, of a thread that has little to do.
const PAUSE: Duration = Duration::from_millis(2);

pub(crate) fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for computing in [1, 2, 4] {
        cells.push(cell(
            format!("loaded/mpsc/ping-pong/threads/{computing}-computing-per-core/u64"),
            "a message to another thread and back, for one of each",
            for_threads!(C => move |_| beside(computing, ping_pong::<C>)),
        ));
        cells.push(cell(
            format!("loaded/mpsc/paced/threads/{computing}-computing-per-core/u64"),
            "from sending to receiving; a message every 2 ms to a thread that waits",
            for_threads!(C => move |_| beside(computing, paced::<C>)),
        ));
        cells.push(cell(
            format!("loaded/watch/read/threads/{computing}-computing-per-core/u64"),
            "a look at the value every 2 ms, while two threads send all the time",
            contenders!(
                C => move |_| beside(computing, read::<C>);
                [watches::Levada, watches::Tokio, watches::Asyncband, watches::Eyeball]
            ),
        ));
    }
    cells
}

fn cell(name: String, about: &'static str, contenders: Vec<crate::cell::Contender>) -> Cell {
    let unit = Unit::Nanoseconds(&["mean", "p50", "p99"]);
    Cell { name, about, unit, work: Work::Fixed(1), contenders }
}

/// Runs `work` beside so many computing threads for each core.
fn beside(computing: usize, work: impl FnOnce() -> Histogram<u64>) -> Round {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let stop = AtomicBool::new(false);
    let histogram = thread::scope(|scope| {
        for _ in 0..computing * cores {
            scope.spawn(|| {
                let mut number = 1_u64;
                while !stop.load(Ordering::Relaxed) {
                    (0..1_000).for_each(|_| number = black_box(number.wrapping_mul(3)));
                }
            });
        }
        let histogram = work();
        stop.store(true, Ordering::Relaxed);
        histogram
    });
    let percentile = |quantile| histogram.value_at_quantile(quantile) as f64;
    Round::Values(vec![histogram.mean(), percentile(0.5), percentile(0.99)])
}

fn ping_pong<C: Threads>() -> Histogram<u64> {
    let (mut there, mut arrived) = C::threads::<usize>(1);
    let (mut back, mut returned) = C::threads::<usize>(1);
    let other = thread::spawn(move || {
        while let Some(message) = arrived.blocking_recv() {
            back.blocking_send(message);
        }
    });
    let mut histogram = nanoseconds();
    let start = Instant::now();
    while start.elapsed() < ROUND {
        let sent = Instant::now();
        there.blocking_send(Message::new(1));
        assert!(returned.blocking_recv().is_some(), "a message is lost");
        histogram.saturating_record(sent.elapsed().as_nanos() as u64);
    }
    drop(there);
    other.join().expect("the other thread does not panic");
    histogram
}

fn paced<C: Threads>() -> Histogram<u64> {
    let (mut sender, mut receiver) = C::threads::<usize>(16);
    let start = Instant::now();
    let other = thread::spawn(move || {
        let mut histogram = nanoseconds();
        while let Some(message) = receiver.blocking_recv() {
            let sent = Duration::from_nanos(message.number());
            histogram.saturating_record((start.elapsed() - sent).as_nanos() as u64);
        }
        histogram
    });
    let mut messages = 0;
    while start.elapsed() < ROUND {
        thread::sleep(PAUSE);
        sender.blocking_send(Message::new(start.elapsed().as_nanos() as u64));
        messages += 1;
    }
    drop(sender);
    let histogram = other.join().expect("the other thread does not panic");
    assert_eq!(histogram.len(), messages, "a message is lost");
    histogram
}

fn read<C: Shared>() -> Histogram<u64>
where
    C::Sender<usize>: Clone + Sync,
{
    let (sender, receiver) = C::channel(0_usize);
    let stop = AtomicBool::new(false);
    let mut histogram = nanoseconds();
    thread::scope(|scope| {
        for _ in 0..2 {
            let (mut sender, stop) = (sender.clone(), &stop);
            scope.spawn(move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    C::send(&mut sender, Message::new(number));
                }
            });
        }
        let start = Instant::now();
        while start.elapsed() < ROUND {
            thread::sleep(PAUSE);
            let look = Instant::now();
            black_box(C::read(&receiver, usize::number));
            histogram.saturating_record(look.elapsed().as_nanos() as u64);
        }
        stop.store(true, Ordering::Relaxed);
    });
    histogram
}
