//! How it ends: nothing that was accepted is lost.

use std::convert::Infallible;

use levada::mpsc::error::TrySendError;
use levada_work::batch::{Batch, Ended};
use support::{LONG, Ledger, Task};
use tokio::time::{Instant, sleep};

use crate::flushed::Flushed;

#[tokio::test(start_paused = true)]
async fn the_last_handle_ends_it_without_lingering() {
    let start = Instant::now();
    let (batcher, worker, flushed) = Flushed::start(Batch::new().linger(LONG));
    let other = batcher.clone();
    batcher.send(1).await.unwrap();
    drop(batcher);
    other.send(2).await.unwrap();
    drop(other);
    assert_eq!(worker.join().await.unwrap().flushed, 2);
    assert_eq!(flushed.batches(), [[1, 2]]);
    assert_eq!(Instant::now(), start);
}

#[tokio::test(start_paused = true)]
async fn close_flushes_what_was_accepted_and_returns_the_rest() {
    let start = Instant::now();
    let (batcher, mut worker, flushed) = Flushed::start(Batch::new().linger(LONG).capacity(2));
    batcher.send(1).await.unwrap();
    tokio::task::yield_now().await; // The worker lingers with it.
    batcher.send(2).await.unwrap();
    batcher.send(3).await.unwrap();
    let mut waiting = Task::waiting(batcher.send(4));
    worker.close();
    worker.close(); // Twice is once.
    assert_eq!(worker.join().await.unwrap().flushed, 3);
    assert_eq!(Instant::now(), start);
    assert_eq!(flushed.batches().concat(), [1, 2, 3]);
    let std::task::Poll::Ready(Err(refused)) = waiting.poll() else { panic!("it was closed") };
    assert_eq!(refused.0, 4);
    assert!(batcher.is_closed());
    assert_eq!(batcher.send(5).await.unwrap_err().0, 5);
    assert_eq!(batcher.try_send(6), Err(TrySendError::Closed(6)));
    assert_eq!(batcher.flush().await, Err(Ended));
}

/// The worker never waits for the queue here: it is full, and each batch ends with an item put
/// aside, or is full.
#[tokio::test]
async fn close_is_seen_under_load() {
    const FAR_TOO_MANY: u32 = 20_000;
    let batches: [fn() -> Batch<u32>; 2] =
        [|| Batch::new().max_weight(3, |_| 2), || Batch::new().max_items(1)];
    for batch in batches {
        let (batcher, mut worker, flushed) = Flushed::start(batch().capacity(8));
        let load = tokio::spawn(async move {
            let mut accepted = 0;
            while accepted < FAR_TOO_MANY && batcher.send(accepted).await.is_ok() {
                accepted += 1;
            }
            accepted
        });
        while flushed.count() < 100 {
            tokio::task::yield_now().await;
        }
        worker.close();
        let totals = worker.join().await.unwrap();
        let accepted = load.await.unwrap();
        assert!(accepted < FAR_TOO_MANY);
        assert_eq!(u64::from(accepted), totals.flushed);
    }
}

#[tokio::test]
async fn a_worker_without_a_handle_goes_on() {
    let (batcher, worker, flushed) = Flushed::start(Batch::new());
    drop(worker);
    for item in 0..3 {
        batcher.send(item).await.unwrap();
        batcher.flush().await.unwrap();
    }
    assert_eq!(flushed.count(), 3);
}

#[tokio::test]
async fn whoever_asked_for_a_flush_may_leave() {
    let (batcher, worker, flushed) = Flushed::start(Batch::new());
    batcher.send(1).await.unwrap();
    let asked = Task::waiting(batcher.flush());
    drop(asked);
    batcher.send(2).await.unwrap();
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 2);
    assert_eq!(flushed.batches(), [vec![1], vec![2]]);
}

#[test]
fn the_end_of_the_runtime_drops_what_is_left_once() {
    let ledger = Ledger::new(6);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (batcher, worker) = runtime.block_on(async {
        let (batcher, worker) = Batch::new().max_items(1).capacity(3).start(|items| async move {
            sleep(LONG).await;
            drop(items);
            Ok::<_, Infallible>(())
        });
        batcher.send(ledger.message()).await.unwrap();
        tokio::task::yield_now().await; // It is being flushed.
        for _ in 0..3 {
            batcher.send(ledger.message()).await.unwrap();
        }
        (batcher, worker)
    });
    drop(runtime);
    let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
    other.block_on(async {
        assert_eq!(batcher.send(ledger.message()).await.unwrap_err().0.id(), 4);
        assert!(matches!(batcher.try_send(ledger.message()), Err(TrySendError::Closed(_))));
        assert_eq!(batcher.flush().await, Err(Ended));
        assert_eq!(worker.join().await, Err(Ended));
    });
    assert_eq!(ledger.made(), 6);
    ledger.settle();
}
