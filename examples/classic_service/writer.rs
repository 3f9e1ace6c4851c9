//! Writes readings in batches, and publishes what was written.

use std::mem;
use std::time::Duration;

use levada::{broadcast, watch};
use levada_work::actor::Address;
use levada_work::batch::{Ended, Flush, Totals, Worker};
use levada_work::shutdown::{ShutdownGuard, Signal};
use tokio::time::sleep;

use crate::config::Config;
use crate::database::{Commit, NotWritten, Query};
use crate::reading::Reading;

/// How long the writer waits after a commit that failed.
const PAUSE: Duration = Duration::from_millis(200);

/// An event: this reading is on disk.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) row: u64,
    pub(crate) commit: u64,
    pub(crate) reading: Reading,
}

/// Owns the only strong sender of the events: when the writer ends, so do all event streams.
pub(crate) struct Writer {
    pub(crate) database: Address<Query>,
    pub(crate) events: broadcast::Sender<Written>,
    pub(crate) signal: Signal,
}

impl Flush<Reading> for Writer {
    type Error = String;

    /// One batch is one commit. A batch that is known not to be written is put back.
    async fn flush(&mut self, batch: &mut Vec<Reading>) -> Result<(), String> {
        match self.database.ask(Query::Write, mem::take(batch)).await {
            Ok(Ok(commit)) => {
                self.publish(commit);
                Ok(())
            }
            Ok(Err(NotWritten { error, rows })) => {
                *batch = rows;
                self.pause_or_give_up(batch).await;
                Err(error.to_string())
            }
            Err(error) => {
                let reason = error.to_string();
                // `None`: the database has ended over this batch. It may be written, or not.
                if let Some(rows) = error.into_request() {
                    *batch = rows;
                    self.pause_or_give_up(batch).await;
                }
                Err(reason)
            }
        }
    }
}

impl Writer {
    fn publish(&self, commit: Commit) {
        let Commit { number: commit, first_row, rows } = commit;
        for (row, reading) in (first_row..).zip(rows) {
            // An error means that nobody listens.
            let _ = self.events.send(Written { row, commit, reading });
        }
    }

    /// Leaves the batch for another attempt, unless no time is left for one.
    async fn pause_or_give_up(&self, batch: &mut Vec<Reading>) {
        tokio::select! {
            biased;
            () = self.signal.aborting() => batch.clear(), // Counted as failed, and reported.
            () = sleep(PAUSE) => {}
        }
    }
}

/// Applies the configuration to the worker, and ends it when the service drains.
///
/// `close` ends it from the receiver's side. Connections hold senders, and one that stays open
/// would keep it for ever.
pub(crate) async fn supervise(
    mut worker: Worker,
    mut config: watch::Receiver<Config>,
    guard: ShutdownGuard,
) -> Result<Totals, Ended> {
    loop {
        worker.set_max_items(config.borrow_and_update().batch_items);
        tokio::select! {
            () = guard.draining() => break,
            changed = config.changed() => if changed.is_err() { break },
        }
    }
    worker.close();
    worker.join().await
}
