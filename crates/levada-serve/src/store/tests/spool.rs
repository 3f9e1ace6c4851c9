//! Bodies while they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::time::{Duration, Instant, sleep};

use super::super::body::{Body, BodyFile, INLINE};
use super::super::disk::DiskStore;
use super::super::memory::MemoryStore;
use super::super::spool::Spool;
use super::super::{Change, Durability, Filter, Found, Store, StoreError};
use crate::job::{JobId, Moment, Record};

/// A store on disk that has no descriptor for a file until the test gives it one.
#[derive(Debug)]
struct Short {
    store: DiskStore,
    has_descriptor: AtomicBool,
}

impl Store for Short {
    fn commit(&self, changes: &[Change], durability: Durability) -> Result<(), StoreError> {
        self.store.commit(changes, durability)
    }

    fn record(&self, id: JobId) -> Result<Option<Record>, StoreError> {
        self.store.record(id)
    }

    fn new_body(&self) -> Result<Option<BodyFile>, StoreError> {
        if self.has_descriptor.load(Ordering::SeqCst) { self.store.new_body() } else { Ok(None) }
    }

    fn input(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        self.store.input(id)
    }

    fn output(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        self.store.output(id)
    }

    fn expiring_after(&self, time: Moment, limit: usize) -> Result<Vec<Found>, StoreError> {
        self.store.expiring_after(time, limit)
    }

    fn by_key(&self, name: &[u8; 32]) -> Result<Option<Record>, StoreError> {
        self.store.by_key(name)
    }

    fn unfinished(&self) -> Result<Vec<Record>, StoreError> {
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

/// So many bytes, of which none is as those around it.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|number| (number % 251) as u8).collect()
}

async fn spooled(store: &Arc<dyn Store>, pieces: &[&[u8]]) -> Result<Body, StoreError> {
    let mut spool = Spool::new(store);
    for piece in pieces {
        spool.push(Bytes::copy_from_slice(piece)).await?;
    }
    spool.finish().await
}

#[tokio::test]
async fn a_body_is_what_came_of_it_in_whatever_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Store> = Arc::new(DiskStore::open(dir.path()).unwrap());
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::default());
    for len in [0, 1, INLINE, INLINE + 1, 3 * INLINE, 1_000_000] {
        let whole = bytes(len);
        for piece in [1, 1_000, INLINE, INLINE + 1, 1_000_000] {
            if len / piece > 10_000 {
                continue;
            }
            let pieces: Vec<_> = whole.chunks(piece).collect();
            for (store, files) in [(&disk, true), (&memory, false)] {
                let body = spooled(store, &pieces).await.unwrap();
                assert_eq!(body.len(), len as u64);
                assert_eq!(matches!(body, Body::File(_)), files && len > INLINE, "{len} bytes");
                let mut given = Vec::new();
                let mut pieces = body.clone().pieces();
                loop {
                    let next = pieces.next().await.unwrap();
                    if next.is_empty() {
                        break;
                    }
                    given.extend_from_slice(&next);
                }
                assert!(given == whole && body.into_memory().await.unwrap() == whole);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_waits_for_a_descriptor_but_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let disk = DiskStore::open(dir.path()).unwrap();
    let short = Arc::new(Short { store: disk, has_descriptor: AtomicBool::new(false) });
    let store: Arc<dyn Store> = short.clone();
    // One that is not so long stays in memory, and goes into the database.
    let some = bytes(1 << 20);
    let body = spooled(&store, &[&some[..500_000], &some[500_000..]]).await.unwrap();
    assert!(matches!(&body, Body::Memory(bytes) if *bytes == some));

    let more = bytes(3 << 20);
    let start = Instant::now();
    let error = spooled(&store, &[&more]).await.unwrap_err();
    assert!(error.message.contains("too many are open"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(60));

    let later = async {
        sleep(Duration::from_secs(5)).await;
        short.has_descriptor.store(true, Ordering::SeqCst);
    };
    let pieces: Vec<_> = more.chunks(100_000).collect();
    let (body, ()) = tokio::join!(spooled(&store, &pieces), later);
    let body = body.unwrap();
    assert!(matches!(body, Body::File(_)));
    assert!(body.into_memory().await.unwrap() == more);
}
