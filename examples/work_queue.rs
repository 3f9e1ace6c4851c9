//! A work queue: many senders, one worker.
//!
//! Why `mpsc`: each job must be done once, by one worker, in the order in which its sender sent it.
//! Why bounded: when the worker is behind, `send` waits, and so the senders slow down. Nothing
//! piles up.
//!
//! Look at:
//! - `drop(queue)`: the worker ends when the *last* sender is gone. Keep one by mistake, and it
//!   waits for ever.
//! - `send(..).await?`: it fails only if the worker is gone, and the error returns the job.
//! - the order: jobs of one sender arrive in order, jobs of different senders mix.

use std::error::Error;

use levada::mpsc;
use tokio::task::JoinSet;

const SENDERS: usize = 4;
const JOBS_PER_SENDER: usize = 5;
/// Jobs that may wait. Small on purpose, so that the senders feel the worker's pace.
const QUEUE: usize = 3;

#[derive(Debug)]
struct Job {
    sender: usize,
    number: usize,
    text: String,
}

/// Sends its jobs and returns how many the queue accepted.
async fn send_jobs(
    sender: usize,
    queue: mpsc::Sender<Job>,
) -> Result<usize, mpsc::error::SendError<Job>> {
    for number in 0..JOBS_PER_SENDER {
        let text = "levada ".repeat(number + 1);
        queue.send(Job { sender, number, text }).await?;
    }
    Ok(JOBS_PER_SENDER)
}

#[derive(Default)]
struct Report {
    words: usize,
    done_for: [usize; SENDERS],
    out_of_order: usize,
}

/// Works until every sender is gone and the queue is empty.
async fn work(mut jobs: mpsc::Receiver<Job>) -> Report {
    let mut report = Report::default();
    while let Some(job) = jobs.recv().await {
        report.words += job.text.split_whitespace().count();
        if report.done_for[job.sender] != job.number {
            report.out_of_order += 1;
        }
        report.done_for[job.sender] += 1;
    }
    report
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (queue, jobs) = mpsc::channel(QUEUE);
    let worker = tokio::spawn(work(jobs));

    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(send_jobs(sender, queue.clone()));
    }
    drop(queue); // The clones are the only senders now.

    let mut accepted = 0;
    while let Some(sent) = senders.join_next().await {
        accepted += sent??;
    }
    println!("{SENDERS} senders: {accepted} jobs accepted");

    let report = worker.await?;
    for (sender, done) in report.done_for.iter().enumerate() {
        println!("sender {sender}: {done} jobs done");
    }
    println!("out of order: {}", report.out_of_order);
    println!("{} words counted", report.words);
    Ok(())
}
