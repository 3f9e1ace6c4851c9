//! A crawler: each page that is read makes jobs of the pages that it links to. With
//! `levada_work::pool`.
//!
//! Why a pool with a `Submitter`: "the queue is empty" does not mean "all is done" while a page is
//! being read. The pool counts a page from when it is submitted until it is read.
//!
//! Look at:
//! - `submit`: it never waits, since a job that waits for room keeps the worker that would make it.
//! - `idle`: the first crawl is over, and the pool is there for the next one.
//! - `drain`: a running job submits while the queue is closed, and all of that is done.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use levada_work::pool::{Pool, Submitter};
use tokio::time::{Instant, sleep};

/// There are no pages beyond this one.
const LAST: u32 = 100;

type Seen = Mutex<BTreeSet<u32>>;

/// Whether this is the first link to that page.
fn is_new(seen: &Seen, page: u32) -> bool {
    seen.lock().unwrap_or_else(PoisonError::into_inner).insert(page)
}

/// Stands for a request over the network: every page links to three others.
async fn links_of(page: u32) -> [u32; 3] {
    sleep(Duration::from_millis(100)).await;
    [page / 2, page * 2, page * 2 + 1]
}

async fn read(page: u32, seen: Arc<Seen>, more: Submitter<u32>) {
    for link in links_of(page).await {
        if (1..=LAST).contains(&link) && is_new(&seen, link) && more.submit(link).is_err() {
            println!("page {link} is not read: there was no time left");
        }
    }
}

// The clock is paused: it jumps ahead when every task waits, so the output is the same every time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let seen = Arc::new(Seen::default());
    let known = Arc::clone(&seen);
    let (pages, workers) =
        Pool::new(8).start_with_submitter(move |page, more| read(page, Arc::clone(&known), more));
    let count = || seen.lock().map_or(0, |seen| seen.len());
    let start = Instant::now();

    is_new(&seen, 1);
    pages.send(1).await?;
    sleep(Duration::from_millis(250)).await;
    let counts = workers.counts();
    println!("after 0.25 s: {} pages are being read, {} wait", counts.running, counts.queued);
    workers.idle().await;
    println!("{} pages after {:.1} s", count(), start.elapsed().as_secs_f64());

    seen.lock().map_err(|error| error.to_string())?.clear();
    pages.send(3).await?; // Again, from another page.
    workers.drain(Duration::from_secs(60)).await?;
    println!("{} pages, and the pool has ended", count());
    Ok(())
}
