//! A store whose commits take as long as a test wants.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use levada::mpsc;

use super::super::body::{Body, BodyFile};
use super::super::memory::MemoryStore;
use super::super::{Change, Durability, Filter, Found, Store, StoreError};
use crate::jobs::record::{JobId, Moment, Record};

/// A store that lets each commit go on when the test says so, and what it says.
#[derive(Debug)]
pub(crate) struct Slow {
    store: MemoryStore,
    begun: mpsc::UnboundedSender<(Vec<JobId>, Durability)>,
    go_on: Mutex<mpsc::UnboundedReceiver<Result<(), StoreError>>>,
    /// Is told when the unfinished jobs are asked for, and what to wait for then.
    held: Mutex<Option<(mpsc::UnboundedSender<()>, mpsc::UnboundedReceiver<()>)>>,
    holds_answers: AtomicBool,
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
        let store = Arc::new(Self { store, begun, go_on: go_on_end, held, holds_answers });
        (store, begun_rx, go_on)
    }

    /// From now on, who asks for the unfinished jobs is seen at the first end, and waits until the second is dropped.
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

    fn heaviest(&self, limit: usize) -> Result<(Vec<Found>, u64), StoreError> {
        self.store.heaviest(limit)
    }
}

/// What the next commit of the store has.
pub(crate) async fn next(begun: &mut Begun) -> (Vec<JobId>, Durability) {
    let next = tokio::time::timeout(Duration::from_secs(60), begun.recv()).await;
    next.expect("no commit has begun").unwrap()
}
