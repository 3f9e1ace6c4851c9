use super::*;

/// Whether values can be exposed on this system.
const CAN_EXPOSE: bool = cfg!(any(loom, miri, target_os = "linux"));

/// Counts how often it is notified.
pub(super) struct TestOwner<T> {
    pub(super) latest: Latest<T, ()>,
    pub(super) notified: AtomicUsize,
}

impl<T> TestOwner<T> {
    pub(super) fn new(value: T) -> Self {
        Self { latest: Latest::new(value, Version::INITIAL, ()), notified: AtomicUsize::new(0) }
    }

    pub(super) fn snapshot(&self) -> (Snapshot<'_, Self>, Version) {
        Snapshot::take(self).expect("there is no writer")
    }

    /// Exposes the current node, where the system call for it exists.
    pub(super) fn expose(&self) {
        self.latest.expose();
        assert_eq!(self.latest.inner.lock().is_exposed(), CAN_EXPOSE);
    }

    pub(super) fn publish(&self, value: T) -> (Option<T>, bool) {
        let (old, had_waiters, ()) = self.latest.publish(value, |()| ());
        (old, had_waiters)
    }

    pub(super) fn replace(&self, value: T) -> Result<T, Claim<'_, Self>> {
        let (old, _, ()) = Claim::replace(self, value, |()| ());
        old
    }

    /// Whether the first and the second node are free, and whether there is a spare one.
    pub(super) fn free_nodes(&self) -> [bool; 3] {
        let _inner = self.latest.inner.lock();
        let Latest { first, spare, .. } = &self.latest;
        // SAFETY: the second node is freed with the channel.
        let second = self.latest.second().map(|node| unsafe { node.as_ref() });
        // ORDERING: Relaxed, no pair: a test looks when no other thread works.
        let has_spare = !spare.load(Ordering::Relaxed).is_null();
        [first.users.is_free(), second.is_some_and(|node| node.users.is_free()), has_spare]
    }

    #[cfg(not(loom))]
    pub(super) fn is_contended(&self) -> bool {
        self.latest.inner.lock().is_contended()
    }

    #[cfg(not(loom))]
    pub(super) fn notified(&self) -> usize {
        // ORDERING: Relaxed, no pair: a count.
        self.notified.load(Ordering::Relaxed)
    }
}

impl<T> Owner for TestOwner<T> {
    type Value = T;
    type Aux = ();

    fn latest(&self) -> &Latest<T, ()> {
        &self.latest
    }

    fn on_released(&self) {
        // ORDERING: Relaxed, no pair: a count.
        self.notified.fetch_add(1, Ordering::Relaxed);
    }
}

fn versions(values: usize) -> usize {
    values.wrapping_mul(Version::STEP)
}

#[test]
fn the_version_state_is_a_version_and_a_bit() {
    for count in [0, 1, 2, usize::MAX - 1, usize::MAX] {
        let open = VersionState(versions(count));
        assert_eq!(open.next(), VersionState(versions(count.wrapping_add(1))));
        assert_eq!(open.next().version().previous(), open.version());
        assert!(!open.is_closed() && !open.next().is_closed());
        let closed = open.closed();
        assert!(closed.is_closed() && closed.next().is_closed());
        assert_eq!(closed.version(), open.version());
        assert_eq!(closed.closed(), closed);
    }
    assert_eq!(Version::before_wrap(1), Version::INITIAL.previous(), "the count wraps around");
}

#[cfg(not(loom))]
mod alone {
    use super::*;
    use crate::prim::Arc;

    #[test]
    fn two_nodes_take_turns() {
        let owner = TestOwner::new(Box::new(0));
        for value in 1..5 {
            let (old, had_waiters) = owner.publish(Box::new(value));
            assert_eq!((old.map(|old| *old), had_waiters), (Some(value - 1), false));
            assert_eq!(owner.free_nodes(), [value % 2 == 1, value % 2 == 0, false]);
            assert_eq!((**owner.snapshot().0, owner.snapshot().1.0), (value, versions(value)));
        }
    }

