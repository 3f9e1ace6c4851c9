//! A worker that writes records in batches: when a batch is full, when its oldest record has waited
//! long enough, when somebody asks, and at shutdown.
//!
//! Why `mpsc`: one worker owns the batch, so nothing needs a lock. Why `oneshot` beside it: whoever
//! asks for a flush wants to know when it has happened, and that is one answer to one request.
//!
//! Look at:
//! - `collect`: three events, one loop. `recv` is cancel safe, so the timer branch of the `select!`
//!   can win without losing a record.
//! - the end of the channel: `recv` gives everything that was accepted before it gives `None`, and
//!   then the rest is written. Nothing accepted is lost.

use std::error::Error;
use std::time::Duration;

use levada::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

const BATCH: usize = 4;
/// The longest a record waits for company.
const LINGER: Duration = Duration::from_millis(50);
const QUEUE: usize = 16;

type Record = String;

enum Request {
    Write(Record),
    /// Write what is there now, and answer with how many records that was.
    Flush(oneshot::Sender<usize>),
}

struct Worker {
    batch: Vec<Record>,
    /// When the batch must be written; `None` while it is empty.
    due: Option<Instant>,
    /// Stands for the database.
    written: Vec<Record>,
}

impl Worker {
    /// Runs until the last sender is gone, and returns everything it has written.
    async fn collect(mut self, mut requests: mpsc::Receiver<Request>) -> Vec<Record> {
        loop {
            let due = self.due;
            let linger = async move {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.handle(request),
                    None => break,
                },
                () = linger => {
                    self.flush("time");
                }
            }
        }
        self.flush("shutdown");
        self.written
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::Write(record) => {
                self.due.get_or_insert_with(|| Instant::now() + LINGER);
                self.batch.push(record);
                if self.batch.len() == BATCH {
                    self.flush("size");
                }
            }
            Request::Flush(done) => {
                let count = self.flush("demand");
                if done.send(count).is_err() {
                    println!("flush (demand): the asker has left, the records are written");
                }
            }
        }
    }

    fn flush(&mut self, reason: &str) -> usize {
        let count = self.batch.len();
        if count > 0 {
            println!("flush ({reason}): {count} records");
        }
        self.written.append(&mut self.batch);
        self.due = None;
        count
    }
}

async fn write(
    worker: &mpsc::Sender<Request>,
    count: usize,
) -> Result<usize, mpsc::error::SendError<Request>> {
    for number in 0..count {
        worker.send(Request::Write(format!("record {number}"))).await?;
    }
    Ok(count)
}

// The clock is paused: it jumps ahead when every task waits, so the output is the same every time.
// Without `start_paused` the program does the same in real time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let (worker, requests) = mpsc::channel(QUEUE);
    let state = Worker { batch: Vec::with_capacity(BATCH), due: None, written: Vec::new() };
    let task = tokio::spawn(state.collect(requests));
    let mut accepted = 0;

    accepted += write(&worker, BATCH).await?; // A full batch.

    accepted += write(&worker, 3).await?; // Not full: the timer writes it.
    tokio::time::sleep(LINGER * 2).await;

    accepted += write(&worker, 2).await?;
    let (done, flushed) = oneshot::channel();
    worker.send(Request::Flush(done)).await?;
    println!("asked for a flush: {} records are safe now", flushed.await?);

    accepted += write(&worker, 2).await?; // Still in the queue when the sender goes.
    drop(worker);

    let written = task.await?;
    println!("accepted {accepted}, written {}", written.len());
    Ok(())
}
