//! A clean shutdown: stop accepting, finish what was accepted, say when it is done. With a view of
//! the progress on the way.
//!
//! Why `watch`, twice: "stop" is a state that every task must see, also one that looks late; and of
//! the progress only the latest figures matter. The jobs go through a bounded `mpsc`.
//!
//! Look at:
//! - the order: the intake stops and drops its sender; the worker reads what is left, gets `None`
//!   and ends. Nothing that was accepted is lost.
//! - `reserve` in the intake: when "stop" wins the race, no job is inside the dropped future.
//! - the limit on the drain: a shutdown that may take for ever is no shutdown.

use std::error::Error;
use std::time::Duration;

use levada::{mpsc, watch};
use tokio::time::{sleep, timeout};

const QUEUE: usize = 8;
const ARRIVAL: Duration = Duration::from_millis(4);
const WORK: Duration = Duration::from_millis(10);
/// How long the shutdown waits for the accepted jobs.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    accepted: u32,
    done: u32,
}

/// Returns when "stop" is set, or when nobody is left who could set it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|&stop| stop).await.is_err() {
        println!("the one who could say stop is gone: stopping");
    }
}

/// Accepts a job every few milliseconds until it is told to stop.
async fn accept(
    jobs: mpsc::Sender<u32>,
    progress: watch::Sender<Progress>,
    mut stop: watch::Receiver<bool>,
) {
    for number in 1.. {
        let place = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            place = jobs.reserve() => place,
        };
        let Ok(place) = place else {
            println!("the worker is gone: no more jobs are accepted");
            break;
        };
        place.send(number);
        progress.send_modify(|progress| progress.accepted += 1);
        sleep(ARRIVAL).await;
    }
    println!("the intake is closed");
}

/// Works until every sender is gone and the queue is empty.
async fn work(mut jobs: mpsc::Receiver<u32>, progress: watch::Sender<Progress>) {
    while let Some(_job) = jobs.recv().await {
        sleep(WORK).await;
        progress.send_modify(|progress| progress.done += 1);
    }
}

/// Prints the figures as they change. It may skip some; it always sees the last ones.
async fn show(mut progress: watch::Receiver<Progress>) -> Progress {
    let mut shown = Progress::default();
    while progress.changed().await.is_ok() {
        let now = *progress.borrow_and_update();
        if now.done > shown.done {
            println!("progress: {} done, {} to go", now.done, now.accepted - now.done);
        }
        shown = now;
    }
    shown
}

// The clock is paused: it jumps ahead when every task waits, so the output is the same every time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let (jobs, queue) = mpsc::channel(QUEUE);
    let (stop, stop_seen) = watch::channel(false);
    let (progress, mut figures) = watch::channel(Progress::default());

    let display = tokio::spawn(show(figures.clone()));
    let worker = tokio::spawn(work(queue, progress.clone()));
    let intake = tokio::spawn(accept(jobs, progress, stop_seen));

    // A service would wait for `tokio::signal::ctrl_c()` here.
    let at_stop = *figures.wait_for(|progress| progress.done == 3).await?;
    println!("stop: {} of {} accepted jobs are done", at_stop.done, at_stop.accepted);
    stop.send(true)?;

    timeout(DRAIN_LIMIT, async {
        intake.await?;
        worker.await
    })
    .await??;
    let end = display.await?;
    if end.done != end.accepted {
        return Err(format!("{} jobs were accepted, {} done", end.accepted, end.done).into());
    }
    println!("drained: every accepted job is done");
    Ok(())
}
