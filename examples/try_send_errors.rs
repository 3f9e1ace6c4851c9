//! `try_send` and its two errors: `Full` and `Closed`.
//!
//! Why `try_send`: the caller cannot wait, or must not. A request handler that would rather say
//! "busy" now than keep its client hanging; a timer tick; a signal handler; a plain thread.
//!
//! Look at:
//! - both errors return the job. Nothing is lost unless you drop it.
//! - the two errors ask for different answers: `Full` passes, `Closed` never does.
//! - neither `try_send` nor `try_recv` needs a runtime: `main` is an ordinary function.

use std::error::Error;

use levada::mpsc::{self, error::TrySendError};

#[derive(Debug)]
struct Job(u32);

/// What the caller should do next.
#[derive(Debug)]
enum Answer {
    Accepted,
    /// The queue is full: here is the job, try again later or tell the client to.
    Busy(Job),
    /// The worker is gone: no later attempt will help.
    Gone(Job),
}

fn offer(queue: &mpsc::Sender<Job>, job: Job) -> Answer {
    match queue.try_send(job) {
        Ok(()) => Answer::Accepted,
        Err(TrySendError::Full(job)) => Answer::Busy(job),
        Err(TrySendError::Closed(job)) => Answer::Gone(job),
    }
}

fn tell(answer: &Answer) {
    match answer {
        Answer::Accepted => println!("accepted"),
        Answer::Busy(job) => println!("busy: job {} came back, try again later", job.0),
        Answer::Gone(job) => println!("gone: job {} came back, give up", job.0),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (queue, mut jobs) = mpsc::channel(2);

    tell(&offer(&queue, Job(1)));
    tell(&offer(&queue, Job(2)));
    let answer = offer(&queue, Job(3));
    tell(&answer);

    println!("the worker takes job {}", jobs.try_recv()?.0);
    if let Answer::Busy(job) = answer {
        tell(&offer(&queue, job)); // The same job, not a copy.
    }

    jobs.close(); // No new jobs; what was accepted is still there.
    tell(&offer(&queue, Job(4)));
    while let Ok(job) = jobs.try_recv() {
        println!("the worker takes job {}", job.0);
    }
    Ok(())
}
