//! The streams and the replica, as a [`Store`].
//!
//! A commit makes its changes one by one, all at the same time. If the servers do not answer it
//! fails as a whole, and the writer makes it again: each part of a change can be made twice. A
//! change that another process was faster with is not made, and [`Store::not_made`] says so.

use std::collections::HashMap;
use std::env::temp_dir;
use std::mem::take;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use levada::watch;
use levada_nats::Durability;
use levada_nats::queue::Queue;
use tokio::runtime::Handle;

use super::batch::Put;
use super::held::HeldJobs;
use super::replica::Replica;
use super::ticket::{Ticket, Tickets, Unsent};
use super::wire::{Side, Wire};
use crate::job::{IdempotencyKey, JobId, JobState, Moment, Record};
use crate::store::body::{Body, BodyFile};
use crate::store::{self, Change, Filter, Found, Lease, Store, StoreError, StoreErrorKind};
use crate::sync::lock;

/// A store that several processes share.
#[derive(Debug)]
pub(super) struct ClusterStore {
    runtime: Handle,
    wire: Arc<Wire>,
    replica: Arc<Replica>,
    held: Arc<HeldJobs>,
    durability: Durability,
    queues: Mutex<HashMap<String, Arc<Tickets>>>,
    /// Queues are missing that were there.
    missed: watch::Sender<()>,
    not_made: Mutex<Vec<(Lease, StoreError)>>,
}

impl ClusterStore {
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn new(
        wire: Arc<Wire>,
        replica: Arc<Replica>,
        held: Arc<HeldJobs>,
        durability: Durability,
    ) -> Self {
        let (queues, not_made) = (Mutex::default(), Mutex::default());
        let (runtime, missed) = (Handle::current(), watch::Sender::default());
        Self { runtime, wire, replica, held, durability, queues, missed, not_made }
    }

    /// A queue of the cluster is open.
    pub(super) fn add_queue(&self, queue: Queue<Ticket>) {
        let name = queue.name().to_string();
        lock(&self.queues).insert(name, Arc::new(Tickets::new(queue, self.durability)));
    }

    /// The stream of a queue was deleted.
    pub(super) fn lose_queue(&self, name: &str) {
        lock(&self.queues).remove(name);
        self.missed.send_replace(());
    }

    /// Changes when a queue is lost.
    pub(super) fn missed(&self) -> watch::Receiver<()> {
        self.missed.subscribe()
    }

    /// The queue of this name, if it is open.
    pub(super) fn queue(&self, name: &str) -> Option<Queue<Ticket>> {
        lock(&self.queues).get(name).map(|tickets| tickets.queue().clone())
    }

    async fn commit_all(&self, changes: &[Change]) -> Result<(), StoreError> {
        // Of several changes under one lease the last one says it all. What a run under an earlier
        // lease wants is another matter, and is refused by itself.
        let last: HashMap<_, _> =
            changes.iter().enumerate().map(|(at, change)| (change.lease(), at)).collect();
        let is_last = |(at, change): &(usize, &Change)| last[&change.lease()] == *at;
        let changes = changes.iter().enumerate().filter(is_last).map(|(_, change)| change);
        let made = join_all(changes.map(async |change| (change.lease(), self.make(change).await)));
        let mut refused = Vec::new();
        for (lease, made) in made.await {
            match made {
                Ok(()) => {}
                Err(error) if error.kind.passes() => return Err(error),
                Err(error) => refused.push((lease, error)),
            }
        }
        lock(&self.not_made).extend(refused);
        Ok(())
    }

