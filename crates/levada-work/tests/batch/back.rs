//! A flusher that owns its state, and puts items back.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use levada_work::batch::{Batch, Flush, Totals};
use support::{Ledger, Message, Task};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

/// What was flushed: each call, with what it was given.
type Calls = Arc<Mutex<Vec<Vec<u32>>>>;

/// Takes out what `takes` says, and returns what it returns.
struct Table<F> {
    calls: Calls,
    takes: F,
}

impl<F> Flush<u32> for Table<F>
where
    F: FnMut(&mut Vec<u32>) -> Result<(), String> + Send,
{
    type Error = String;

    async fn flush(&mut self, batch: &mut Vec<u32>) -> Result<(), String> {
        self.calls.lock().unwrap().push(batch.clone());
        yield_now().await;
        (self.takes)(batch)
    }
}

/// Takes out half of the batch, and keeps the rest for the next time.
fn half(batch: &mut Vec<u32>) -> Result<(), String> {
    drop(batch.drain(..batch.len().div_ceil(2)));
    Ok(())
}

#[tokio::test]
async fn what_is_put_back_begins_the_next_batch() {
    let calls = Calls::default();
    let table = Table { calls: Arc::clone(&calls), takes: half };
    let (batcher, worker) = Batch::new().max_items(4).start_with(table);
    for item in 1..=6 {
        batcher.send(item).await.unwrap();
    }
    drop(batcher);
    let totals = worker.join().await.unwrap();
    let expected = [vec![1, 2, 3, 4], vec![3, 4, 5, 6], vec![5, 6], vec![6]];
    assert_eq!(*calls.lock().unwrap(), expected);
    assert_eq!((totals.batches, totals.flushed, totals.put_back), (4, 6, 5));
    assert_eq!(totals.items(), 6);
}

/// Each batch fails twice; the worker is closed before the first attempt.
#[tokio::test]
async fn nothing_is_lost_while_it_drains() {
    let calls = Calls::default();
    let mut failures = 0;
    let takes = move |batch: &mut Vec<u32>| {
        failures += 1;
        if failures % 3 == 0 {
            batch.clear();
            return Ok(());
        }
        Err("not now".to_owned())
    };
    let told = Arc::new(Mutex::new(0));
    let hook = Arc::clone(&told);
    let batch = Batch::new().max_items(2).on_failure(move |failure| {
        assert_eq!(failure.error.to_string(), "not now");
        *hook.lock().unwrap() += failure.items;
    });
    let (batcher, mut worker) = batch.start_with(Table { calls: Arc::clone(&calls), takes });
    for item in 1..=4 {
        batcher.send(item).await.unwrap();
    }
    worker.close();
    let totals = worker.join().await.unwrap();
    assert_eq!((totals.flushed, totals.failed, totals.put_back), (4, 0, 8));
    assert_eq!(calls.lock().unwrap().concat(), [1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4]);
    assert_eq!(*told.lock().unwrap(), 8, "each attempt that failed is told");
    assert_eq!(batcher.send(5).await.unwrap_err().0, 5);
}

#[tokio::test]
async fn a_flush_is_answered_when_nothing_is_put_back() {
    let calls = Calls::default();
    let table = Table { calls: Arc::clone(&calls), takes: half };
    let (batcher, worker) = Batch::new().start_with(table);
    for item in 1..=4 {
        batcher.send(item).await.unwrap();
    }
    let asked = batcher.flush();
    let later = async {
        yield_now().await;
        batcher.send(5).await.unwrap();
    };
    let (totals, ()) = tokio::join!(asked, later);
    assert_eq!(totals.unwrap().flushed, 4);
    let expected = [vec![1, 2, 3, 4], vec![3, 4], vec![4]];
    assert_eq!(calls.lock().unwrap()[..3], expected, "what came after it is not in them");
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 5);
}

#[tokio::test]
async fn what_is_put_back_is_weighed_again() {
    let calls = Calls::default();
    let table = Table { calls: Arc::clone(&calls), takes: half };
    let batch = Batch::new().max_weight(10, |item: &u32| *item as usize);
    let (batcher, worker) = batch.start_with(table);
    for item in [4, 5, 6, 3] {
        batcher.send(item).await.unwrap();
    }
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 4);
    // 5 and 6 are too heavy together, and so 6 waits behind 5.
    let expected = [vec![4, 5], vec![5], vec![6, 3], vec![3]];
    assert_eq!(*calls.lock().unwrap(), expected);
}

