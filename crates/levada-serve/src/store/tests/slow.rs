//! A store whose commits take as long as a test wants.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use levada::mpsc;

use super::super::body::{Body, BodyFile};
use super::super::memory::MemoryStore;
use super::super::{Change, Durability, Filter, Found, Store, StoreError};
use crate::job::{JobId, Moment, Record};

/// A store that lets each commit go on when the test says so, and what it says.
#[derive(Debug)]
pub(crate) struct Slow {
    store: MemoryStore,
    begun: mpsc::UnboundedSender<(Vec<JobId>, Durability)>,
    go_on: Mutex<mpsc::UnboundedReceiver<Result<(), StoreError>>>,
    /// A read of the unfinished jobs sends to the first, and waits until the second is closed.
    held: Mutex<Option<(mpsc::UnboundedSender<()>, mpsc::UnboundedReceiver<()>)>>,
    holds_answers: AtomicBool,
    reopened: AtomicUsize,
    /// What comes of setting room aside.
    room: Mutex<Result<(), StoreError>>,
}

/// The jobs of each commit that has begun.
pub(crate) type Begun = mpsc::UnboundedReceiver<(Vec<JobId>, Durability)>;

impl Slow {
    pub(crate) fn new() -> (Arc<Self>, Begun, mpsc::UnboundedSender<Result<(), StoreError>>) {
        let (begun_end, begun_rx) = mpsc::unbounded_channel();
        let (go_on, go_on_end) = mpsc::unbounded_channel();
        let store = MemoryStore::default();
        let (go_on_end, holds_answers) = (Mutex::new(go_on_end), AtomicBool::new(false));
        let (begun, held) = (begun_end, Mutex::default());
        let (reopened, room) = (AtomicUsize::new(0), Mutex::new(Ok(())));
        let store = Self { store, begun, go_on: go_on_end, held, holds_answers, reopened, room };
        let store = Arc::new(store);
        (store, begun_rx, go_on)
    }

    /// From now on, a read of the unfinished jobs sends a message to the first end, and waits until
    /// the second is dropped.
    pub(crate) fn hold_reads(&self) -> (mpsc::UnboundedReceiver<()>, mpsc::UnboundedSender<()>) {
        let ((asked_end, asked), (release, released)) =
            (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        *self.held.lock().unwrap() = Some((asked_end, released));
        (asked, release)
    }

    /// From now on a commit that was made is answered only when the test lets it go on once more.
    pub(crate) fn hold_answers(&self, hold: bool) {
        self.holds_answers.store(hold, Ordering::SeqCst);
    }

    /// How often it was opened again.
    pub(crate) fn reopened(&self) -> usize {
        self.reopened.load(Ordering::SeqCst)
    }

    /// From now on that is what comes of setting room aside.
    pub(crate) fn set_room(&self, room: Result<(), StoreError>) {
        *self.room.lock().unwrap() = room;
    }

    fn wait(&self) -> Result<(), StoreError> {
        self.go_on.lock().unwrap().blocking_recv().expect("the test says what comes of it")
    }
}

impl Store for Slow {
    fn commit(&self, changes: &[Change], durability: Durability) -> Result<(), StoreError> {
        let ids = changes.iter().map(Change::id).collect();
        self.begun.send((ids, durability)).unwrap();
        self.wait()?;
        self.store.commit(changes, durability)?;
        if self.holds_answers.load(Ordering::SeqCst) { self.wait() } else { Ok(()) }
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.reopened.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn set_room_aside(&self) -> Result<(), StoreError> {
        self.room.lock().unwrap().clone()
    }

    fn record(&self, id: JobId) -> Result<Option<Record>, StoreError> {
        self.store.record(id)
    }

    fn new_body(&self) -> Result<Option<BodyFile>, StoreError> {
        self.store.new_body()
    }

    fn input(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        self.store.input(id)
    }

    fn output(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        self.store.output(id)
    }

    fn by_key(&self, name: &[u8; 32]) -> Result<Option<Record>, StoreError> {
        self.store.by_key(name)
    }

    fn unfinished(&self) -> Result<Vec<Record>, StoreError> {
        if let Some((asked, released)) = &mut *self.held.lock().unwrap() {
            asked.send(()).unwrap();
            assert_eq!(released.blocking_recv(), None);
        }
        self.store.unfinished()
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Record>, StoreError> {
        self.store.list(filter)
    }

    fn kept_failed(&self, queue: &str) -> Result<u64, StoreError> {
        self.store.kept_failed(queue)
    }

    fn expired(&self, now: Moment, limit: usize) -> Result<Vec<Found>, StoreError> {
        self.store.expired(now, limit)
    }

    fn expiring_after(&self, time: Moment, limit: usize) -> Result<Vec<Found>, StoreError> {
        self.store.expiring_after(time, limit)
    }

    fn heaviest(&self, limit: usize) -> Result<(Vec<Found>, u64), StoreError> {
        self.store.heaviest(limit)
    }
}

/// What the next commit of the store has.
pub(crate) async fn next(begun: &mut Begun) -> (Vec<JobId>, Durability) {
    let next = tokio::time::timeout(Duration::from_secs(60), begun.recv()).await;
    next.expect("no commit has begun").unwrap()
}
