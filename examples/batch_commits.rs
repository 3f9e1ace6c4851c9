//! A store that commits many commands at once, and answers each.
//!
//! Why `levada_work::batch`: a commit costs the same for one command and for a hundred. With no
//! linger, no item waits on purpose: what comes in during a commit is the next batch.
//! `batching_worker` shows the same by hand.
//!
//! Look at:
//! - the `oneshot` in each command: its sender learns whether *it* is safe, and not just the batch.
//! - `Flush`: the worker owns the disk, so that no lock and no clone is needed.
//! - `spawn_blocking`: the disk is not waited for on a thread of the runtime.
//! - the end: the last handle goes, and `join` returns when what was accepted is committed.

use std::error::Error;

use levada::oneshot;
use levada_work::batch::{Batch, Batcher, Flush};
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

/// Owns the disk: no lock, and nothing is shared.
struct Committer {
    /// `None` while a commit is under way, and if it has panicked.
    disk: Option<Disk>,
}

impl Flush<Command> for Committer {
    type Error = String;

    /// One commit, then all answers.
    async fn flush(&mut self, commands: &mut Vec<Command>) -> Committed {
        let (keys, done): (Vec<_>, Vec<_>) =
            commands.drain(..).map(|command| (command.key, command.done)).unzip();
        let mut disk = self.disk.take().ok_or("a commit panicked before")?;
        let commit = move || {
            let result = disk.commit(&keys);
            (disk, result)
        };
        // If this one panics, `done` is dropped: the writers that wait see that there is no answer.
        let (disk, result) = spawn_blocking(commit).await.map_err(|panic| panic.to_string())?;
        self.disk = Some(disk);
        for done in done {
            if done.send(result.clone()).is_err() {
                println!("a writer left without waiting");
            }
        }
        result
    }
}

impl Drop for Committer {
    /// The worker has ended, and everything is flushed.
    fn drop(&mut self) {
        println!("{} keys are on disk", self.disk.as_ref().map_or(0, |disk| disk.keys.len()));
    }
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
    let (store, worker) = Batch::new()
        .max_items(1024)
        .on_failure(|failure| eprintln!("log: {failure}"))
        .start_with(Committer { disk: Some(Disk::default()) });

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
