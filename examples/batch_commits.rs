//! A store that commits many commands at once, and answers each.
//!
//! Why `levada_work::batch`: a commit costs the same for one command and for a hundred. With no linger, nobody waits
//! on purpose: what comes in during a commit is the next batch. `batching_worker` shows the same by hand.
//!
//! Look at:
//! - the `oneshot` in each command: its sender learns whether *it* is safe, and not just the batch.
//! - `spawn_blocking`: the disk is not waited for on a thread of the runtime.
//! - the end: the last handle goes, and `join` returns when what was accepted is committed.

use std::error::Error;
use std::sync::{Arc, Mutex};

use levada::oneshot;
use levada_work::batch::{Batch, Batcher};
use tokio::task::{JoinSet, spawn_blocking};

const WRITERS: usize = 3;
const COMMANDS: usize = 12;

type Committed = Result<(), String>;

struct Command {
    key: String,
    done: oneshot::Sender<Committed>,
}

/// Stands for a file. Keys must not be empty.
#[derive(Default)]
struct Disk {
    keys: Vec<String>,
}

impl Disk {
    fn commit(&mut self, keys: &[String]) -> Committed {
        if keys.iter().any(String::is_empty) {
            return Err("there is an empty key: nothing of this batch is written".into());
        }
        self.keys.extend_from_slice(keys);
        Ok(())
    }
}

/// The flush function: one commit, then all answers.
async fn flush(disk: Arc<Mutex<Disk>>, commands: Vec<Command>) -> Committed {
    let (keys, done): (Vec<_>, Vec<_>) =
        commands.into_iter().map(|command| (command.key, command.done)).unzip();
    let commit = move || match disk.lock() {
        Ok(mut disk) => disk.commit(&keys),
        Err(_) => Err("a commit panicked before".into()),
    };
    // If this one panics, `done` is dropped: those who wait see that there is no answer.
    let result = spawn_blocking(commit).await.map_err(|panic| panic.to_string())?;
    for done in done {
        if done.send(result.clone()).is_err() {
            println!("a writer left without waiting");
        }
    }
    result
}

/// Returns when the key is on disk.
async fn set(store: &Batcher<Command>, key: String) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (done, committed) = oneshot::channel();
    if store.send(Command { key, done }).await.is_err() {
        return Err("the store is closed".into());
    }
    Ok(committed.await??)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let disk = Arc::new(Mutex::new(Disk::default()));
    let for_flush = Arc::clone(&disk);
    let (store, worker) = Batch::new()
        .max_items(1024)
        .on_failure(|failure| eprintln!("log: {failure}"))
        .start(move |commands| flush(Arc::clone(&for_flush), commands));

    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            for number in 0..COMMANDS {
                set(&store, format!("{writer}/{number}")).await?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    println!("{} keys are on disk", disk.lock().map_or(0, |disk| disk.keys.len()));

    if let Err(error) = set(&store, String::new()).await {
        println!("refused: {error}");
    }
    drop(store);
    let totals = worker.join().await?;
    println!("{} committed, {} failed", totals.flushed, totals.failed);
    let fewer = totals.batches < totals.items();
    eprintln!("{} batches{}", totals.batches, if fewer { ": commits were shared" } else { "" });
    Ok(())
}
