//! How long another task that is ready waits while a channel is drained.

use crate::cell::{Cell, Round, Unit, Work};
use crate::contenders::queues::for_bounded;
use crate::kinds::mpsc::{AsyncRecv, Bounded, Named, TrySend};
use crate::message::{Message, Tally};
use crate::runtime::{On, joined};
use crate::stats::nanoseconds;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How many messages the channel is full of.
const MESSAGES: u64 = 10_000;

pub(crate) fn cells() -> Vec<Cell> {
    vec![Cell {
        name: "fairness/mpsc-bounded/ct/drain-10000/u64".into(),
        about: "one task drains a full channel, another yields all the time: how long it is kept waiting",
        unit: Unit::Nanoseconds(&["p99", "longest"]),
        work: Work::Fixed(MESSAGES),
        contenders: for_bounded!(C => |n| gaps(C::bounded(MESSAGES as usize), n)),
    }]
}

fn gaps<S, R>((mut sender, mut receiver): (S, R), n: u64) -> Round
where
    S: TrySend<usize>,
    R: AsyncRecv<usize>,
{
    (0..n).for_each(|number| assert!(sender.try_send(Message::new(number)), "there is room"));
    drop(sender);
    let (histogram, tally) = On::Ct.run(async move {
        let is_drained = Arc::new(AtomicBool::new(false));
        let drain = tokio::spawn({
            let is_drained = is_drained.clone();
            async move {
                let mut tally = Tally::default();
                while let Some(message) = receiver.recv().await {
                    tally.add(message.number());
                }
                is_drained.store(true, Ordering::Relaxed);
                tally
            }
        });
        let mut histogram = nanoseconds();
        let mut last = Instant::now();
        while !is_drained.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
            let now = Instant::now();
            histogram.saturating_record((now - last).as_nanos() as u64);
            last = now;
        }
        (histogram, joined(drain).await)
    });
    tally.check(n);
    Round::Values(vec![histogram.value_at_quantile(0.99) as f64, histogram.max() as f64])
}
