//! How many commands run at the same time in all queues together, and which job gets the next slot:
//! that of the queue with the highest priority, and of several the one that has waited longest.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use levada::oneshot;

use crate::sync::lock;

/// Grants the slots. Clones are the same scheduler.
#[derive(Debug, Clone)]
pub(crate) struct Scheduler(Arc<Mutex<Slots>>);

#[derive(Debug)]
struct Slots {
    limit: usize,
    taken: usize,
    /// The requests that wait, the most urgent first. Empty while a slot is free.
    waiting: BTreeMap<(Reverse<i8>, u64), oneshot::Sender<Slot>>,
    last: u64,
}

impl Slots {
    /// Makes a change, and takes the requests that get a slot by it out of the line. In one step,
    /// so that no new request takes a slot for which others wait.
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
pub(crate) struct Slot(Option<Scheduler>);

/// A request for a slot, in the order of the requests. Dropping it gives it up.
#[derive(Debug)]
pub(crate) enum SlotRequest {
    Granted(Slot),
    Waiting(oneshot::Receiver<Slot>),
}

impl SlotRequest {
    /// Waits for the slot.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the request; a slot granted at the same time goes to the next.
    pub(crate) async fn slot(self) -> Slot {
        match self {
            Self::Granted(slot) => slot,
            Self::Waiting(slot) => slot.await.expect("a request taken out of the line gets a slot"),
        }
    }
}

impl Scheduler {
    /// `None` stands for no limit.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        let limit = limit.unwrap_or(usize::MAX);
        let slots = Slots { limit, taken: 0, waiting: BTreeMap::new(), last: 0 };
        Self(Arc::new(Mutex::new(slots)))
    }

    /// Sets another limit. Slots that are taken stay taken.
    pub(crate) fn resize(&self, limit: Option<usize>) {
        self.change(|slots| slots.limit = limit.unwrap_or(usize::MAX));
    }

    /// Takes a slot, or a place in the line behind requests that are as urgent.
    pub(crate) fn request(&self, priority: i8) -> SlotRequest {
        let mut slots = lock(&self.0);
        if slots.taken < slots.limit {
            slots.taken += 1;
            return SlotRequest::Granted(Slot(Some(self.clone())));
        }
        let (sender, granted) = oneshot::channel();
        slots.last += 1;
        let number = slots.last;
        slots.waiting.insert((Reverse(priority), number), sender);
        SlotRequest::Waiting(granted)
    }

