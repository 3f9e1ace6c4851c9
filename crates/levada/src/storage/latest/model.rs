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
