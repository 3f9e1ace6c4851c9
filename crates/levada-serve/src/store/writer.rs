//! The one writer of a store: what comes while a commit is under way goes into the next one.
//!
//! ```text
//! submit() --room (bounded)--> commands, in order --> one worker --> Store::commit, on a thread that may block
//! note() --> notes -----------taken along-----------------^   |
//!   <-- oneshot, for each submit() ---------------------------+
//! ```
//!
//! It never waits for more to come: while the disk syncs, more does. So one client alone has the latency of one commit,
//! and a thousand share it.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use levada::{mpsc, oneshot, watch};
use levada_work::batch::{Batch, Batcher, Worker};
use tokio::time::sleep;

use super::{Change, Durability, Store, StoreError, call};

/// How many submissions may wait for the disk. More of them wait for room.
const ROOM: usize = 1024;

/// How many commands wait at most: never so many. Those with changes that wait are bounded by `ROOM`, and for the others
/// nobody can wait.
const COMMANDS: usize = 1 << 28;

/// How many bytes that jobs brought with them go into one commit, unless one command has more.
const BATCH_BYTES: usize = 64 << 20;

/// How long a note waits at most for a commit that it can go with. A job that ends before need not be noted.
const NOTES_WAIT: Duration = Duration::from_millis(10);

/// Hands changes to the one worker that writes. Clones are the same writer.
#[derive(Clone)]
pub(crate) struct Writer {
    commands: Batcher<Command>,
    room: mpsc::Sender<()>,
    failed: watch::Receiver<Option<StoreError>>,
    shared: Arc<Shared>,
}

/// Changes that are on their way to the disk.
#[derive(Debug)]
#[must_use = "nobody knows yet whether they are on the disk"]
pub(crate) struct Submitted(oneshot::Receiver<Result<(), StoreError>>);

/// Closes the writer. Dropped, it goes on until the last [`Writer`] is gone; then what was only noted may not be on
/// the disk.
pub(crate) struct Closer {
    worker: Worker,
    shared: Arc<Shared>,
}

struct Command {
    changes: Vec<Change>,
    /// `None` for a nudge: notes wait.
    waiter: Option<Waiter>,
}

struct Waiter {
    done: oneshot::Sender<Result<(), StoreError>>,
    /// Until the commit is done.
    _room: mpsc::OwnedPermit<()>,
}

/// What was committed at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Commit {
    /// How many changes it had.
    pub(crate) changes: usize,
    /// How many submissions waited for it.
    pub(crate) waiting: usize,
    pub(crate) took: Duration,
}

impl Writer {
    /// Starts the worker. `observe` is told of every commit.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        observe: impl Fn(Commit) + Send + Sync + 'static,
    ) -> (Self, Closer) {
        // Its capacity is all that is used of this channel.
        let (room, rooms) = mpsc::channel(ROOM);
        let (failure, failed) = watch::channel(None);
        let pending = AtomicBool::new(false);
        let observe = Box::new(observe);
        let notes = Mutex::default();
        let shared = Arc::new(Shared { store, failure, pending, notes, observe, _rooms: rooms });
        let writing = Arc::clone(&shared);
        let (commands, worker) = Batch::new()
            .capacity(COMMANDS)
            .max_weight(BATCH_BYTES, Command::bytes)
            .start(move |commands| Arc::clone(&writing).write(commands));
        let writer = Self { commands, room, failed, shared: Arc::clone(&shared) };
        (writer, Closer { worker, shared })
    }

    /// Makes these changes, all or none, and returns when they are on the disk.
    ///
    /// # Errors
    /// If the store has failed, now or before, or is closed.
    ///
    /// # Cancel safety
    /// If the future is dropped, the changes are made or not.
    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.submit(changes).await?.committed().await
    }

    /// Hands these changes in, after all that this handle was given before, and returns when there is room for them.
    ///
    /// # Errors
    /// If the store is closed.
    ///
    /// # Cancel safety
    /// If the future is dropped, the changes are made or not.
    pub(crate) async fn submit(&self, changes: Vec<Change>) -> Result<Submitted, StoreError> {
        let room = self.room.clone().reserve_owned().await.map_err(|_| closed())?;
        let (done, result) = oneshot::channel();
        let waiter = Some(Waiter { done, _room: room });
        // Never full: those with changes are bounded by the room.
        self.commands.try_send(Command { changes, waiter }).map_err(|_| closed())?;
        Ok(Submitted(result))
    }

    /// Makes a change of a job that is there, with the next `submit` or soon. For what may be lost with the process, and
    /// need not be written at all when another change of the job comes first: there is no answer, and no waiting, so how
    /// many are under way must be bounded otherwise.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn note(&self, change: Change) {
        let is_first = {
            let mut notes = self.shared.notes();
            notes.push(change);
            notes.len() == 1
        };
        if is_first {
            let commands = self.commands.clone();
            tokio::spawn(async move {
                sleep(NOTES_WAIT).await;
                // If it is closed, or has failed, that is what may be lost.
                let _ = commands.try_send(Command { changes: Vec::new(), waiter: None });
            });
        }
    }

    /// Shows the error that made the store fail, once it has.
    pub(crate) fn failed(&self) -> watch::Receiver<Option<StoreError>> {
        self.failed.clone()
    }
}

