//! When a batch is flushed.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use levada::mpsc::error::TrySendError;
use levada_work::batch::Batch;
use support::{Task, poll_now};
use tokio::time::{Instant, sleep};

use crate::flushed::Flushed;

const LINGER: Duration = Duration::from_millis(10);

#[tokio::test]
async fn at_a_number_of_items() {
    let (batcher, worker, flushed) = Flushed::start(Batch::new().max_items(3));
    for item in 1..=7 {
        batcher.send(item).await.unwrap();
    }
    drop(batcher);
    let totals = worker.join().await.unwrap();
    assert_eq!(flushed.batches(), [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
    assert_eq!((totals.batches, totals.flushed, totals.items()), (3, 7, 7));
}

#[tokio::test]
async fn at_a_weight() {
    let batch = Batch::new().max_weight(10, |item: &usize| *item);
    let (batcher, worker, flushed) = Flushed::start(batch);
    for item in [4, 4, 4, 20, 1, 9, 3, usize::MAX, usize::MAX, 2] {
        batcher.send(item).await.unwrap();
    }
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 10);
    let expected = [
        vec![4, 4],
        vec![4],
        vec![20],
        vec![1, 9],
        vec![3],
        vec![usize::MAX],
        vec![usize::MAX],
        vec![2],
    ];
    assert_eq!(flushed.batches(), expected);
}

#[tokio::test(start_paused = true)]
async fn when_the_first_item_has_lingered() {
    let (batcher, worker, flushed) = Flushed::start(Batch::new().linger(LINGER));
    let start = Instant::now();
    batcher.send(1).await.unwrap();
    sleep(LINGER / 2).await;
    batcher.send(2).await.unwrap(); // Does not put the flush off.
    sleep(LINGER).await;
    assert_eq!(flushed.batches(), [[1, 2]]);
    sleep(LINGER * 10).await; // An empty batch is none.
    batcher.send(3).await.unwrap();
    let third = Instant::now();
    sleep(LINGER * 2).await;
    assert_eq!(flushed.times(), [start + LINGER, third + LINGER]);
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().batches, 2);
}

#[tokio::test(start_paused = true)]
async fn no_linger_takes_what_came_during_the_flush_before() {
    let batches = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&batches);
    let (batcher, worker) = Batch::new().start(move |items: Vec<u32>| {
        kept.lock().unwrap().push(items);
        async {
            sleep(LINGER).await;
            Ok::<_, Infallible>(())
        }
    });
    batcher.send(1).await.unwrap();
    sleep(LINGER / 2).await;
    for item in 2..=4 {
        batcher.send(item).await.unwrap();
    }
    sleep(LINGER).await;
    assert_eq!(*batches.lock().unwrap(), [vec![1], vec![2, 3, 4]]);
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 4);
}

#[tokio::test(start_paused = true)]
async fn on_demand() {
    let (batcher, worker, flushed) = Flushed::start(Batch::new().linger(LINGER * 1000));
    let start = Instant::now();
    let nothing = batcher.flush().await.unwrap();
    assert_eq!((nothing.batches, nothing.items()), (0, 0));
    batcher.send(1).await.unwrap();
    batcher.send(2).await.unwrap();
    let mut asked = Task::waiting(batcher.flush());
    batcher.send(3).await.unwrap();
    let totals = batcher.flush().await.unwrap();
    assert_eq!(totals.flushed, 3);
    let std::task::Poll::Ready(Ok(first)) = asked.poll() else { panic!("it was asked before") };
    assert_eq!(first.flushed, 2);
    assert_eq!(flushed.batches(), [vec![1, 2], vec![3]]);
    assert_eq!(Instant::now(), start, "nothing waited for the timer");
    drop(asked);
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 3);
}

#[tokio::test]
async fn a_full_queue_waits_or_refuses() {
    let (batcher, worker, flushed) = Flushed::start(Batch::new().capacity(2));
    batcher.try_send(1).unwrap();
    batcher.try_send(2).unwrap();
    assert_eq!(batcher.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(batcher.queued(), 2);
    let waiting = Task::waiting(batcher.send(4));
    assert!(poll_now(batcher.flush()).is_pending(), "a flush takes a place, too");
    drop(waiting); // Not accepted.
    batcher.send(5).await.unwrap();
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 3);
    assert_eq!(flushed.batches().concat(), [1, 2, 5]);
}

#[test]
fn no_linger_needs_no_timers() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (batcher, worker, _) = Flushed::start(Batch::new());
        batcher.send(1).await.unwrap();
        drop(batcher);
        assert_eq!(worker.join().await.unwrap().flushed, 1);
    });
}

#[test]
fn impossible_limits_are_refused() {
    let refused: [fn() -> Batch<u8>; 3] = [
        || Batch::new().max_items(0),
        || Batch::new().max_weight(0, |_| 1),
        || Batch::new().capacity(0),
    ];
    for make in refused {
        assert!(std::panic::catch_unwind(make).is_err());
    }
    assert!(format!("{:?}", Batch::<u8>::new()).contains("max_items: 1024"));
}

/// More than can be collected in a millisecond.
const MANY: usize = 1 << 20;

/// The first batch of a worker that finds so many items, and whether another task ran before it was
/// flushed.
async fn first_of_many(batch: Batch<u8>) -> (usize, bool) {
    let (first, others_ran) = (Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
    let (seen, looked) = (Arc::clone(&first), Arc::clone(&others_ran));
    let (batcher, worker) = batch.max_items(MANY).capacity(MANY).start(move |items: Vec<u8>| {
        seen.lock().unwrap().get_or_insert((items.len(), looked.load(Ordering::SeqCst)));
        async { Ok::<_, Infallible>(()) }
    });
    for _ in 0..MANY {
        batcher.try_send(0).unwrap();
    }
    drop(batcher);
    tokio::spawn(async move { others_ran.store(true, Ordering::SeqCst) });
    assert_eq!(worker.join().await.unwrap().flushed, MANY as u64);
    first.lock().unwrap().unwrap()
}

#[tokio::test]
async fn a_queue_that_is_never_empty_does_not_make_the_first_item_wait_longer() {
    let (items, _) = first_of_many(Batch::new().linger(Duration::from_millis(1))).await;
    assert!(items < MANY, "it waited for all");
}

#[tokio::test]
async fn a_queue_that_is_never_empty_does_not_keep_the_thread() {
    assert_eq!(first_of_many(Batch::new()).await, (MANY, true));
}
