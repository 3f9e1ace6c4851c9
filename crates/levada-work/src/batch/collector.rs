//! Makes batches of what is in the queue.
//!
//! An item is in exactly one place: in the queue, aside, in the batch that is collected, or with
//! the flusher. What was put aside comes before what is in the queue, in its order.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use levada::{oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::Totals;
use super::entry::{Entry, Weight};
use super::queue::Receiver;

/// After so many items that were there at once, the others on this thread have their turn, and the
/// clock is looked at.
const RUN: usize = 256;

/// What the handle of the worker says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Orders {
    pub(super) max_items: usize,
    pub(super) linger: Duration,
    /// Take no more, and end when all is flushed.
    pub(super) close: bool,
}

pub(super) struct Collector<T> {
    queue: Receiver<T>,
    orders: watch::Receiver<Orders>,
    /// Those that are followed now.
    current: Orders,
    weight: Option<Weight<T>>,
    /// What was too heavy for the batch before, and what was put back.
    aside: VecDeque<Entry<T>>,
}

/// A batch, and the way back to the task that asked for it.
pub(super) struct Collected<T> {
    pub(super) items: Vec<T>,
    weight: usize,
    pub(super) asked: Option<oneshot::Sender<Totals>>,
}

impl<T> Collector<T> {
    pub(super) fn new(
        queue: Receiver<T>,
        orders: watch::Receiver<Orders>,
        weight: Option<Weight<T>>,
    ) -> Self {
        let current = *orders.borrow();
        Self { queue, orders, current, weight, aside: VecDeque::new() }
    }

    /// The next batch; it is empty if a flush was asked for and nothing was there. `None` at the
    /// end.
    pub(super) async fn collect(&mut self) -> Option<Collected<T>> {
        let first = self.recv().await?;
        let begun = Instant::now();
        let mut batch = Collected { items: Vec::new(), weight: 0, asked: None };
        let mut is_full = self.add(&mut batch, first);
        let mut lingered = pin!(lingered(begun, self.current.linger));
        while !is_full {
            let entry = match self.try_recv() {
                Some(entry) => entry,
                None if self.current.linger.is_zero() => break,
                None => tokio::select! {
                    biased;
                    () = ordered(&mut self.orders) => {
                        self.obey();
                        lingered.set(self::lingered(begun, self.current.linger));
                        is_full = batch.items.len() >= self.current.max_items;
                        continue;
                    }
                    entry = self.queue.recv() => match entry {
                        Some(entry) => entry,
                        None => break,
                    },
                    () = &mut lingered => break,
                },
            };
            is_full = self.add(&mut batch, entry);
            if !is_full && batch.items.len().is_multiple_of(RUN) {
                tokio::select! {
                    biased;
                    () = &mut lingered => break,
                    () = yield_now() => {}
                }
            }
        }
        Some(batch)
    }

    /// Puts items, with their weights, before all others; and the answer to a flush that was asked
    /// for behind them.
    pub(super) fn put_back(
        &mut self,
        items: impl DoubleEndedIterator<Item = (T, usize)>,
        asked: Option<oneshot::Sender<Totals>>,
    ) {
        if let Some(asked) = asked {
            self.aside.push_front(Entry::Flush(asked));
        }
        for (item, weight) in items.rev() {
            self.aside.push_front(Entry::Item { item, weight });
        }
    }

    /// Puts an entry into the batch, or behind it. Whether the batch is to be flushed now.
    fn add(&mut self, batch: &mut Collected<T>, entry: Entry<T>) -> bool {
        let max_weight = self.weight.as_ref().map_or(usize::MAX, |weight| weight.max);
        match entry {
            Entry::Item { item, weight } => {
                let heavier = batch.weight.saturating_add(weight);
                if heavier > max_weight && !batch.items.is_empty() {
                    self.aside.push_front(Entry::Item { item, weight });
                    return true;
                }
                batch.items.push(item);
                batch.weight = heavier;
                batch.items.len() >= self.current.max_items || heavier >= max_weight
            }
            Entry::Flush(asked) => {
                batch.asked = Some(asked);
                true
            }
        }
    }

    /// The next entry. Orders are obeyed first. Cancelled, it has taken none.
    async fn recv(&mut self) -> Option<Entry<T>> {
        loop {
            tokio::select! {
                biased;
                () = ordered(&mut self.orders) => self.obey(),
                entry = next_of(&mut self.aside, &mut self.queue) => return entry,
            }
        }
    }

    fn try_recv(&mut self) -> Option<Entry<T>> {
        self.aside.pop_front().or_else(|| self.queue.try_recv())
    }

    fn obey(&mut self) {
        self.current = *self.orders.borrow_and_update();
        if self.current.close {
            self.queue.close();
        }
    }
}

/// What was put aside, else the next entry of the queue. Cancelled, it has taken neither.
async fn next_of<T>(aside: &mut VecDeque<Entry<T>>, queue: &mut Receiver<T>) -> Option<Entry<T>> {
    match aside.pop_front() {
        None => queue.recv().await,
        entry => entry,
    }
}

/// Returns when there are new orders: never, if the handle is gone.
async fn ordered(orders: &mut watch::Receiver<Orders>) {
    if orders.changed().await.is_err() {
        pending::<()>().await;
    }
}

/// Returns when the time is over, or never if there is none. Asks for no timer then.
async fn lingered(begun: Instant, linger: Duration) {
    if linger.is_zero() {
        pending::<()>().await;
    }
    sleep(linger.saturating_sub(begun.elapsed())).await;
}
