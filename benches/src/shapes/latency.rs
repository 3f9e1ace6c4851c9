//! How long a message is under way at a fixed offered load.
//!
//! The load is open: message number `i` is due at `i` times [`PERIOD`] after the start, whether or
//! not the one before has left, and its latency counts from then. So a stall delays every message
//! that was due in the meantime, and all of them are counted.

use super::mpsc::CAPACITY;
use crate::cell::{Cell, Round, Unit, Work};
use crate::contenders::queues::for_bounded;
use crate::kinds::mpsc::{AsyncRecv, AsyncSend, Bounded, Named};
use crate::message::{Message, Tally};
use crate::runtime::On;
use crate::stats::nanoseconds;
use std::time::{Duration, Instant};

/// A message is due after each: 100,000 in a second.
const PERIOD: Duration = Duration::from_micros(10);

/// How many messages a round has: a tenth of a second.
const MESSAGES: u64 = 10_000;

pub(crate) fn cells() -> Vec<Cell> {
    let cell = |senders: u64| Cell {
        name: format!("latency/mpsc-bounded/mt-{senders}-1/100000-per-second/cap-128/u64"),
        about: "from when a message was due to when it was received; senders wait by yielding",
        unit: Unit::Nanoseconds(&["p50", "p99", "p99.9"]),
        work: Work::Fixed(MESSAGES),
        contenders: for_bounded!(C => move |n| open_loop(C::bounded(CAPACITY), senders, n)),
    };
    vec![cell(1), cell(4)]
}

fn open_loop<S, R>((sender, mut receiver): (S, R), senders: u64, n: u64) -> Round
where
    S: AsyncSend<usize>,
    R: AsyncRecv<usize>,
{
    let (histogram, tally) = On::Mt.run(async move {
        let start = Instant::now();
        let due = move |number: u64| start + PERIOD * number as u32;
        for index in 0..senders {
            let mut sender = sender.clone();
            tokio::spawn(async move {
                for number in (index..n).step_by(senders as usize) {
                    while Instant::now() < due(number) {
                        tokio::task::yield_now().await;
                    }
                    sender.send(Message::new(number)).await;
                }
            });
        }
        drop(sender);
        let mut histogram = nanoseconds();
        let mut tally = Tally::default();
        while let Some(message) = receiver.recv().await {
            histogram.saturating_record(due(message.number()).elapsed().as_nanos() as u64);
            tally.add(message.number());
        }
        (histogram, tally)
    });
    tally.check(n);
    let percentile = |quantile| histogram.value_at_quantile(quantile) as f64;
    Round::Values([0.5, 0.99, 0.999].map(percentile).into())
}
