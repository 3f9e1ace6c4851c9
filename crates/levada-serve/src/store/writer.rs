//! The one writer of a store: what comes while a commit is under way goes into the next one.
//!
//! ```text
//! submit() --room (bounded)--> commands, in order --> one worker --> Store::commit, on a thread that may block
//! write_behind() --> notes -----------taken along-----------------^   |
//!   <-- oneshot, for each submit() ---------------------------+
//! ```
//!
//! It never waits for more to come: while the disk syncs, more does. So one client alone has the
//! latency of one commit, and a thousand share it.
//!
//! When there is no room on the disk ([`Condition::Full`]), changes that bring jobs are answered
//! with that at once. The others wait, and are made when there is room:
//! [`keep_trying`](Writer::keep_trying) looks for it now and then.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use levada::{oneshot, watch};
use levada_work::batch::{Batch, Batcher, Worker};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tracing::{error, info};

use super::backlog::{Backlog, Command, Waiter, are_there, brings_jobs};
use super::condition::Condition;
use super::{Change, Durability, Store, StoreError, StoreErrorKind, call};
use crate::sync::lock;

/// How many submissions may wait for the disk. More of them wait for room.
const ROOM: usize = 1024;

/// An upper bound of the waiting commands that is never reached: `ROOM` bounds the commands that
/// bring jobs, and callers cannot wait for room for the others.
const COMMANDS: usize = 1 << 28;

/// How many bytes that jobs brought with them go into one commit, unless one command has more.
const BATCH_BYTES: usize = 64 << 20;

/// How long a note waits at most for a commit that it can go with. A job that ends before need not
/// be noted.
const NOTES_WAIT: Duration = Duration::from_millis(10);

/// How long after the disk was found to be full room is looked for, at first and at most: each time
/// twice as long.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30);

/// A disk that is full again so soon after there was room is not looked at as often as at first.
const SOON: Duration = Duration::from_secs(60);

/// Hands changes to the one worker that writes. Clones are the same writer.
#[derive(Clone)]
pub(crate) struct Writer {
    commands: Batcher<Command>,
    /// A permit for each submission that waits for the disk.
    room: Arc<Semaphore>,
    shared: Arc<Shared>,
}

/// Changes that are on their way to the disk.
#[derive(Debug)]
#[must_use = "the changes may not be on the disk yet"]
pub(crate) struct Submitted(oneshot::Receiver<Result<(), StoreError>>);

