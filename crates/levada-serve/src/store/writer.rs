//! The one writer of a store: what comes while a commit is under way goes into the next one.
//!
//! ```text
//! submit() --room (bounded)--+
//!                            +--> commands, in order --> one worker --> Store::commit, on a thread that may block
//! note() --------------------+                              |
//!   <-- oneshot, for each submit() -------------------------+
//! ```
//!
//! It never waits for more to come: while the disk syncs, more does. So one client alone has the latency of one commit,
//! and a thousand share it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use levada::{mpsc, oneshot, watch};
use levada_work::batch::{Batch, Batcher, Worker};

use super::{Change, Durability, Store, StoreError};

/// How many submissions may wait for the disk. More of them wait for room.
const ROOM: usize = 1024;

/// How many commands wait at most: never so many. Those with changes that wait are bounded by `ROOM`, and for the others
/// nobody can wait.
const COMMANDS: usize = 1 << 28;

/// How many bytes of inputs and outputs go into one commit, unless one command has more.
const BATCH_BYTES: usize = 64 << 20;

/// Hands changes to the one worker that writes. Clones are the same writer.
#[derive(Clone)]
pub(crate) struct Writer {
    commands: Batcher<Command>,
    room: mpsc::Sender<()>,
    failed: watch::Receiver<Option<StoreError>>,
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
    /// `None` for a note.
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
        let shared = Arc::new(Shared { store, failure, pending, observe, _rooms: rooms });
        let writing = Arc::clone(&shared);
        let (commands, worker) = Batch::new()
            .capacity(COMMANDS)
            .max_weight(BATCH_BYTES, Command::bytes)
            .start(move |commands| Arc::clone(&writing).write(commands));
        (Self { commands, room, failed }, Closer { worker, shared })
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
        // Without waiting, so that it is before all notes that come after.
        self.commands.try_send(Command { changes, waiter }).map_err(|_| closed())?;
        Ok(Submitted(result))
    }

    /// Makes a change soon, after all that this handle was given before; it is on the disk with the next `submit`, or
    /// when the writer is closed. For what may be lost with the process: there is no answer, and no waiting, so how
    /// many are under way must be bounded otherwise.
    pub(crate) fn note(&self, change: Change) {
        // If it is closed, or has failed, that is what may be lost.
        let _ = self.commands.try_send(Command { changes: vec![change], waiter: None });
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
        // ORDERING: Relaxed, no pair; the worker was joined, which is after all that it did.
        if self.shared.pending.load(Ordering::Relaxed) {
            return self.shared.commit(Vec::new(), 0, Durability::Now).await;
        }
        self.shared.failure()
    }
}

impl Command {
    fn bytes(&self) -> usize {
        let of_change = |change: &Change| match change {
            Change::Accept { input: body, .. } | Change::Finish { output: body, .. } => body.len(),
            Change::Update { .. } | Change::Empty { .. } | Change::Forget { .. } => 0,
        };
        self.changes.iter().map(of_change).sum()
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
    observe: Box<dyn Fn(Commit) + Send + Sync>,
    _rooms: mpsc::Receiver<()>,
}

impl Shared {
    async fn write(self: Arc<Self>, commands: Vec<Command>) -> Result<(), StoreError> {
        let mut changes = Vec::with_capacity(commands.len());
        let mut waiters = Vec::with_capacity(commands.len());
        for command in commands {
            changes.extend(command.changes);
            waiters.extend(command.waiter);
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
        let store = Arc::clone(&self.store);
        let committed = tokio::task::spawn_blocking(move || {
            let start = Instant::now();
            (store.commit(&changes, durability), start.elapsed())
        });
        let (result, took) = committed.await.unwrap_or_else(|error| {
            (Err(StoreError::io(format!("the commit broke off: {error}"))), Duration::ZERO)
        });
        // ORDERING: Relaxed, no pair; one commit is made at a time, and who reads it joins the worker first.
        self.pending.store(durability == Durability::Later, Ordering::Relaxed);
        if let Err(error) = &result {
            // Before anybody is told, so that who is told finds it failed.
            self.failure.send_replace(Some(error.clone()));
        }
        (self.observe)(Commit { changes: count, waiting, took });
        result
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
