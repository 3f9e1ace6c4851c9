//! A pool whose workers are more when there is much to do. With `levada_work::pool`; `work_queue`
//! begins by hand.
//!
//! Why `mpmc` inside: each job is done once, by whichever worker is free.
//!
//! Look at:
//! - `resize`: more workers begin at once; those that are too many finish their job first.
//! - the job that panics: it is told, and its worker takes the next one.
//! - `drain`: everything accepted is done when it returns; and what a limit that is too short
//!   costs.

use std::error::Error;
use std::time::Duration;

use levada_work::pool::Pool;
use tokio::time::{Instant, sleep};

const JOB: Duration = Duration::from_secs(1);

/// Stands for work that waits for others.
async fn convert(page: u32) {
    sleep(JOB).await;
    assert!(page != 13, "page 13 cannot be converted");
}

// The clock is paused: it jumps ahead when every task waits, so the output is the same every time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::new(1).capacity(100).on_panic(|panic| println!("a job {panic}"));
    let (pages, workers) = pool.start(convert);
    let start = Instant::now();
    for page in 1..=40 {
        pages.send(page).await?;
    }

    sleep(JOB * 4 + JOB / 2).await;
    println!("1 worker: {} pages wait after 4.5 s", workers.queued());
    workers.resize(8);
    sleep(JOB * 2).await;
    println!("8 workers: {} wait after 6.5 s, {} run", workers.queued(), workers.running());
    workers.resize(2);

    workers.drain(Duration::from_secs(60)).await?;
    println!("all are done after {:.1} s", start.elapsed().as_secs_f64());
    if let Err(refused) = pages.send(41).await {
        println!("closed: page {} came back", refused.0);
    }

    let (pages, workers) = Pool::new(2).start(convert);
    for page in 1..=5 {
        pages.send(page).await?;
    }
    if let Err(undone) = workers.drain(JOB / 2).await {
        println!("{undone}: pages {:?}", undone.queued);
    }
    Ok(())
}
