//! Every change to an index and to an archive, and none may be missed: the publisher waits for the
//! slower one, and an archive that hangs is evicted.
//!
//! Why `broadcast::lossless`: in a lossy broadcast a slow archive would miss changes, and with a
//! queue for each subscriber the publisher would have to know all of them.
//!
//! Look at:
//! - the page is an observer: it misses changes, is told how many, and never holds anything back.
//! - `subscribers`: the archive is known by its name as the slow one.
//! - `evict_after`: the watchdog ends the wait for an archive that hangs. The archive learns of it,
//!   subscribes again, and goes on from there.

use std::error::Error;
use std::time::Duration;

use levada::broadcast;
use levada::broadcast::lossless::{Receiver, Sender, error::RecvError};
use tokio::time::{Instant, interval, sleep};

/// How far a member may be behind.
const CAPACITY: usize = 4;
/// How long a member may hold the publisher back.
const GRACE: Duration = Duration::from_millis(200);

/// Publishes `changes`, and waits for the members where need be.
async fn publish(tx: &Sender<u32>, changes: std::ops::Range<u32>) -> Result<(), Box<dyn Error>> {
    for change in changes {
        tx.send(change).await?;
    }
    Ok(())
}

/// Takes in every change, and gives their number.
async fn index(mut rx: Receiver<u32>) -> u32 {
    let mut count = 0;
    while rx.recv().await.is_ok() {
        count += 1;
    }
    count
}

/// Hangs after the third change, until long after it was evicted; then begins again.
async fn archive(mut rx: Receiver<u32>) -> Result<(), RecvError> {
    for _ in 0..3 {
        rx.recv().await?;
    }
    while !rx.is_evicted() {
        sleep(GRACE / 10).await;
    }
    match rx.recv().await {
        Err(RecvError::Evicted) => println!("archive: evicted, and begins again"),
        other => println!("archive: {other:?} was not expected"),
    }
    rx = rx.resubscribe();
    while rx.recv().await.is_ok() {}
    Ok(())
}

/// Evicts what holds the publisher back for too long.
async fn watch(tx: Sender<u32>) {
    let mut ticks = interval(GRACE / 4);
    loop {
        ticks.tick().await;
        for member in tx.evict_after(CAPACITY as u64, GRACE) {
            let name = member.name.as_deref().unwrap_or("a member");
            println!("watchdog: {name} is {} changes behind, and is evicted", member.lag);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (tx, rx) = broadcast::lossless(CAPACITY);
    let mut page = tx.subscribe_lossy().named("page");
    let indexing = tokio::spawn(index(rx.named("index")));
    let archiving = tokio::spawn(archive(tx.subscribe().named("archive")));
    let watchdog = tokio::spawn(watch(tx.clone()));

    let start = Instant::now();
    publish(&tx, 0..20).await?;
    println!("publisher: waited for the grace: {}", start.elapsed() >= GRACE);

    // By now the archive has its new subscription.
    while tx.subscribers().len() < 3 {
        sleep(Duration::from_millis(1)).await;
    }
    publish(&tx, 20..22).await?;
    println!("page: {:?}", page.recv().await);
    println!("page: {:?}", page.recv().await);

    watchdog.abort();
    drop(watchdog.await); // It was aborted.
    drop((tx, page));
    println!("index: {} changes, and none missed", indexing.await?);
    archiving.await??;
    Ok(())
}
