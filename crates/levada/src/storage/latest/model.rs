use super::tests::Desktop;
use super::*;
use crate::prim::{Arc, model, thread};

/// I3, I4: a snapshot is one value, whole, and it comes with its version. Nothing leaks.
#[test]
fn a_snapshot_is_one_value() {
    model(|| {
        let keeper = Arc::new(Desktop::new(Arc::new((0, 0))));
        let other = Arc::clone(&keeper);
        let publisher = thread::spawn(move || {
            drop(other.publish(Arc::new((1, 1))));
            drop(other.publish(Arc::new((2, 2))));
        });
        let (earlier, first) = keeper.look();
        let (later, second) = keeper.look();
        for (look, version) in [(&earlier, first), (&later, second)] {
            let (left, right) = ***look;
            assert_eq!((left, left * Version::STEP), (right, version.0));
        }
        assert!(earlier.0 <= later.0);
        drop((earlier, later));
        publisher.join().unwrap();
        assert_eq!(keeper.look().0.0, 2);
    });
}

/// I3: a writer is alone with its value, whoever supersedes it meanwhile.
#[test]
fn a_writer_is_alone() {
    model(|| {
        let keeper = Arc::new(Desktop::new(0));
        let other = Arc::clone(&keeper);
        let writer = thread::spawn(move || {
            if let Some(mut writing) = Writing::take(&*other) {
                *writing += 1;
                writing.mark_changed();
            }
        });
        if let Some((look, _)) = Snapshot::take(&*keeper) {
            let (old, _) = keeper.publish(10);
            assert!(old.is_none() && *look <= 1);
        }
        writer.join().unwrap();
        let value = *keeper.look().0;
        assert!([1, 10, 11].contains(&value), "{value}");
    });
}

/// Who sees a version, or the end, sees what its publisher did before, without any lock.
#[test]
fn a_version_brings_what_came_before() {
    model(|| {
        let keeper = Arc::new(Desktop::new(0));
        let other = Arc::clone(&keeper);
        let reader = thread::spawn(move || {
            let stamp = other.latest.stamp();
            // ORDERING: Relaxed, no pair: the stamp has to make it visible.
            let told = other.told.load(Ordering::Relaxed);
            let least = usize::from(stamp.version() != Version::INITIAL);
            assert!(told >= least + usize::from(stamp.is_closed()), "{told} with {stamp:?}");
        });
        // ORDERING: Relaxed, no pair: as above.
        keeper.told.store(1, Ordering::Relaxed);
        keeper.publish(1);
        // ORDERING: Relaxed, no pair: as above.
        keeper.told.store(2, Ordering::Relaxed);
        keeper.latest.close();
        reader.join().unwrap();
    });
}

/// I2, I4: the claimed value is handed out once, however the snapshots of it end.
#[test]
fn a_claimed_value_is_handed_out_once() {
    model(|| {
        let keeper = Arc::new(Desktop::new(Arc::new(1)));
        let other = Arc::clone(&keeper);
        let reader = thread::spawn(move || drop(other.look()));
        let old = keeper.replace(Arc::new(2));
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
        assert_eq!((*old, **keeper.look().0), (1, 2));
    });
}

/// I7: the same without the lock, and the node is opened once more meanwhile.
#[test]
fn an_open_snapshot_is_one_value() {
    model(|| {
        let keeper = Arc::new(Desktop::new(Arc::new((0, 0))));
        keeper.open();
        let other = Arc::clone(&keeper);
        let publisher = thread::spawn(move || {
            drop(other.publish(Arc::new((1, 1))));
            other.latest.open_up();
        });
        let (earlier, first) = keeper.look();
        let (later, second) = keeper.look();
        for (look, version) in [(&earlier, first), (&later, second)] {
            let (left, right) = ***look;
            assert_eq!((left, left * Version::STEP), (right, version.0));
        }
        assert!(earlier.0 <= later.0);
        drop(earlier);
        drop(later);
        publisher.join().unwrap();
        assert_eq!(keeper.look().0.0, 1);
        drop(keeper.publish(Arc::new((2, 2))));
        assert_eq!(keeper.look().0.0, 2);
    });
}

/// I7: of two that look without the lock the last one drops what was superseded.
#[test]
fn open_snapshots_end_at_once() {
    model(|| {
        let keeper = Arc::new(Desktop::new(Arc::new(0)));
        keeper.open();
        let readers = [(); 2].map(|()| {
            let other = Arc::clone(&keeper);
            thread::spawn(move || assert!(**other.look().0 <= 1))
        });
        drop(keeper.publish(Arc::new(1)));
        for reader in readers {
            reader.join().unwrap();
        }
        assert!(keeper.publish(Arc::new(2)).0.is_some(), "nobody looks any more");
        let mut desk = keeper.latest.desk.lock();
        assert!(desk.posted().is_none_or(|posted| posted.is_none()));
        let free = usize::from(desk.spare.is_some())
            + usize::from(!keeper.latest.first_is_full(&mut desk));
        assert!(free <= 1);
    });
}

/// I3, I6: a writer is alone with a value that was open, and is told if it has to wait.
#[test]
fn a_writer_of_an_open_value_is_alone_or_told() {
    model(|| {
        let keeper = Arc::new(Desktop::new((0, 0)));
        keeper.open();
        let other = Arc::clone(&keeper);
        let reader = thread::spawn(move || {
            if let Some((look, _)) = Snapshot::take(&*other) {
                assert_eq!(look.0, look.1);
            }
        });
        let writing = Writing::take(&*keeper);
        let was_refused = writing.is_none();
        if let Some(mut writing) = writing {
            writing.0 += 1;
            writing.1 += 1;
        }
        reader.join().unwrap();
        // ORDERING: Relaxed, no pair: the reader has ended.
        let told = keeper.told.load(Ordering::Relaxed);
        assert!(told > 0 || !was_refused, "who was refused is told");
        let writing = Writing::take(&*keeper);
        assert!(writing.is_some());
    });
}

/// I7: two that want the value at the same time both shut it.
#[test]
fn two_shut_an_open_value() {
    model(|| {
        let keeper = Arc::new(Desktop::new(0));
        keeper.open();
        let other = Arc::clone(&keeper);
        let publisher = thread::spawn(move || assert!(other.publish(1).0 != Some(1)));
        let (look, _) = keeper.look();
        let seen = *look;
        assert_ne!(keeper.publish(2).0, Some(seen), "it is looked at");
        assert_eq!(*look, seen);
        drop(look);
        publisher.join().unwrap();
        assert!(keeper.latest.desk.lock().mode != Mode::Open);
    });
}
