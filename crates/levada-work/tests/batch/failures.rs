//! Flushes that fail or panic.

use std::sync::{Arc, Mutex};

use levada_work::Panic;
use levada_work::batch::Batch;

/// Fails, panics early or late, or succeeds, as its first item says.
async fn flush(items: Vec<&'static str>) -> Result<(), String> {
    match items[0] {
        "error" => Err("the disk is full".into()),
        "panic" => {
            tokio::task::yield_now().await;
            panic!("after a while")
        }
        _ => Ok(()),
    }
}

#[tokio::test]
async fn failures_are_counted_and_told_and_the_worker_goes_on() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    let (batcher, worker) = Batch::new()
        .max_items(2)
        .on_failure(move |failure| {
            let is_panic = failure.error.is::<Panic>();
            hook.lock().unwrap().push((failure.items, is_panic, failure.to_string()));
            panic!("a hook that panics is ignored");
        })
        .start(|items: Vec<&'static str>| {
            assert_ne!(items[0], "panic at once", "at once");
            flush(items)
        });
    for item in ["fine", "-", "error", "-", "panic", "-", "panic at once", "-", "fine"] {
        batcher.send(item).await.unwrap();
    }
    let totals = batcher.flush().await.unwrap();
    assert_eq!((totals.batches, totals.flushed, totals.failed, totals.panicked), (5, 3, 2, 4));
    drop(batcher);
    assert_eq!(worker.join().await.unwrap(), totals);
    let told = told.lock().unwrap();
    let kinds: Vec<_> = told.iter().map(|(items, is_panic, _)| (*items, *is_panic)).collect();
    assert_eq!(kinds, [(2, false), (2, true), (2, true)]);
    assert_eq!(told[0].2, "a batch of 2 items failed: the disk is full");
    assert_eq!(told[1].2, "a batch of 2 items failed: panicked: after a while");
    assert!(told[2].2.contains("at once"), "{}", told[2].2);
}

#[tokio::test]
async fn without_a_hook_they_are_counted() {
    let (batcher, worker) = Batch::new().max_items(1).start(flush);
    for item in ["error", "panic", "fine"] {
        batcher.send(item).await.unwrap();
    }
    drop(batcher);
    let totals = worker.join().await.unwrap();
    assert_eq!((totals.flushed, totals.failed, totals.panicked), (1, 1, 1));
}

#[tokio::test]
async fn a_panic_of_weigh_is_the_senders() {
    let batch = Batch::new().max_weight(10, |item: &usize| 10 / item);
    let (batcher, worker, flushed) = crate::flushed::Flushed::start(batch);
    let other = batcher.clone();
    let sent = tokio::spawn(async move { other.send(0).await }).await;
    assert!(sent.unwrap_err().is_panic());
    batcher.send(5).await.unwrap();
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 1);
    assert_eq!(flushed.batches(), [[5]]);
}

/// An error that panics when it is dropped.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

impl std::fmt::Display for Bomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a bomb")
    }
}

impl std::error::Error for Bomb {}

#[tokio::test]
async fn an_error_may_panic_when_it_is_dropped() {
    let (batcher, worker) = Batch::new().max_items(1).start(async |_: Vec<u8>| Err::<(), _>(Bomb));
    for item in 0..3 {
        batcher.send(item).await.unwrap();
    }
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().failed, 3);
}