/// Closes the writer. Dropped, it goes on until the last [`Writer`] is gone; then what was only
/// noted may not be on the disk.
pub(crate) struct Closer {
    worker: Worker,
    shared: Arc<Shared>,
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
    /// Starts the worker. `observe` is called after every commit. Blocks until the store has set
    /// room aside.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        observe: impl Fn(Commit) + Send + Sync + 'static,
    ) -> (Self, Closer) {
        let room = Arc::new(Semaphore::new(ROOM));
        let shared = Arc::new(Shared {
            store,
            condition: watch::builder(Condition::default()).named("store condition").build().0,
            notes: Mutex::default(),
            backlog: Mutex::default(),
            waits_no_more: AtomicBool::new(false),
            observe: Box::new(observe),
        });
        if let Err(error) = shared.store.set_room_aside() {
            lock(&shared.backlog).poisoned = true;
            shared.fill(error);
        }
        let writing = Arc::clone(&shared);
        let (commands, worker) = Batch::new()
            .capacity(COMMANDS)
            .max_weight(BATCH_BYTES, Command::bytes)
            .named("store")
            .start(move |commands| Arc::clone(&writing).write(commands));
        let writer = Self { commands, room, shared: Arc::clone(&shared) };
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

    /// Hands these changes in, after all that this handle was given before, and returns when there
    /// is room for them among those that wait.
    ///
    /// # Errors
    /// If the store is closed, or they bring jobs and it takes none.
    ///
    /// # Cancel safety
    /// If the future is dropped, the changes are made or not.
    pub(crate) async fn submit(&self, changes: Vec<Change>) -> Result<Submitted, StoreError> {
        if brings_jobs(&changes)
            && let Some(error) = self.shared.condition.borrow().refusal()
        {
            return Err(error.clone());
        }
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| closed())?;
        self.send(changes, Some(room), false)
    }

    fn send(
        &self,
        changes: Vec<Change>,
        room: Option<OwnedSemaphorePermit>,
        retries: bool,
    ) -> Result<Submitted, StoreError> {
        let (done, result) = oneshot::channel();
        let waiter = Some(Waiter { done, _room: room });
        // Never full: those with changes are bounded by the room.
        self.commands.try_send(Command { changes, waiter, retries }).map_err(|_| closed())?;
        Ok(Submitted(result))
    }

    /// Looks for room, if there was none, and returns when what was found is used.
    ///
    /// # Errors
    /// If the store has failed, or is closed.
    ///
    /// # Cancel safety
    /// If the future is dropped, room is looked for or not.
    pub(crate) async fn retry(&self) -> Result<(), StoreError> {
        self.send(Vec::new(), None, true)?.committed().await
    }

    /// Looks for room now and then while there is none. Ends only when the store is closed.
    ///
    /// # Cancel safety
    /// Room is not looked for any more.
    pub(crate) async fn keep_trying(&self) {
        let mut condition = self.condition();
        let mut pause = *PAUSES.start();
        let mut well = Instant::now();
        while condition.wait_for(Condition::is_full).await.is_ok() {
            if well.elapsed() > SOON {
                pause = *PAUSES.start();
            }
            while condition.borrow_and_update().is_full() {
                sleep(pause).await;
                pause = (pause * 2).min(*PAUSES.end());
                if self.retry().await.is_err() {
                    return;
                }
            }
            well = Instant::now();
        }
    }

    /// There was no room for something that is no change yet: it is looked for.
    pub(crate) fn no_room(&self, error: &StoreError) {
        self.shared.fill(error.clone());
    }

    /// From now on nothing waits for room: it is looked for once more, and what cannot be made is
    /// answered with that.
    pub(crate) fn wait_no_more(&self) {
        // ORDERING: Relaxed, no pair; the command that follows orders it, for the worker.
        self.shared.waits_no_more.store(true, Ordering::Relaxed);
        // If it is closed, that is what comes of those that wait.
        let _ = self.send(Vec::new(), None, true);
    }

    /// Makes a change of a job that is there, with the next `submit` or soon. For what may be lost
    /// with the process, and need not be written at all when another change of the job comes first:
    /// there is no answer, and no waiting, so how many are under way must be bounded otherwise.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn write_behind(&self, change: Change) {
        let is_first = {
            let mut notes = lock(&self.shared.notes);
            notes.push(change);
            notes.len() == 1
        };
        if is_first {
            let commands = self.commands.clone();
            tokio::spawn(async move {
                sleep(NOTES_WAIT).await;
                // If it is closed, or has failed, that is what may be lost.
                let _ = commands.try_send(Command::notes(Vec::new()));
            });
        }
    }

    /// Shows whether it takes changes.
    pub(crate) fn condition(&self) -> watch::Receiver<Condition> {
        self.shared.condition.subscribe()
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
        self.shared.close().await
    }
}

fn closed() -> StoreError {
    StoreError::io("the store is closed")
}

/// What the worker has.
struct Shared {
    store: Arc<dyn Store>,
    condition: watch::Sender<Condition>,
    notes: Mutex<Vec<Change>>,
    /// Taken by the worker while it works, and by the closer afterwards.
    backlog: Mutex<Backlog>,
    waits_no_more: AtomicBool,
    observe: Box<dyn Fn(Commit) + Send + Sync>,
}

impl Shared {
    async fn write(self: Arc<Self>, commands: Vec<Command>) -> Result<(), StoreError> {
        let mut backlog = std::mem::take(&mut *lock(&self.backlog));
        let result = self.write_with(&mut backlog, commands).await;
        *lock(&self.backlog) = backlog;
        result
    }

