use super::tests::TestOwner;
use super::*;
use crate::prim::{Arc, model, thread};

/// I3, I4: a snapshot is one value, whole, and it comes with its version. Nothing leaks.
#[test]
fn a_snapshot_is_one_value() {
    model(|| {
        let owner = Arc::new(TestOwner::new(Arc::new((0, 0))));
        let other = Arc::clone(&owner);
        let publisher = thread::spawn(move || {
            drop(other.publish(Arc::new((1, 1))));
            drop(other.publish(Arc::new((2, 2))));
        });
        let (earlier, first) = owner.snapshot();
        let (later, second) = owner.snapshot();
        for (snapshot, version) in [(&earlier, first), (&later, second)] {
            let (left, right) = ***snapshot;
            assert_eq!((left, left * Version::STEP), (right, version.0));
        }
        assert!(earlier.0 <= later.0);
        drop((earlier, later));
        publisher.join().unwrap();
        assert_eq!(owner.snapshot().0.0, 2);
    });
}

/// I3: a writer has exclusive access to its value, also if another one is published meanwhile.
#[test]
fn a_writer_has_exclusive_access() {
    model(|| {
        let owner = Arc::new(TestOwner::new(0));
        let other = Arc::clone(&owner);
        let writer = thread::spawn(move || {
            if let Some(mut guard) = WriteGuard::take(&*other) {
                *guard += 1;
                guard.mark_changed();
            }
        });
        if let Some((snapshot, _)) = Snapshot::take(&*owner) {
            let (old, _) = owner.publish(10);
            assert!(old.is_none() && *snapshot <= 1);
        }
        writer.join().unwrap();
        let value = *owner.snapshot().0;
        assert!([1, 10, 11].contains(&value), "{value}");
    });
}

/// A thread that sees a version, or the closed bit, sees without a lock what the publisher did
/// before.
#[test]
fn a_version_brings_what_came_before() {
    model(|| {
        let owner = Arc::new(TestOwner::new(0));
        let other = Arc::clone(&owner);
        let reader = thread::spawn(move || {
            let state = other.latest.version_state();
            // ORDERING: Relaxed, no pair: the version state has to make it visible.
            let notified = other.notified.load(Ordering::Relaxed);
            let least = usize::from(state.version() != Version::INITIAL);
            assert!(
                notified >= least + usize::from(state.is_closed()),
                "{notified} with {state:?}"
            );
        });
        // ORDERING: Relaxed, no pair: as above.
        owner.notified.store(1, Ordering::Relaxed);
        owner.publish(1);
        // ORDERING: Relaxed, no pair: as above.
        owner.notified.store(2, Ordering::Relaxed);
        owner.latest.close();
        reader.join().unwrap();
    });
}

/// I2, I4: the claimed value is handed out once, however the snapshots of it end.
#[test]
fn a_claimed_value_is_handed_out_once() {
    model(|| {
        let owner = Arc::new(TestOwner::new(Arc::new(1)));
        let other = Arc::clone(&owner);
        let reader = thread::spawn(move || drop(other.snapshot()));
        let old = owner.replace(Arc::new(2));
        let old = match old {
            Ok(old) => {
                reader.join().unwrap();
                old
            }
            Err(mut claim) => {
                let early = claim.take();
                reader.join().unwrap();
                early.or_else(|| claim.take()).unwrap()
            }
        };
        assert_eq!((*old, **owner.snapshot().0), (1, 2));
    });
}

