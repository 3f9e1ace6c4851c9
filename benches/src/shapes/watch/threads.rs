//! Threads that read, with and without one that writes. Everything is measured from the first
//! thread's start to the last one's end, so that readers who do not hinder each other take less for
//! each read.

use crate::cell::{Cell, Round, contenders};
use crate::contenders::watches::{ArcSwap, Asyncband, Eyeball, Levada, Postage, Tokio};
use crate::kinds::watch::Shared;
use crate::message::{Message, share};
use std::hint::spin_loop;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{ScopedJoinHandle, scope};
use std::time::{Duration, Instant};

pub(crate) fn cells() -> Vec<Cell> {
    [2, 4]
        .into_iter()
        .flat_map(|readers| [read(readers), overtaken(readers), write(readers)])
        .collect()
}

fn read(readers: u64) -> Cell {
    let about = "The value is read by one of the threads; nobody writes.";
    let contenders = contenders!(
        C => move |n| Round::Time(read_by_all::<C>(n, readers, Writer::Idle));
        [Levada, Tokio, Asyncband, Postage, Eyeball, ArcSwap]
    );
    Cell::timed(format!("watch/read/threads-{readers}/u64"), about, contenders)
}

fn overtaken(readers: u64) -> Cell {
    let about = "The value is read by one of the threads, while one more writes, with a pause of about a \
                 microsecond each time.";
    let contenders = contenders!(
        C => move |n| Round::Time(read_by_all::<C>(n, readers, Writer::Busy));
        [Levada, Tokio, Asyncband, Postage, Eyeball, ArcSwap]
    );
    Cell::timed(format!("watch/read-while-written/threads-{readers}/u64"), about, contenders)
}

fn write(readers: u64) -> Cell {
    let about = "A value is sent, while the threads read all the time.";
    let contenders = contenders!(
        C => move |n| Round::Time(written::<C>(n, readers));
        [Levada, Tokio, Asyncband, Postage, Eyeball, ArcSwap]
    );
    Cell::timed(format!("watch/write-while-read/threads-{readers}/u64"), about, contenders)
}

#[derive(Clone, Copy)]
enum Writer {
    Idle,
    Busy,
}

/// `n` reads in all.
fn read_by_all<C: Shared>(n: u64, readers: u64, writer: Writer) -> Duration {
    let (mut sender, receiver) = C::channel(0_usize);
    let (barrier, done) = (Barrier::new(threads(readers) + 1), AtomicBool::new(false));
    scope(|scope| {
        let reading: Vec<_> = (0..readers)
            .map(|part| {
                let (receiver, barrier) = (C::another(&receiver), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    let last =
                        share(n, readers, part).fold(0, |last, _| read_on::<C>(&receiver, last));
                    (start, Instant::now(), last)
                })
            })
            .collect();
        let writing = scope.spawn(|| {
            barrier.wait();
            let mut written = 0;
            while matches!(writer, Writer::Busy) && !done.load(Ordering::Relaxed) {
                written += 1;
                C::send(&mut sender, <usize as Message>::new(written));
                // A spin is between 3 and 50 ns, which depends on the processor.
                (0..50).for_each(|_| spin_loop());
            }
            written
        });
        let (elapsed, last) = span(reading);
        done.store(true, Ordering::Relaxed);
        let written = writing.join().expect("the writer does not panic");
        assert!(last <= written, "nothing is read that was not written");
        assert_eq!(C::read(&receiver, usize::number), written, "the last value");
        elapsed
    })
}

/// `n` writes.
fn written<C: Shared>(n: u64, readers: u64) -> Duration {
    let (mut sender, receiver) = C::channel(0_usize);
    let (barrier, done) = (Barrier::new(threads(readers) + 1), AtomicBool::new(false));
    scope(|scope| {
        let reading: Vec<_> = (0..readers)
            .map(|_| {
                let (receiver, barrier, done) = (C::another(&receiver), &barrier, &done);
                scope.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) {
                        last = read_on::<C>(&receiver, last);
                    }
                    (start, Instant::now(), last)
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        for number in 1..=n {
            C::send(&mut sender, <usize as Message>::new(number));
        }
        let elapsed = start.elapsed();
        done.store(true, Ordering::Relaxed);
        let (_, last) = span(reading);
        assert!(last <= n, "nothing is read that was not written");
        assert_eq!(C::read(&receiver, usize::number), n, "the last value");
        elapsed
    })
}

/// Reads the value, which never is an older one than before.
fn read_on<C: Shared>(receiver: &C::Receiver<usize>, last: u64) -> u64 {
    let value = C::read(receiver, usize::number);
    assert!(value >= last, "{value} was read after {last}");
    value
}

/// From the first start to the last end, and the newest value that was seen.
fn span(threads: Vec<ScopedJoinHandle<'_, (Instant, Instant, u64)>>) -> (Duration, u64) {
    let results: Vec<_> =
        threads.into_iter().map(|thread| thread.join().expect("a reader does not panic")).collect();
    let start = results.iter().map(|(start, ..)| *start).min().expect("there is a reader");
    let end = results.iter().map(|(_, end, _)| *end).max().expect("there is a reader");
    let last = results.iter().map(|(.., last)| *last).max().expect("there is a reader");
    (end - start, last)
}

fn threads(count: u64) -> usize {
    usize::try_from(count).expect("there are few threads")
}