    /// C139: a sender may lose the processor while it holds the lock.
    #[test]
    fn readers_do_not_wait_for_the_lock_holder() {
        let values = [1, 2].map(Arc::new);
        let owner = TestOwner::new(Arc::clone(&values[0]));
        let (earlier, _) = owner.snapshot();
        owner.publish(Arc::clone(&values[1]));
        let lock = owner.latest.inner.lock();
        assert_eq!(**owner.snapshot().0, 2);
        drop(earlier);
        assert_eq!(Arc::strong_count(&values[0]), 1, "its last reader has dropped it");
        drop(lock);
        owner.expose();
        let lock = owner.latest.inner.lock();
        assert_eq!(**owner.snapshot().0, 2);
        drop(lock);
    }

    /// While snapshots keep both numbered nodes, readers take the lock; then no longer.
    #[test]
    fn readers_enter_a_numbered_node_without_the_lock() {
        let owner = TestOwner::new(0);
        let is_open = || owner.latest.entry.locked().is_open();
        let (first, _) = owner.snapshot();
        owner.publish(1);
        let (second, _) = owner.snapshot();
        assert!(is_open());
        for value in 2..5 {
            owner.publish(value);
            assert_eq!((is_open(), *owner.snapshot().0), (false, value));
        }
        drop(first);
        owner.publish(5);
        assert_eq!((is_open(), *owner.snapshot().0, *second), (true, 5, 1));
    }

    /// The same value may be exposed where readers take the lock.
    #[test]
    fn a_value_without_a_numbered_node_is_exposed() {
        let owner = TestOwner::new(0);
        let (_first, _) = owner.snapshot();
        owner.publish(1);
        let (_second, _) = owner.snapshot();
        owner.publish(2);
        for _ in 0..READS_BEFORE_EXPOSING {
            assert!(!owner.latest.inner.lock().is_exposed());
            assert_eq!(*owner.snapshot().0, 2);
        }
        assert_eq!(owner.latest.inner.lock().is_exposed(), CAN_EXPOSE);
        assert_eq!(*owner.snapshot().0, 2);
        assert_eq!(owner.publish(3), (Some(2), false));
    }

    #[test]
    fn nodes_are_recycled_and_three_are_kept_at_most() {
        let owner = TestOwner::new(Arc::new(0));
        for round in 0..3 {
            let held: Vec<_> = (1..=4)
                .map(|value| {
                    let (snapshot, _) = owner.snapshot();
                    assert!(owner.publish(Arc::new(value)).0.is_none());
                    snapshot
                })
                .collect();
            for (index, snapshot) in held.iter().enumerate() {
                let first = if round == 0 { 0 } else { 4 };
                assert_eq!(***snapshot, if index == 0 { first } else { index });
                assert_eq!(Arc::strong_count(snapshot), 1);
            }
            drop(held);
            assert_eq!(owner.free_nodes(), [true, true, round > 0], "round {round}");
        }
    }

    #[test]
    fn an_earlier_value_is_dropped_with_its_last_snapshot() {
        let (first, second) = (Arc::new(1), Arc::new(2));
        let owner = TestOwner::new(Arc::clone(&first));
        let ((one, _), (two, _)) = (owner.snapshot(), owner.snapshot());
        assert!(owner.publish(Arc::clone(&second)).0.is_none());
        drop(one);
        assert_eq!((**two, Arc::strong_count(&first)), (1, 2));
        drop(two);
        assert_eq!(Arc::strong_count(&first), 1);
        drop(owner);
        assert_eq!(Arc::strong_count(&second), 1);
    }

    #[test]
    fn rejected_threads_are_notified() {
        let owner = TestOwner::new(0);
        let (snapshot, _) = owner.snapshot();
        assert!(WriteGuard::take(&owner).is_none());
        drop(snapshot);
        assert_eq!(owner.notified(), 1);
        let guard = WriteGuard::take(&owner).unwrap();
        assert!(Snapshot::take(&owner).is_none());
        assert!(WriteGuard::take(&owner).is_none());
        drop(guard);
        assert_eq!(owner.notified(), 2);
        drop(owner.snapshot());
        assert_eq!(owner.notified(), 2, "no thread waits any more");
    }