impl Submitted {
    /// Waits until they are on the disk.
    ///
    /// # Errors
    /// If the store has failed, now or before: they are not.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing for them.
    pub(crate) async fn committed(self) -> Result<(), StoreError> {
        self.0.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Closer {
    /// Takes no more changes, and returns when all that were taken are on the disk.
    ///
    /// # Errors
    /// If the store has failed, now or before, or the runtime ends.
    ///
    /// # Cancel safety
    /// If the future is dropped, what was taken is committed, but notes may not be on the disk.
    pub(crate) async fn close(mut self) -> Result<(), StoreError> {
        self.worker.close();
        self.worker.join().await.map_err(|error| StoreError::io(error.to_string()))?;
        let notes = std::mem::take(&mut *self.shared.notes());
        // ORDERING: Relaxed, no pair; the worker was joined, which is after all that it did.
        if !notes.is_empty() || self.shared.pending.load(Ordering::Relaxed) {
            return self.shared.commit(notes, 0, Durability::Now).await;
        }
        self.shared.failure()
    }
}

impl Command {
    fn bytes(&self) -> usize {
        self.changes.iter().map(Change::bytes).sum()
    }
}

fn closed() -> StoreError {
    StoreError::io("the store is closed")
}

/// What the worker has.
struct Shared {
    store: Arc<dyn Store>,
    failure: watch::Sender<Option<StoreError>>,
    /// Something was committed for later.
    pending: AtomicBool,
    notes: Mutex<Vec<Change>>,
    observe: Box<dyn Fn(Commit) + Send + Sync>,
    _rooms: mpsc::Receiver<()>,
}

impl Shared {
    async fn write(self: Arc<Self>, commands: Vec<Command>) -> Result<(), StoreError> {
        // Before the commands, which they must not undo.
        let mut changes = std::mem::take(&mut *self.notes());
        let changed: HashSet<_> =
            commands.iter().flat_map(|it| &it.changes).map(Change::id).collect();
        changes.retain(|note| !changed.contains(&note.id()));
        let mut waiters = Vec::with_capacity(commands.len());
        for command in commands {
            changes.extend(command.changes);
            waiters.extend(command.waiter);
        }
        if changes.is_empty() && waiters.is_empty() {
            return Ok(());
        }
        let durability = if waiters.is_empty() { Durability::Later } else { Durability::Now };
        let result = self.commit(changes, waiters.len(), durability).await;
        for waiter in waiters {
            // Whoever does not wait any more has no use for it.
            let _ = waiter.done.send(result.clone());
        }
        result
    }

    async fn commit(
        &self,
        changes: Vec<Change>,
        waiting: usize,
        durability: Durability,
    ) -> Result<(), StoreError> {
        self.failure()?;
        let count = changes.len();
        let start = Instant::now();
        let result = call(&self.store, move |store| store.commit(&changes, durability)).await;
        let took = start.elapsed();
        // ORDERING: Relaxed, no pair; one commit is made at a time, and who reads it joins the worker first.
        self.pending.store(durability == Durability::Later, Ordering::Relaxed);
        if let Err(error) = &result {
            // Before anybody is told, so that who is told finds it failed.
            self.failure.send_replace(Some(error.clone()));
        }
        (self.observe)(Commit { changes: count, waiting, took });
        result
    }

    fn notes(&self) -> MutexGuard<'_, Vec<Change>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self) -> Result<(), StoreError> {
        self.failure.borrow().clone().map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("failed", &self.failed.borrow()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Closer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closer").finish_non_exhaustive()
    }
}