/// What a panicking flush leaves is dropped, and the flusher lives on.
#[tokio::test]
async fn a_panic_drops_what_is_left() {
    struct Panics {
        calls: usize,
    }
    impl Flush<Message> for Panics {
        type Error = Infallible;

        async fn flush(&mut self, batch: &mut Vec<Message>) -> Result<(), Infallible> {
            self.calls += 1;
            drop(batch.pop());
            yield_now().await;
            assert!(self.calls > 1, "on purpose");
            batch.clear();
            Ok(())
        }
    }
    let ledger = Ledger::new(5);
    let (batcher, worker) = Batch::new().max_items(3).start_with(Panics { calls: 0 });
    for _ in 0..5 {
        batcher.send(ledger.message()).await.unwrap();
    }
    drop(batcher);
    let totals = worker.join().await.unwrap();
    assert_eq!((totals.panicked, totals.flushed, totals.put_back), (3, 2, 0));
    ledger.settle();
}

/// It never waits, and never takes anything out, until another task says so.
#[tokio::test]
async fn a_flusher_that_never_waits_does_not_keep_the_thread() {
    struct Stubborn(Arc<Mutex<bool>>);
    impl Flush<u32> for Stubborn {
        type Error = Infallible;

        async fn flush(&mut self, batch: &mut Vec<u32>) -> Result<(), Infallible> {
            if *self.0.lock().unwrap() {
                batch.clear();
            }
            Ok(())
        }
    }
    let gives_in = Arc::new(Mutex::new(false));
    let (batcher, mut worker) = Batch::new().start_with(Stubborn(Arc::clone(&gives_in)));
    batcher.send(1).await.unwrap();
    worker.close();
    let mut joined = Task::new(worker.join());
    for _ in 0..100 {
        yield_now().await;
        assert!(joined.poll().is_pending());
    }
    *gives_in.lock().unwrap() = true;
    let totals = loop {
        yield_now().await;
        if let std::task::Poll::Ready(totals) = joined.poll() {
            break totals.unwrap();
        }
    };
    assert_eq!(totals.flushed, 1);
    assert!(totals.put_back >= 90, "{totals:?}");
}

#[tokio::test]
async fn a_weak_batcher_does_not_keep_the_worker() {
    let calls = Calls::default();
    let table = Table { calls, takes: half };
    let (batcher, worker) = Batch::new().start_with(table);
    let weak = batcher.downgrade();
    weak.clone().upgrade().unwrap().send(1).await.unwrap();
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 1);
    assert!(weak.upgrade().is_none());
}

const LINGER: Duration = Duration::from_secs(10);

fn nothing(items: Vec<u32>) -> impl Future<Output = Result<(), Infallible>> + Send {
    drop(items);
    async { Ok(()) }
}

async fn totals(batcher: &levada_work::batch::Batcher<u32>) -> Totals {
    batcher.flush().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn limits_change_for_the_batch_that_waits() {
    let start = Instant::now();
    let (batcher, worker) = Batch::new().max_items(10).linger(LINGER).start(nothing);
    for item in 0..3 {
        batcher.send(item).await.unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    worker.set_max_items(3);
    sleep(Duration::from_secs(1)).await;
    batcher.send(3).await.unwrap();
    batcher.send(4).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    worker.set_linger(Duration::from_secs(5)); // Counted from the first item.
    worker.set_max_items(5);
    batcher.send(5).await.unwrap();
    batcher.send(6).await.unwrap();
    sleep(Duration::from_millis(3_999)).await;
    assert_eq!(batcher.queued(), 0);
    worker.set_linger(Duration::ZERO);
    sleep(Duration::from_millis(1)).await;
    let totals = totals(&batcher).await;
    assert_eq!((totals.batches, totals.flushed), (2, 7));
    assert_eq!(start.elapsed(), Duration::from_secs(7));
    drop(batcher);
    worker.join().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_linger_that_begins_while_it_runs() {
    let (batcher, worker) = Batch::new().start(nothing);
    batcher.send(1).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    worker.set_linger(LINGER);
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    batcher.send(2).await.unwrap();
    sleep(LINGER / 2).await;
    batcher.send(3).await.unwrap();
    sleep(LINGER).await;
    drop(batcher);
    let totals = worker.join().await.unwrap();
    assert_eq!((totals.batches, totals.flushed), (2, 3));
    assert_eq!(start.elapsed(), LINGER * 3 / 2);
}

/// What was ordered last holds when the handle is gone.
#[tokio::test]
async fn orders_outlive_their_handle() {
    let (batcher, worker) = Batch::new().start(nothing);
    worker.set_max_items(1);
    drop(worker);
    for item in 0..4 {
        batcher.send(item).await.unwrap();
    }
    assert_eq!(totals(&batcher).await.batches, 4);
}

#[tokio::test]
#[should_panic(expected = "a batch of at most 0 items")]
async fn a_limit_of_nothing_is_refused() {
    let (_batcher, worker) = Batch::new().start(nothing);
    worker.set_max_items(0);
}