/// I5: a thread that has read a value sees its version, or a later one.
#[test]
fn a_value_and_its_version_come_together() {
    model(|| {
        let owner = Arc::new(TestOwner::new(0));
        let readers = [(); 2].map(|()| {
            let other = Arc::clone(&owner);
            thread::spawn(move || {
                let before = other.latest.version_state().version();
                let (snapshot, version) = other.snapshot();
                let after = other.latest.version_state().version();
                assert_eq!(version.0, *snapshot * Version::STEP);
                assert!(before.0 <= version.0 && version.0 <= after.0, "{before:?} {after:?}");
            })
        });
        assert!(!owner.publish(1).1);
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

/// I2, I4: a node is used for one value after the other, beside a reader that may be late.
#[test]
fn a_node_is_used_again() {
    model(|| {
        let owner = Arc::new(TestOwner::new(Arc::new(0)));
        let other = Arc::clone(&owner);
        let reader = thread::spawn(move || {
            let (snapshot, version) = other.snapshot();
            assert_eq!(version.0, **snapshot * Version::STEP);
        });
        for value in 1..4 {
            drop(owner.publish(Arc::new(value)));
        }
        reader.join().unwrap();
        assert_eq!(**owner.snapshot().0, 3);
    });
}

/// I3: of several readers of an earlier value the last one drops it.
#[test]
fn readers_leave_at_the_same_time() {
    model(|| {
        let value = Arc::new(0);
        let owner = Arc::new(TestOwner::new(Arc::clone(&value)));
        let readers = [(); 2].map(|()| {
            let other = Arc::clone(&owner);
            thread::spawn(move || drop(other.snapshot()))
        });
        drop(owner.publish(Arc::new(1)));
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(Arc::strong_count(&value), 1);
        assert_eq!(owner.free_nodes(), [true, false, false]);
    });
}

/// I3, I6: a writer has exclusive access, or is notified after the reader has left.
#[test]
fn a_writer_is_alone_or_notified() {
    model(|| {
        let owner = Arc::new(TestOwner::new((0, 0)));
        let other = Arc::clone(&owner);
        let reader = thread::spawn(move || {
            if let Some((snapshot, _)) = Snapshot::take(&*other) {
                assert_eq!(snapshot.0, snapshot.1);
            }
        });
        let guard = WriteGuard::take(&*owner);
        let was_rejected = guard.is_none();
        if let Some(mut guard) = guard {
            guard.0 += 1;
            guard.1 += 1;
        }
        reader.join().unwrap();
        // ORDERING: Relaxed, no pair: the reader has ended.
        let notified = owner.notified.load(Ordering::Relaxed);
        assert!(notified > 0 || !was_rejected, "the rejected writer is notified");
        assert!(WriteGuard::take(&*owner).is_some());
    });
}

/// I7: the same with hazard pointers, and the node is exposed once more meanwhile.
#[test]
fn an_exposed_snapshot_is_one_value() {
    model(|| {
        let owner = Arc::new(TestOwner::new(Arc::new((0, 0))));
        owner.expose();
        let other = Arc::clone(&owner);
        let publisher = thread::spawn(move || {
            drop(other.publish(Arc::new((1, 1))));
            other.latest.expose();
        });
        let (earlier, first) = owner.snapshot();
        let (later, second) = owner.snapshot();
        for (snapshot, version) in [(&earlier, first), (&later, second)] {
            let (left, right) = ***snapshot;
            assert_eq!((left, left * Version::STEP), (right, version.0));
        }
        assert!(earlier.0 <= later.0);
        drop(earlier);
        drop(later);
        publisher.join().unwrap();
        assert_eq!(owner.snapshot().0.0, 1);
        drop(owner.publish(Arc::new((2, 2))));
        assert_eq!(owner.snapshot().0.0, 2);
    });
}

/// I7: of two hazard readers the last one drops the earlier value.
#[test]
fn hazard_readers_end_at_the_same_time() {
    model(|| {
        let owner = Arc::new(TestOwner::new(Arc::new(0)));
        owner.expose();
        let readers = [(); 2].map(|()| {
            let other = Arc::clone(&owner);
            thread::spawn(move || assert!(**other.snapshot().0 <= 1))
        });
        drop(owner.publish(Arc::new(1)));
        for reader in readers {
            reader.join().unwrap();
        }
        assert!(owner.publish(Arc::new(2)).0.is_some(), "it is not read any more");
        let is_retracted = owner.latest.inner.lock().retracted().is_some_and(|it| it.is_some());
        assert!(!is_retracted && !owner.free_nodes()[2]);
    });
}

/// I3, I6: a writer has exclusive access to a value that was exposed, or is notified later.
#[test]
fn a_writer_of_an_exposed_value_is_alone_or_notified() {
    model(|| {
        let owner = Arc::new(TestOwner::new((0, 0)));
        owner.expose();
        let other = Arc::clone(&owner);
        let reader = thread::spawn(move || {
            if let Some((snapshot, _)) = Snapshot::take(&*other) {
                assert_eq!(snapshot.0, snapshot.1);
            }
        });
        let guard = WriteGuard::take(&*owner);
        let was_rejected = guard.is_none();
        if let Some(mut guard) = guard {
            guard.0 += 1;
            guard.1 += 1;
        }
        reader.join().unwrap();
        // ORDERING: Relaxed, no pair: the reader has ended.
        let notified = owner.notified.load(Ordering::Relaxed);
        assert!(notified > 0 || !was_rejected, "the rejected writer is notified");
        let guard = WriteGuard::take(&*owner);
        assert!(guard.is_some());
    });
}

/// I7: two publishers retract an exposed value at the same time.
#[test]
fn two_publishers_retract_an_exposed_value() {
    model(|| {
        let owner = Arc::new(TestOwner::new(0));
        owner.expose();
        let other = Arc::clone(&owner);
        let publisher = thread::spawn(move || assert!(other.publish(1).0 != Some(1)));
        let (snapshot, _) = owner.snapshot();
        let seen = *snapshot;
        assert_ne!(owner.publish(2).0, Some(seen), "it is read");
        assert_eq!(*snapshot, seen);
        drop(snapshot);
        publisher.join().unwrap();
        assert!(!owner.latest.inner.lock().is_exposed());
    });
}
