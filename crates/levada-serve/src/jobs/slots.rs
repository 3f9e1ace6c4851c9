//! How many commands run at the same time in all queues together, and whose turn it is: the job of
//! the queue with the highest priority, and of several the one that has waited longest.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use levada::oneshot;

/// The slots, some of them taken.
#[derive(Debug, Clone)]
pub(crate) struct Slots(Arc<Mutex<Taken>>);

#[derive(Debug)]
struct Taken {
    limit: usize,
    taken: usize,
    /// The waiting workers, the most urgent first. Empty while a slot is free.
    waiting: BTreeMap<(Reverse<i8>, u64), oneshot::Sender<Slot>>,
    last: u64,
}

impl Taken {
    /// Makes a change, and takes the waiters that get a slot by it out of the line. In one step, so
    /// that no newcomer takes a slot for which others wait.
    fn after(&mut self, change: impl FnOnce(&mut Self)) -> Vec<oneshot::Sender<Slot>> {
        change(self);
        let mut granted = Vec::new();
        while self.taken < self.limit
            && let Some((_, next)) = self.waiting.pop_first()
        {
            self.taken += 1;
            granted.push(next);
        }
        granted
    }
}

/// The right to run. Dropping it passes it on.
#[derive(Debug)]
pub(crate) struct Slot(Option<Slots>);

/// A slot, or a place in the line for one. Dropping it gives it up.
#[derive(Debug)]
pub(crate) enum Turn {
    Now(Slot),
    Later(oneshot::Receiver<Slot>),
}

impl Turn {
    /// Waits for the slot.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the turn; a slot granted at the same time goes to the next.
    pub(crate) async fn slot(self) -> Slot {
        match self {
            Self::Now(slot) => slot,
            Self::Later(turn) => turn.await.expect("a waiter taken out of the line gets a slot"),
        }
    }
}

impl Slots {
    /// `None` stands for no limit.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        let limit = limit.unwrap_or(usize::MAX);
        let taken = Taken { limit, taken: 0, waiting: BTreeMap::new(), last: 0 };
        Self(Arc::new(Mutex::new(taken)))
    }

    /// Sets another limit. Slots that are taken stay taken.
    pub(crate) fn resize(&self, limit: Option<usize>) {
        self.change(|taken| taken.limit = limit.unwrap_or(usize::MAX));
    }

    /// Takes a slot, or a place in the line behind those that are as urgent.
    pub(crate) fn line_up(&self, priority: i8) -> Turn {
        let mut taken = self.taken();
        if taken.taken < taken.limit {
            taken.taken += 1;
            return Turn::Now(Slot(Some(self.clone())));
        }
        let (sender, turn) = oneshot::channel();
        taken.last += 1;
        let number = taken.last;
        taken.waiting.insert((Reverse(priority), number), sender);
        Turn::Later(turn)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the numbers, and gives the slots that are free then to those who wait.
    fn change(&self, change: impl FnOnce(&mut Taken)) {
        let mut granted = self.taken().after(change);
        while let Some(next) = granted.pop() {
            if let Err(mut slot) = next.send(Slot(Some(self.clone()))) {
                // It no longer waits. Not by a drop within a drop, which would nest as deep as the
                // line is long.
                drop(slot.0.take());
                granted.extend(self.taken().after(|taken| taken.taken -= 1));
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(slots) = self.0.take() {
            slots.change(|taken| taken.taken -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn most_urgent_and_then_the_first() {
        let slots = Slots::new(Some(1));
        let first = slots.line_up(0).slot().await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (name, priority) in [("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", -1)] {
            let (slots, order) = (slots.clone(), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _slot = slots.line_up(priority).slot().await;
                order.lock().unwrap().push(name);
            }));
            tokio::task::yield_now().await;
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["b", "d", "a", "c", "e"]);
        assert_eq!(slots.taken().taken, 0);
    }

    #[tokio::test]
    async fn who_stops_waiting_is_passed_over() {
        let slots = Slots::new(Some(1));
        let first = slots.line_up(0).slot().await;
        let impatient = tokio::spawn({
            let slots = slots.clone();
            async move { slots.line_up(9).slot().await }
        });
        tokio::task::yield_now().await;
        impatient.abort();
        assert!(impatient.await.unwrap_err().is_cancelled());
        drop(first);
        let _slot = slots.line_up(0).slot().await;
        assert_eq!(slots.taken().taken, 1);
    }

    #[tokio::test]
    async fn limit_can_change() {
        let slots = Slots::new(Some(2));
        let held = [slots.line_up(0).slot().await, slots.line_up(0).slot().await];
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let slots = slots.clone();
                tokio::spawn(async move { slots.line_up(0).slot().await })
            })
            .collect();
        tokio::task::yield_now().await;
        slots.resize(Some(1));
        drop(held);
        tokio::task::yield_now().await;
        assert_eq!(slots.taken().waiting.len(), 2);
        assert_eq!(slots.taken().taken, 1);
        slots.resize(None);
        for task in waiting {
            drop(task.await.unwrap());
        }
        assert_eq!(slots.taken().taken, 0);
    }
}