    /// Changes the numbers, and grants the slots that are free then.
    fn change(&self, change: impl FnOnce(&mut Slots)) {
        let mut granted = lock(&self.0).after(change);
        while let Some(next) = granted.pop() {
            if let Err(mut slot) = next.send(Slot(Some(self.clone()))) {
                // It no longer waits. Not by a drop within a drop, which would nest as deep as the
                // line is long.
                drop(slot.0.take());
                granted.extend(lock(&self.0).after(|slots| slots.taken -= 1));
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(scheduler) = self.0.take() {
            scheduler.change(|slots| slots.taken -= 1);
        }
    }
}

/// The slot requests of one queue that no job has yet.
///
/// A worker takes its next job out of the line a moment after it gave back the slot of the last
/// one. So that the slot does not go to a less urgent queue in that moment, the worker makes its
/// next request first and leaves it here, for the worker that takes the next job.
#[derive(Debug, Default)]
pub(super) struct QueueRequests(Mutex<Unclaimed>);

#[derive(Debug, Default)]
struct Unclaimed {
    /// How many workers have a job.
    working: usize,
    /// Not more than there are jobs in line, nor than workers without a job: so a worker claims
    /// each at once.
    requests: VecDeque<SlotRequest>,
}

impl QueueRequests {
    /// A worker has taken a job out of the line. The request that was left for it, if there is one.
    pub(super) fn begin(&self) -> Option<SlotRequest> {
        let mut state = lock(&self.0);
        state.working += 1;
        state.requests.pop_front()
    }

    /// The worker is done with its job. Leaves a request for the next one, if a worker of so many
    /// will take one at once.
    pub(super) fn end(
        &self,
        workers: usize,
        in_line: impl FnOnce() -> usize,
        request: impl FnOnce() -> SlotRequest,
    ) {
        let mut state = lock(&self.0);
        state.working -= 1;
        let unclaimed = state.requests.len();
        // Called under the lock: a worker that then takes a job out of the line claims a request.
        if state.working + unclaimed < workers && unclaimed < in_line() {
            state.requests.push_back(request());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn most_urgent_and_then_the_first() {
        let scheduler = Scheduler::new(Some(1));
        let first = scheduler.request(0).slot().await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (name, priority) in [("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", -1)] {
            let (scheduler, order) = (scheduler.clone(), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _slot = scheduler.request(priority).slot().await;
                order.lock().unwrap().push(name);
            }));
            tokio::task::yield_now().await;
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["b", "d", "a", "c", "e"]);
        assert_eq!(lock(&scheduler.0).taken, 0);
    }

    #[tokio::test]
    async fn a_request_that_is_given_up_is_passed_over() {
        let scheduler = Scheduler::new(Some(1));
        let first = scheduler.request(0).slot().await;
        let impatient = tokio::spawn({
            let scheduler = scheduler.clone();
            async move { scheduler.request(9).slot().await }
        });
        tokio::task::yield_now().await;
        impatient.abort();
        assert!(impatient.await.unwrap_err().is_cancelled());
        drop(first);
        let _slot = scheduler.request(0).slot().await;
        assert_eq!(lock(&scheduler.0).taken, 1);
    }

    #[tokio::test]
    async fn limit_can_change() {
        let scheduler = Scheduler::new(Some(2));
        let held = [scheduler.request(0).slot().await, scheduler.request(0).slot().await];
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let scheduler = scheduler.clone();
                tokio::spawn(async move { scheduler.request(0).slot().await })
            })
            .collect();
        tokio::task::yield_now().await;
        scheduler.resize(Some(1));
        drop(held);
        tokio::task::yield_now().await;
        assert_eq!(lock(&scheduler.0).waiting.len(), 2);
        assert_eq!(lock(&scheduler.0).taken, 1);
        scheduler.resize(None);
        for task in waiting {
            drop(task.await.unwrap());
        }
        assert_eq!(lock(&scheduler.0).taken, 0);
    }

    fn waits(request: &SlotRequest) -> bool {
        matches!(request, SlotRequest::Waiting(slot) if slot.is_empty())
    }

    #[tokio::test]
    async fn a_worker_keeps_its_request_before_less_urgent_ones() {
        let (scheduler, requests) = (Scheduler::new(Some(1)), QueueRequests::default());
        assert!(requests.begin().is_none());
        let slot = scheduler.request(7).slot().await;
        let low = scheduler.request(0);
        requests.end(1, || 1, || scheduler.request(7));
        drop(slot);
        let next = requests.begin().expect("it was left for the next job").slot().await;
        requests.end(1, || 0, || unreachable!("no job is in line"));
        assert!(waits(&low));
        drop(next);
        assert!(!waits(&low));
    }

    #[test]
    fn no_request_is_left_that_no_worker_takes() {
        let (scheduler, requests) = (Scheduler::new(None), QueueRequests::default());
        let request = || scheduler.request(0);
        for _ in 0..4 {
            assert!(requests.begin().is_none());
        }
        requests.end(3, || 9, || unreachable!("three others are at work: it has to leave"));
        requests.end(3, || 9, request);
        requests.end(3, || 1, || unreachable!("one request is left, for the one job"));
        requests.end(3, || 9, request);
        assert_eq!(lock(&requests.0).requests.len(), 2);
        assert!(
            requests.begin().is_some() && requests.begin().is_some() && requests.begin().is_none()
        );
    }
}