    #[test]
    fn a_change_counts_when_it_is_marked_and_still_current() {
        let owner = TestOwner::new(0);
        let version = || owner.latest.version_state().version();
        *WriteGuard::take(&owner).unwrap() = 1;
        assert_eq!(version(), Version::INITIAL);
        let mut guard = WriteGuard::take(&owner).unwrap();
        *guard = 2;
        guard.mark_changed();
        drop(guard);
        assert_eq!(version(), Version(versions(1)));

        let mut guard = WriteGuard::take(&owner).unwrap();
        assert!(Snapshot::take(&owner).is_none());
        assert_eq!(owner.publish(3), (None, true), "rejected threads are notified");
        *guard = 9;
        guard.mark_changed();
        drop(guard);
        assert_eq!((*owner.snapshot().0, version()), (3, Version(versions(2))));
    }

    #[test]
    fn a_claim_gets_the_value_when_it_is_released() {
        let owner = TestOwner::new(String::from("old"));
        let (snapshot, _) = owner.snapshot();
        let claim = owner.replace(String::from("new"));
        let mut claim = claim.unwrap_err();
        assert_eq!(claim.take(), None);
        assert_eq!((&**snapshot, &**owner.snapshot().0), ("old", "new"));
        drop(snapshot);
        assert_eq!(owner.notified(), 1);
        assert_eq!(claim.take().as_deref(), Some("old"));
        assert_eq!(claim.take(), None);
    }

    #[test]
    fn a_claim_can_be_given_up() {
        let old = Arc::new(());
        for claim_goes_first in [true, false] {
            let owner = TestOwner::new(Arc::clone(&old));
            let (snapshot, _) = owner.snapshot();
            let claim = owner.replace(Arc::new(()));
            assert!(claim.is_err());
            if claim_goes_first {
                drop(claim);
                assert_eq!(Arc::strong_count(&snapshot), 2);
                drop(snapshot);
            } else {
                drop(snapshot);
                assert_eq!(Arc::strong_count(&old), 2);
                drop(claim);
            }
            assert_eq!(Arc::strong_count(&old), 1);
        }
    }

    /// I6: a claim that is given up admits no thread, and leaves the flag.
    #[test]
    fn a_thread_that_clears_the_flag_notifies() {
        let owner = TestOwner::new(1);
        let (earlier, _) = owner.snapshot();
        let claim = owner.replace(2);
        drop(earlier);
        let (later, _) = owner.snapshot();
        assert!(WriteGuard::take(&owner).is_none());
        drop(claim);
        let notified = owner.notified();
        drop(later);
        assert_eq!(owner.notified(), notified + 1);
    }

    #[test]
    #[expect(clippy::mem_forget, reason = "what it does is what is tested")]
    fn a_forgotten_snapshot_does_no_harm() {
        let values = [0, 1, 2].map(Arc::new);
        let owner = TestOwner::new(Arc::clone(&values[0]));
        for value in &values[1..] {
            mem::forget(owner.snapshot());
            assert!(owner.publish(Arc::clone(value)).0.is_none());
        }
        mem::forget(owner.snapshot());
        let last = Arc::new(3);
        assert!(owner.publish(Arc::clone(&last)).0.is_none());
        assert_eq!(**owner.snapshot().0, 3);
        drop(owner);
        assert_eq!(Arc::strong_count(&last), 1);
        let counts = values.each_ref().map(Arc::strong_count);
        assert_eq!(counts, [1, 1, 2], "the numbered nodes drop theirs, another one is leaked");
    }

    /// The node of a value that was exposed is used as the others are, however it was retracted.
    #[test]
    fn an_exposed_value_is_exchanged_and_dropped_as_others() {
        let (first, second) = (Arc::new(1), Arc::new(2));
        let owner = TestOwner::new(Arc::clone(&first));
        for _ in 0..3 {
            owner.expose();
            let (snapshot, _) = owner.snapshot();
            drop(snapshot);
            let (old, had_waiters) = owner.publish(Arc::clone(&first));
            assert!(old.is_some() && !had_waiters, "it is not read");
        }
        owner.expose();
        let ((one, _), (two, version)) = (owner.snapshot(), owner.snapshot());
        assert!(owner.publish(Arc::clone(&second)).0.is_none());
        drop(one);
        assert_eq!((**two, version, Arc::strong_count(&first)), (1, Version(versions(3)), 2));
        drop(two);
        assert_eq!(Arc::strong_count(&first), 1);
        assert_eq!(owner.snapshot().1, Version(versions(4)));
        owner.expose();
        drop(owner);
        assert_eq!(Arc::strong_count(&second), 1);
    }

