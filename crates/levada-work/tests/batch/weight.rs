//! A queue that is bounded by weight: its guarantees by name.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use levada::mpsc::error::TrySendError;
use levada_work::batch::{Batch, Ended};
use support::{Task, within_deadline};
use tokio::task::JoinSet;

use crate::flushed::Flushed;

/// Batches of 10, and 20 in the queue. The worker has not looked yet: on this thread it runs when
/// the test waits.
fn weighed() -> Batch<usize> {
    Batch::new().max_weight(10, |item| *item).capacity_weight(20)
}

#[tokio::test]
async fn a_full_queue_refuses_by_weight() {
    let (batcher, worker, flushed) = Flushed::start(weighed());
    batcher.try_send(9).unwrap();
    batcher.try_send(8).unwrap();
    assert_eq!(batcher.try_send(4), Err(TrySendError::Full(4)));
    batcher.try_send(3).unwrap();
    assert_eq!(batcher.try_send(1), Err(TrySendError::Full(1)));
    assert_eq!(batcher.queued(), 3);
    drop(batcher);
    let totals = worker.join().await.unwrap();
    assert_eq!((totals.flushed, flushed.batches()), (3, vec![vec![9], vec![8], vec![3]]));
}

#[tokio::test]
async fn a_sender_waits_until_its_item_fits_and_is_not_overtaken() {
    let (batcher, worker, flushed) = Flushed::start(weighed());
    batcher.try_send(18).unwrap();
    let mut heavy = Task::waiting(batcher.send(5));
    let mut light = Task::waiting(batcher.send(1));
    assert_eq!(batcher.try_send(1), Err(TrySendError::Full(1)), "it does not overtake either");
    while flushed.count() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((heavy.poll(), light.poll()), (Poll::Ready(Ok(())), Poll::Ready(Ok(()))));
    drop((heavy, light));
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 3);
    assert_eq!(flushed.batches().concat(), [18, 5, 1]);
}

#[tokio::test]
async fn a_cancelled_send_sends_nothing_and_passes_its_turn() {
    let (batcher, worker, flushed) = Flushed::start(weighed());
    batcher.try_send(18).unwrap();
    let heavy = Task::waiting(batcher.send(15));
    let mut light = Task::waiting(batcher.send(2));
    drop(heavy);
    assert_eq!(light.poll(), Poll::Ready(Ok(())));
    drop(light);
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 2);
    assert_eq!(flushed.batches().concat(), [18, 2]);
}

#[tokio::test]
async fn an_item_heavier_than_the_queue_waits_to_be_alone() {
    let (batcher, worker, flushed) = Flushed::start(weighed());
    batcher.try_send(1).unwrap();
    assert_eq!(batcher.try_send(50), Err(TrySendError::Full(50)));
    batcher.send(50).await.unwrap();
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 2);
    assert_eq!(flushed.batches(), [[1], [50]]);
}

#[tokio::test]
async fn close_flushes_what_was_accepted_and_returns_the_rest() {
    let (batcher, mut worker, flushed) = Flushed::start(weighed());
    batcher.try_send(20).unwrap();
    let mut waiting = Task::waiting(batcher.send(7));
    worker.close();
    assert_eq!(worker.join().await.unwrap().flushed, 1);
    let Poll::Ready(Err(refused)) = waiting.poll() else { panic!("it was closed") };
    assert_eq!(refused.0, 7);
    assert!(batcher.is_closed());
    assert_eq!(batcher.try_send(1), Err(TrySendError::Closed(1)));
    assert_eq!(batcher.flush().await, Err(Ended));
    assert_eq!(flushed.batches(), [[20]]);
}

#[tokio::test]
async fn a_flush_request_waits_for_room_as_well() {
    let (batcher, _worker, flushed) = Flushed::start(weighed());
    batcher.try_send(20).unwrap();
    let totals = batcher.flush().await.unwrap();
    assert_eq!((totals.flushed, flushed.count()), (1, 1));
    let weak = batcher.downgrade();
    assert!(weak.upgrade().is_some());
    drop(batcher);
    assert!(weak.upgrade().is_none());
}

#[tokio::test]
async fn without_a_weight_each_item_counts_as_one() {
    let (batcher, _worker, _) = Flushed::start(Batch::new().capacity_weight(2));
    batcher.try_send(100).unwrap();
    batcher.try_send(100).unwrap();
    assert_eq!(batcher.try_send(100), Err(TrySendError::Full(100)));
}

#[tokio::test]
async fn the_last_capacity_counts() {
    let (batcher, _worker, _) = Flushed::start(weighed().capacity(1));
    batcher.try_send(1).unwrap();
    assert_eq!(batcher.try_send(1), Err(TrySendError::Full(1)));
    let (batcher, _worker, _) = Flushed::start(weighed().capacity(1).capacity_weight(2));
    batcher.try_send(1).unwrap();
    batcher.try_send(1).unwrap();
}

#[tokio::test]
async fn an_item_is_weighed_once() {
    static WEIGHED: AtomicUsize = AtomicUsize::new(0);
    let batch = Batch::new().capacity_weight(4).max_weight(4, |_: &u32| {
        WEIGHED.fetch_add(1, Ordering::SeqCst);
        2
    });
    let (batcher, worker, _) = Flushed::start(batch);
    for item in 0..10 {
        batcher.send(item).await.unwrap();
    }
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 10);
    assert_eq!(WEIGHED.load(Ordering::SeqCst), 10);
}

/// Items in all places weigh at most the queue, a batch and one more item.
#[test]
fn senders_on_several_threads_lose_nothing_and_the_weight_is_bounded() {
    static ACCEPTED: AtomicUsize = AtomicUsize::new(0);
    static FLUSHED: AtomicUsize = AtomicUsize::new(0);
    within_deadline(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build();
        runtime.unwrap().block_on(async {
            let (batcher, worker) = weighed().start(|items: Vec<usize>| async move {
                // The worker collects nothing meanwhile.
                let flushed = FLUSHED.fetch_add(items.iter().sum(), Ordering::SeqCst);
                let accepted = ACCEPTED.load(Ordering::SeqCst);
                assert!(accepted.saturating_sub(flushed) <= 20 + 10 + 7, "{accepted} {flushed}");
                Ok::<_, std::convert::Infallible>(())
            });
            let mut senders = JoinSet::new();
            for sender in 0..3 {
                let batcher = batcher.clone();
                senders.spawn(async move {
                    for item in 0..500 {
                        let weight = 1 + (item + sender) % 7;
                        batcher.send(weight).await.unwrap();
                        ACCEPTED.fetch_add(weight, Ordering::SeqCst);
                    }
                });
            }
            drop(batcher);
            senders.join_all().await;
            let totals = worker.join().await.unwrap();
            assert_eq!((totals.flushed, totals.panicked), (1_500, 0));
            assert_eq!(ACCEPTED.load(Ordering::SeqCst), FLUSHED.load(Ordering::SeqCst));
        });
    });
}

#[test]
#[should_panic(expected = "a queue that weighs at most 0")]
fn no_queue_is_without_room() {
    let _ = Batch::<u32>::new().capacity_weight(0);
}
