//! What several tasks want to do at the same time, done at once: one round after the other, and
//! what comes during a round goes into the next.
//!
//! There is no timer and no task of its own: a task that comes while none is at it does what is
//! there. So one alone waits for no other, and the more there are, the more share a round.

use std::mem::take;
use std::sync::Mutex;

use levada::oneshot;
use tokio::task::yield_now;

use crate::sync::lock;

/// The items that wait for the next round.
#[derive(Debug)]
pub(super) struct Together<T, R> {
    waiting: Mutex<Vec<Waiting<T, R>>>,
    round: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting<T, R> {
    item: T,
    done: oneshot::Sender<R>,
}

impl<T, R> Default for Together<T, R> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), round: tokio::sync::Mutex::default() }
    }
}

impl<T, R> Together<T, R> {
    /// Does `all` with this item and those of other tasks, in the order in which they came, and
    /// returns what came of this one: `all` gives a result for each.
    ///
    /// # Cancel safety
    /// If the future is dropped, what it does for others is cut off: they get `None`.
    pub(super) async fn with(&self, item: T, all: impl AsyncFnOnce(Vec<T>) -> Vec<R>) -> Option<R> {
        let (done, result) = oneshot::channel();
        lock(&self.waiting).push(Waiting { item, done });
        // Futures that one task polls all come to this point before the first of them goes on.
        yield_now().await;
        {
            let _round = self.round.lock().await;
            let waiting = take(&mut *lock(&self.waiting));
            // Another task may have had the item in its round.
            if !waiting.is_empty() {
                let (items, done): (Vec<_>, Vec<_>) =
                    waiting.into_iter().map(|it| (it.item, it.done)).unzip();
                for (done, result) in done.into_iter().zip(all(items).await) {
                    // An error means that its task is gone.
                    let _ = done.send(result);
                }
            }
        }
        result.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::sync::Mutex;
    use std::task::{Context, Waker};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::Together;

    /// Does nothing with the items but note which were together.
    #[derive(Default)]
    struct Rounds {
        together: Together<u32, u32>,
        rounds: Mutex<Vec<Vec<u32>>>,
    }

    impl Rounds {
        async fn add(&self, item: u32, gate: &Semaphore) -> Option<u32> {
            let all = async |items: Vec<u32>| {
                self.rounds.lock().unwrap().push(items.clone());
                drop(gate.acquire().await.unwrap());
                items.into_iter().map(|item| item * 10).collect()
            };
            self.together.with(item, all).await
        }

        fn rounds(&self) -> Vec<Vec<u32>> {
            self.rounds.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn what_one_task_does_at_once_is_one_round_in_its_order() {
        let (rounds, open) = (Rounds::default(), Semaphore::new(1));
        let results = join_all((0..100).map(|item| rounds.add(item, &open))).await;
        assert_eq!(results, (0..100).map(|item| Some(item * 10)).collect::<Vec<_>>());
        assert_eq!(rounds.rounds(), [(0..100).collect::<Vec<_>>()]);
    }

    #[tokio::test]
    async fn what_comes_during_a_round_is_the_next_one() {
        let (rounds, gate) = (Rounds::default(), Semaphore::new(0));
        let mut context = Context::from_waker(Waker::noop());
        let mut first = Box::pin(rounds.add(1, &gate));
        let mut others = Box::pin(join_all([rounds.add(2, &gate), rounds.add(3, &gate)]));
        for _ in 0..4 {
            assert!(first.as_mut().poll(&mut context).is_pending());
        }
        for _ in 0..4 {
            assert!(others.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(rounds.rounds(), [vec![1]]);
        gate.add_permits(1);
        assert_eq!(first.await, Some(10));
        assert_eq!(others.await, [Some(20), Some(30)]);
        assert_eq!(rounds.rounds(), [vec![1], vec![2, 3]]);
    }

    #[tokio::test]
    async fn a_task_that_is_dropped_during_its_round_leaves_the_others_without_a_result() {
        let (rounds, gate) = (Rounds::default(), Semaphore::new(0));
        let mut context = Context::from_waker(Waker::noop());
        let mut first = Box::pin(rounds.add(1, &gate));
        let mut second = Box::pin(rounds.add(2, &gate));
        for _ in 0..4 {
            assert!(first.as_mut().poll(&mut context).is_pending());
            assert!(second.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(rounds.rounds(), [vec![1, 2]]);
        drop(first);
        assert_eq!(second.await, None);
        gate.add_permits(1);
        assert_eq!(rounds.add(3, &gate).await, Some(30));
    }
}