    async fn write_with(
        &self,
        backlog: &mut Backlog,
        mut commands: Vec<Command>,
    ) -> Result<(), StoreError> {
        let condition = self.condition.borrow().clone();
        if let Some(error) = condition.failure() {
            backlog.waiting = commands;
            return self.fail(backlog, error.clone());
        }
        backlog.ask(&mut commands);
        let commands = self.with_notes(commands);
        if condition.is_full() {
            backlog.waiting.extend(commands);
        } else {
            match self.commit(backlog, commands).await {
                Ok(()) => {
                    backlog.looked();
                    return Ok(());
                }
                Err(error) if error.kind.passes() => {
                    // Servers that do not answer now do not say soon whether a job is there.
                    if error.kind == StoreErrorKind::Full {
                        backlog.doubt();
                    }
                    self.fill(error);
                }
                Err(error) => return self.fail(backlog, error),
            }
        }
        self.turn_away(backlog);
        if condition.is_stuck() && !backlog.wants_room() {
            return Ok(());
        }
        self.catch_up(backlog).await
    }

    /// Makes what waits, as far as there is room, and takes new jobs again if there is enough.
    async fn catch_up(&self, backlog: &mut Backlog) -> Result<(), StoreError> {
        let wants_room = backlog.wants_room();
        let mut made = self.make_all(backlog).await;
        if made.is_ok() && wants_room {
            made = self.find_room(backlog).await;
            if made.is_ok() {
                match self.condition.borrow().refusal().map(|error| error.kind) {
                    Some(StoreErrorKind::Away) => {
                        info!("the NATS servers answer again: new jobs are accepted");
                    }
                    _ => info!("the disk has room again: new jobs are accepted"),
                }
                self.condition.send_replace(Condition::Well);
                backlog.looked();
                return Ok(());
            }
        }
        match made {
            Err(error) if !error.kind.passes() => return self.fail(backlog, error),
            // ORDERING: Relaxed, no pair; it was set before the command that this answers was sent.
            Err(error) if self.waits_no_more.load(Ordering::Relaxed) => {
                backlog.answer_all(&Err(error));
            }
            _ => {}
        }
        let waits = backlog.holds_up();
        self.condition.send_if_modified(|condition| match condition {
            Condition::Full { waiting, .. } => std::mem::replace(waiting, waits) != waits,
            Condition::Well | Condition::Failed(_) => false,
        });
        backlog.looked();
        Ok(())
    }

    /// Whether there is room for a commit, and for as much as there has to be.
    async fn find_room(&self, backlog: &mut Backlog) -> Result<(), StoreError> {
        let (_, made) = self.make(Vec::new(), 0, Durability::Now).await;
        backlog.poisoned = made.is_err();
        made?;
        let aside = call(&self.store, |store| store.set_room_aside()).await;
        // Whatever is in the way of that, nothing is lost: it is tried again.
        aside.map_err(|error| StoreError { kind: StoreErrorKind::Full, ..error })
    }

    /// Makes what waits, until there is no room.
    async fn make_all(&self, backlog: &mut Backlog) -> Result<(), StoreError> {
        loop {
            if backlog.poisoned {
                // It may take as long as a commit.
                call(&self.store, |store| store.reopen()).await?;
                backlog.reopened();
                self.answer_unsure(backlog).await?;
            }
            let commands = backlog.next();
            if commands.is_empty() {
                return Ok(());
            }
            self.commit(backlog, commands).await?;
        }
    }

    /// Room may have been missing only when the commit was made.
    async fn answer_unsure(&self, backlog: &mut Backlog) -> Result<(), StoreError> {
        let refusal = self.condition.borrow().refusal().cloned();
        for command in std::mem::take(&mut backlog.unsure) {
            let changes = command.changes.clone();
            let there = call(&self.store, move |store| are_there(&changes, store)).await?;
            command.answer(if there { Ok(()) } else { refusal.clone().map_or(Ok(()), Err) });
        }
        Ok(())
    }