    #[test]
    fn a_writer_rejected_from_an_exposed_value_is_notified() {
        let owner = TestOwner::new(0);
        owner.expose();
        let (snapshot, _) = owner.snapshot();
        assert!(WriteGuard::take(&owner).is_none());
        let (second, _) = owner.snapshot();
        drop(snapshot);
        assert_eq!(owner.notified(), 0, "there is another reader");
        drop(second);
        assert_eq!(owner.notified(), 1);
        let mut guard = WriteGuard::take(&owner).unwrap();
        *guard = 1;
        guard.mark_changed();
        drop(guard);
        owner.expose();
        assert_eq!((*owner.snapshot().0, owner.snapshot().1), (1, Version(versions(1))));
    }

    #[test]
    fn an_exposed_value_is_claimed_as_others() {
        let owner = TestOwner::new(String::from("old"));
        owner.expose();
        let (snapshot, _) = owner.snapshot();
        let mut claim = owner.replace(String::from("new")).unwrap_err();
        assert_eq!(claim.take(), None);
        drop(snapshot);
        assert_eq!((owner.notified(), claim.take().as_deref()), (1, Some("old")));
    }

    /// While the previous value has hazard readers the next one is not exposed: both have the same
    /// address.
    #[test]
    fn one_value_at_a_time_has_hazard_readers() {
        let owner = TestOwner::new(1);
        owner.expose();
        let (snapshot, _) = owner.snapshot();
        assert_eq!(owner.publish(2), (None, false));
        owner.latest.expose();
        assert!(
            !owner.latest.inner.lock().is_exposed() || cfg!(any(miri, not(target_os = "linux")))
        );
        assert_eq!((*snapshot, *owner.snapshot().0), (1, 2));
        drop(snapshot);
        owner.expose();
        assert_eq!(*owner.snapshot().0, 2);
    }

    /// A thread takes more snapshots at a time than its hazard record has slots.
    #[test]
    fn snapshots_without_a_slot_are_counted() {
        let owner = TestOwner::new(0);
        owner.expose();
        let mut snapshots: Vec<_> = (0..20).map(|_| owner.snapshot().0).collect();
        assert_eq!(owner.publish(1), (None, false));
        snapshots.swap(0, 19);
        while let Some(snapshot) = snapshots.pop() {
            assert!(owner.latest.inner.lock().current.is_some());
            assert_eq!(*snapshot, 0);
        }
        assert_eq!(owner.free_nodes(), [true, false, false]);
    }

    #[test]
    #[expect(clippy::mem_forget, reason = "what it does is what is tested")]
    fn a_forgotten_hazard_pointer_does_not_count_for_the_next_channel() {
        // Not moved: the next channel is at the same address.
        let mut place = Some(TestOwner::new(0));
        for round in 0..10 {
            let owner = place.insert(TestOwner::new(round));
            owner.expose();
            mem::forget(owner.snapshot());
            assert!(WriteGuard::take(owner).is_none() || !CAN_EXPOSE);
            place = None;
        }
    }

    #[test]
    fn a_value_that_is_often_read_is_exposed() {
        let owner = TestOwner::new(0);
        owner.expose();
        assert_eq!(owner.publish(1), (Some(0), false));
        for _ in 0..READS_BEFORE_EXPOSING {
            assert_eq!(*owner.snapshot().0, 1);
            assert!(!owner.latest.inner.lock().is_exposed());
        }
        let before = owner.latest.entry.locked().count();
        assert_eq!((*owner.snapshot().0, before), (1, READS_BEFORE_EXPOSING));
        assert_eq!(owner.latest.inner.lock().is_exposed(), CAN_EXPOSE);
        assert_eq!(owner.latest.entry.locked().count(), 0, "it starts again");
        assert_eq!(*owner.snapshot().0, 1);
    }
}