    /// Makes one change; again if it was made before.
    async fn make(&self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Accept { record, input } => self.accept(record, input).await,
            Change::Again { record } => {
                let (over, old) = self.newest(record.id).await?;
                let is_meant = |old: &Record| {
                    old.state.has_ended() && !old.emptied && old.revision < record.revision
                };
                match &old {
                    // By this commit, when the servers did not answer for all of it.
                    Some(old) if *old == **record => return Ok(()),
                    Some(old) if is_meant(old) => {}
                    _ => return Err(taken(record.id)),
                }
                self.send_ticket(record, false).await?;
                match self.put(record, over).await {
                    // A worker that was faster has begun it.
                    Err(error) if error.kind == StoreErrorKind::Taken => {
                        let (_, there) = self.newest(record.id).await?;
                        let has_begun = there.is_some_and(|there| there.revision > record.revision);
                        if has_begun { Ok(()) } else { Err(error) }
                    }
                    put => put,
                }
            }
            Change::Update { record } => self.step(record).await,
            Change::Finish { record, output } => {
                self.wire.put_body(record.id, Side::Output(record.attempt), output).await?;
                self.step(record).await
            }
            Change::Empty { record } | Change::Keep { record } => {
                let (over, old) = self.newest(record.id).await?;
                let is_meant =
                    |old: &Record| old.state.has_ended() && old.revision < record.revision;
                if !old.as_ref().is_some_and(is_meant) {
                    return Ok(());
                }
                if record.emptied {
                    self.wire.drop_bodies(record.id).await?;
                }
                // Another process that did the same was faster.
                self.put(record, over).await.or_else(unless_taken)
            }
            Change::Forget { id } => {
                let old = self.newest(*id).await?.1;
                if let Some(old) = old.filter(|old| old.state.has_ended()) {
                    self.wire.forget(*id, old.key).await?;
                    self.replica.forget(*id)?;
                }
                Ok(())
            }
        }
    }

    async fn accept(&self, record: &Record, input: &Body) -> Result<(), StoreError> {
        if let Some(key) = &record.key
            && self.wire.put_key(key, record.id).await? != record.id
        {
            return Err(taken(record.id));
        }
        self.wire.put_body(record.id, Side::Input, input).await?;
        if let Err(error) = self.send_ticket(record, false).await {
            if !error.kind.passes() {
                self.wire.forget(record.id, record.key).await?;
            }
            return Err(error);
        }
        // A worker that was faster has written what is newer.
        match self.put(record, 0).await {
            Err(error) if error.kind == StoreErrorKind::Taken => self.learn(record.id).await,
            put => put,
        }
    }

    /// The next step of a job: over what this process wrote last, if it holds the job.
    async fn step(&self, record: &Record) -> Result<(), StoreError> {
        if let Some(holding) = record.holding {
            // A run under an earlier lease has nothing to say any more.
            let over = self.held.sequence(record.id, holding).ok_or_else(|| taken(record.id))?;
            return match self.put(record, over).await {
                Err(error) if error.kind == StoreErrorKind::Taken => {
                    self.start_over(record, error).await
                }
                put => put,
            };
        }
        match self.newest(record.id).await? {
            // Only its holder ends a run; and what another process wrote meanwhile is not undone.
            (over, Some(old)) if old.revision < record.revision && waits(&old) => {
                self.put(record, over).await
            }
            // By this commit, when the servers did not answer for all of it.
            (_, Some(old)) if old == *record => Ok(()),
            (_, Some(_)) => Err(taken(record.id)),
            (_, None) => Ok(()),
        }
    }

    /// A run may begin over whatever was written of a job that waits: its record may have been
    /// stored after its ticket, which this process took in between.
    async fn start_over(&self, record: &Record, error: StoreError) -> Result<(), StoreError> {
        match self.replica.get(record.id)? {
            Some((over, there)) if record.state == JobState::Running && waits(&there) => {
                self.put(record, over).await
            }
            _ => Err(error),
        }
    }

    async fn put(&self, record: &Record, over: u64) -> Result<(), StoreError> {
        match self.wire.put_record(record, over).await? {
            Put::Made(sequence) => {
                self.held.wrote(record.id, sequence);
                self.replica.put(sequence, record, true)?;
                Ok(())
            }
            Put::Taken => {
                self.learn(record.id).await?;
                Err(taken(record.id))
            }
        }
    }

    /// Takes over what another process wrote.
    async fn learn(&self, id: JobId) -> Result<(), StoreError> {
        if let Some((sequence, record)) = self.wire.record(id).await? {
            self.replica.put(sequence, &record, false)?;
        }
        Ok(())
    }

    /// The newest record that this process knows, or else the newest there is.
    async fn newest(&self, id: JobId) -> Result<(u64, Option<Record>), StoreError> {
        let mut found = self.replica.get(id)?;
        if found.is_none() {
            // What is read next is not older, while the records that were missed come one by one.
            self.learn(id).await?;
            found = self.replica.get(id)?;
        }
        Ok(found.map_or((0, None), |(sequence, record)| (sequence, Some(record))))
    }

    /// Puts a ticket in the queue of the job.
    pub(super) async fn send_ticket(
        &self,
        record: &Record,
        replaces: bool,
    ) -> Result<(), StoreError> {
        let name = &record.queue;
        let gone = || StoreError::away(format!("the stream of the queue {name:?} was deleted"));
        let tickets = lock(&self.queues).get(name).cloned().ok_or_else(gone)?;
        match tickets.send(record, replaces).await {
            Ok(()) => Ok(()),
            Err(Unsent::NoStream) => {
                self.lose_queue(name);
                Err(gone())
            }
            Err(Unsent::Error(error)) => Err(error),
        }
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

fn waits(record: &Record) -> bool {
    matches!(record.state, JobState::Queued | JobState::Retrying)
}

fn taken(id: JobId) -> StoreError {
    let message = format!("another process changed the job {id} first");
    StoreError { kind: StoreErrorKind::Taken, message }
}

fn unless_taken(error: StoreError) -> Result<(), StoreError> {
    if error.kind == StoreErrorKind::Taken { Ok(()) } else { Err(error) }
}

impl Store for ClusterStore {
    fn commit(&self, changes: &[Change], _: store::Durability) -> Result<(), StoreError> {
        if changes.is_empty() {
            return self.wait(self.wire.ping());
        }
        self.wait(self.commit_all(changes))
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.wait(self.wire.ping())
    }

    fn not_made(&self) -> Vec<(Lease, StoreError)> {
        take(&mut *lock(&self.not_made))
    }

    fn record(&self, id: JobId) -> Result<Option<Record>, StoreError> {
        self.wait(async { Ok(self.newest(id).await?.1) })
    }

    fn new_body(&self) -> Result<Option<BodyFile>, StoreError> {
        BodyFile::without_name(&temp_dir())
    }

    fn input(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        self.wait(async {
            match self.newest(id).await?.1 {
                Some(record) if !record.emptied => {
                    self.wire.body(id, Side::Input, record.input_bytes).await.map(Some)
                }
                _ => Ok(None),
            }
        })
    }

    fn output(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        self.wait(async {
            match self.newest(id).await?.1 {
                Some(record) if !record.emptied && record.state == JobState::Succeeded => self
                    .wire
                    .body(id, Side::Output(record.attempt), record.output_bytes)
                    .await
                    .map(Some),
                _ => Ok(None),
            }
        })
    }

    fn by_key(&self, name: &[u8; 32]) -> Result<Option<Record>, StoreError> {
        if let Some(record) = self.replica.tables.by_key(name)? {
            return Ok(Some(record));
        }
        self.wait(async {
            match self.wire.by_key(name).await? {
                Some(id) => Ok(self.newest(id).await?.1),
                None => Ok(None),
            }
        })
    }

    fn claim(&self, key: &IdempotencyKey, id: JobId) -> Result<JobId, StoreError> {
        self.wait(self.wire.put_key(key, id))
    }

    /// None: they wait in the queues of the cluster.
    fn unfinished(&self) -> Result<Vec<Record>, StoreError> {
        Ok(Vec::new())
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Record>, StoreError> {
        self.replica.tables.list(filter)
    }

    fn kept_failed(&self, queue: &str) -> Result<u64, StoreError> {
        self.replica.tables.kept_failed(queue)
    }

    fn expired(&self, now: Moment, limit: usize) -> Result<Vec<Found>, StoreError> {
        self.replica.tables.expired(now, limit)
    }

    fn expiring_after(&self, time: Moment, limit: usize) -> Result<Vec<Found>, StoreError> {
        self.replica.tables.expiring_after(time, limit)
    }

    fn heaviest(&self, limit: usize) -> Result<(Vec<Found>, u64), StoreError> {
        self.replica.tables.heaviest(limit)
    }
}