    /// Makes these changes, and says so; or puts them back.
    async fn commit(
        &self,
        backlog: &mut Backlog,
        mut commands: Vec<Command>,
    ) -> Result<(), StoreError> {
        let counts: Vec<_> = commands.iter().map(|command| command.changes.len()).collect();
        let changes = commands.iter_mut().flat_map(|it| std::mem::take(&mut it.changes)).collect();
        let waiting = commands.iter().filter(|command| command.waiter.is_some()).count();
        let durability = if waiting > 0 { Durability::Now } else { Durability::Later };
        let (changes, result) = self.make(changes, waiting, durability).await;
        if result.is_ok() {
            let not_made: HashMap<_, _> = self.store.not_made().into_iter().collect();
            let mut leases = changes.iter().map(Change::lease);
            for (command, count) in commands.into_iter().zip(counts) {
                let refused =
                    leases.by_ref().take(count).filter_map(|lease| not_made.get(&lease)).last();
                command.answer(refused.cloned().map_or(Ok(()), Err));
            }
            match durability {
                Durability::Now => backlog.noted.clear(),
                Durability::Later => backlog.noted.extend(changes),
            }
            backlog.made();
            return result;
        }
        let mut changes = changes.into_iter();
        for (command, count) in commands.iter_mut().zip(counts) {
            command.changes.extend(changes.by_ref().take(count));
        }
        backlog.put_back(commands);
        result
    }

    /// Makes these changes, and gives them back.
    async fn make(
        &self,
        changes: Vec<Change>,
        waiting: usize,
        durability: Durability,
    ) -> (Vec<Change>, Result<(), StoreError>) {
        let count = changes.len();
        if count == 0 && durability == Durability::Later {
            return (changes, Ok(()));
        }
        let start = Instant::now();
        let made = call(&self.store, move |store| {
            let result = store.commit(&changes, durability);
            Ok((changes, result))
        });
        let made = made.await.unwrap_or_else(|error| (Vec::new(), Err(error)));
        (self.observe)(Commit { changes: count, waiting, took: start.elapsed() });
        made
    }

    /// There is no room: nothing that brings jobs is taken any more.
    fn fill(&self, error: StoreError) {
        let full = Condition::Full { error: error.clone(), waiting: false };
        let was_well = self.condition.send_if_modified(|condition| {
            let is_well = *condition == Condition::Well;
            if is_well {
                *condition = full;
            }
            is_well
        });
        if was_well && error.kind == StoreErrorKind::Away {
            error!(
                %error,
                "the NATS servers do not answer: new jobs are refused until they do, and running \
                 jobs continue"
            );
        } else if was_well {
            error!(
                %error,
                "the disk is full: new jobs are refused, and running jobs continue; \
                 free some space to accept jobs again"
            );
        }
    }

    /// It is not to be asked again.
    fn fail(&self, backlog: &mut Backlog, error: StoreError) -> Result<(), StoreError> {
        // Before the answers, so that a caller that gets one finds the store failed.
        self.condition.send_replace(Condition::Failed(error.clone()));
        let result = Err(error);
        backlog.answer_all(&result);
        result
    }

    /// Answers what brings jobs.
    fn turn_away(&self, backlog: &mut Backlog) {
        let Some(error) = self.condition.borrow().refusal().cloned() else { return };
        for command in backlog.waiting.extract_if(.., |command| command.brings_jobs()) {
            command.answer(Err(error.clone()));
        }
    }

    /// Notes come before the commands, which they must not undo.
    fn with_notes(&self, mut commands: Vec<Command>) -> Vec<Command> {
        let mut notes = std::mem::take(&mut *lock(&self.notes));
        let changed: HashSet<_> =
            commands.iter().flat_map(|it| &it.changes).map(Change::id).collect();
        notes.retain(|note| !changed.contains(&note.id()));
        if !notes.is_empty() {
            commands.insert(0, Command::notes(notes));
        }
        commands
    }

    /// The last commit: of notes, and of what is only to survive with another one.
    async fn close(&self) -> Result<(), StoreError> {
        let mut backlog = std::mem::take(&mut *lock(&self.backlog));
        if let Some(error) = self.condition.borrow().failure() {
            return Err(error.clone());
        }
        let notes = self.with_notes(Vec::new());
        backlog.waiting.extend(notes);
        let is_needed = !backlog.waiting.is_empty() || !backlog.noted.is_empty();
        self.make_all(&mut backlog).await.inspect_err(|error| {
            backlog.answer_all(&Err(error.clone()));
        })?;
        if is_needed {
            return self.make(Vec::new(), 0, Durability::Now).await.1;
        }
        Ok(())
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let condition = self.shared.condition.borrow();
        f.debug_struct("Writer").field("condition", &*condition).finish_non_exhaustive()
    }
}

impl fmt::Debug for Closer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closer").finish_non_exhaustive()
    }
}
