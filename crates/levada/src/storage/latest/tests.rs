use super::*;

/// Whether values can be opened here.
const IS_KNOWN: bool = cfg!(any(loom, miri, target_os = "linux"));

/// Counts how often it is told.
pub(super) struct Desktop<T> {
    pub(super) latest: Latest<T, ()>,
    pub(super) told: AtomicUsize,
}

impl<T> Desktop<T> {
    pub(super) fn new(value: T) -> Self {
        Self { latest: Latest::new(value, Version::INITIAL, ()), told: AtomicUsize::new(0) }
    }

    pub(super) fn look(&self) -> (Snapshot<'_, Self>, Version) {
        Snapshot::take(self).expect("nobody writes")
    }

    /// Opens the current node; where there is no system call for it, it stays shut.
    pub(super) fn open(&self) {
        self.latest.open_up();
        assert_eq!(self.latest.desk.lock().mode == Mode::Open, IS_KNOWN);
    }

    pub(super) fn publish(&self, value: T) -> (Option<T>, bool) {
        let (old, vacated, ()) = self.latest.publish(value, |()| ());
        (old, vacated)
    }

    pub(super) fn replace(&self, value: T) -> Result<T, Claim<'_, Self>> {
        let (old, _, ()) = Claim::replace(self, value, |()| ());
        old
    }

    #[cfg(not(loom))]
    pub(super) fn told(&self) -> usize {
        // ORDERING: Relaxed, no pair: a count.
        self.told.load(Ordering::Relaxed)
    }
}

impl<T> Keeper for Desktop<T> {
    type Value = T;
    type Side = ();

    fn latest(&self) -> &Latest<T, ()> {
        &self.latest
    }

    fn vacated(&self) {
        // ORDERING: Relaxed, no pair: a count.
        self.told.fetch_add(1, Ordering::Relaxed);
    }
}

fn versions(values: usize) -> usize {
    values.wrapping_mul(Version::STEP)
}

#[test]
fn the_stamp_is_a_version_and_a_bit() {
    for count in [0, 1, 2, usize::MAX - 1, usize::MAX] {
        let open = Stamp(versions(count));
        assert_eq!(open.next(), Stamp(versions(count.wrapping_add(1))));
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
    fn an_idle_value_is_swapped_in_place() {
        let keeper = Desktop::new(Box::new(1));
        let (old, vacated) = keeper.publish(Box::new(2));
        assert_eq!((old.as_deref(), vacated), (Some(&1), false));
        let desk = keeper.latest.desk.lock();
        assert!(desk.current.is_none() && desk.spare.is_none());
    }

    #[test]
    fn nodes_are_recycled_and_one_spare_is_kept() {
        let keeper = Desktop::new(Arc::new(0));
        for round in 0..3 {
            let held: Vec<_> = (1..=4)
                .map(|value| {
                    let (look, _) = keeper.look();
                    assert!(keeper.publish(Arc::new(value)).0.is_none());
                    look
                })
                .collect();
            for (index, look) in held.iter().enumerate() {
                let first = if round == 0 { 0 } else { 4 };
                assert_eq!(***look, if index == 0 { first } else { index });
                assert_eq!(Arc::strong_count(look), 1);
            }
            drop(held);
            let mut desk = keeper.latest.desk.lock();
            let spares = usize::from(desk.spare.is_some())
                + usize::from(!keeper.latest.first_is_full(&mut desk));
            assert_eq!(spares, 1, "round {round}");
        }
    }

    #[test]
    fn an_earlier_value_is_dropped_with_its_last_snapshot() {
        let (first, second) = (Arc::new(1), Arc::new(2));
        let keeper = Desktop::new(Arc::clone(&first));
        let ((one, _), (two, _)) = (keeper.look(), keeper.look());
        assert!(keeper.publish(Arc::clone(&second)).0.is_none());
        drop(one);
        assert_eq!((**two, Arc::strong_count(&first)), (1, 2));
        drop(two);
        assert_eq!(Arc::strong_count(&first), 1);
        drop(keeper);
        assert_eq!(Arc::strong_count(&second), 1);
    }

    #[test]
    fn whoever_is_refused_is_told() {
        let keeper = Desktop::new(0);
        let (look, _) = keeper.look();
        assert!(Writing::take(&keeper).is_none());
        drop(look);
        assert_eq!(keeper.told(), 1);
        let writing = Writing::take(&keeper).unwrap();
        assert!(Snapshot::take(&keeper).is_none());
        assert!(Writing::take(&keeper).is_none());
        drop(writing);
        assert_eq!(keeper.told(), 2);
        drop(keeper.look());
        assert_eq!(keeper.told(), 2, "nobody waits any more");
    }

    #[test]
    fn a_change_counts_when_it_is_marked_and_still_current() {
        let keeper = Desktop::new(0);
        let version = || keeper.latest.stamp().version();
        *Writing::take(&keeper).unwrap() = 1;
        assert_eq!(version(), Version::INITIAL);
        let mut writing = Writing::take(&keeper).unwrap();
        *writing = 2;
        writing.mark_changed();
        drop(writing);
        assert_eq!(version(), Version(versions(1)));

        let mut writing = Writing::take(&keeper).unwrap();
        assert!(Snapshot::take(&keeper).is_none());
        assert_eq!(keeper.publish(3), (None, true), "the refused are told");
        *writing = 9;
        writing.mark_changed();
        drop(writing);
        assert_eq!((*keeper.look().0, version()), (3, Version(versions(2))));
    }

    #[test]
    fn a_claim_gets_the_value_once_it_is_vacant() {
        let keeper = Desktop::new(String::from("old"));
        let (look, _) = keeper.look();
        let claim = keeper.replace(String::from("new"));
        let mut claim = claim.unwrap_err();
        assert_eq!(claim.take(), None);
        assert_eq!((&**look, &**keeper.look().0), ("old", "new"));
        drop(look);
        assert_eq!(keeper.told(), 1);
        assert_eq!(claim.take().as_deref(), Some("old"));
        assert_eq!(claim.take(), None);
    }

    #[test]
    fn a_claim_can_be_given_up() {
        let old = Arc::new(());
        for claim_goes_first in [true, false] {
            let keeper = Desktop::new(Arc::clone(&old));
            let (look, _) = keeper.look();
            let claim = keeper.replace(Arc::new(()));
            assert!(claim.is_err());
            if claim_goes_first {
                drop(claim);
                assert_eq!(Arc::strong_count(&look), 2);
                drop(look);
            } else {
                drop(look);
                assert_eq!(Arc::strong_count(&old), 2);
                drop(claim);
            }
            assert_eq!(Arc::strong_count(&old), 1);
        }
    }

    /// I6: a claim that is given up admits nobody, but it takes the mark, so it has to tell.
    #[test]
    fn whoever_takes_the_mark_tells() {
        let keeper = Desktop::new(1);
        let (earlier, _) = keeper.look();
        let claim = keeper.replace(2);
        drop(earlier);
        let (later, _) = keeper.look();
        assert!(Writing::take(&keeper).is_none());
        drop(claim);
        let told = keeper.told();
        drop(later);
        assert_eq!(keeper.told().max(told), 1, "once, by one of the two");
    }

    #[test]
    #[expect(clippy::mem_forget, reason = "what it does is what is tested")]
    fn a_forgotten_snapshot_does_no_harm() {
        let (first, second) = (Arc::new(1), Arc::new(2));
        let keeper = Desktop::new(Arc::clone(&first));
        mem::forget(keeper.look());
        assert!(keeper.publish(Arc::clone(&second)).0.is_none());
        mem::forget(keeper.look());
        assert!(keeper.publish(Arc::new(3)).0.is_none());
        assert_eq!(**keeper.look().0, 3);
        drop(keeper);
        assert_eq!(Arc::strong_count(&first), 1, "the first node drops its own");
        assert_eq!(Arc::strong_count(&second), 2, "an allocated one is leaked");
    }

    /// The node of an open value is used as the others are, whatever ended the openness.
    #[test]
    fn an_open_value_is_exchanged_and_dropped_as_others() {
        let (first, second) = (Arc::new(1), Arc::new(2));
        let keeper = Desktop::new(Arc::clone(&first));
        for _ in 0..3 {
            keeper.open();
            let (look, _) = keeper.look();
            drop(look);
            let (old, vacated) = keeper.publish(Arc::clone(&first));
            assert!(old.is_some() && !vacated, "nobody looks");
        }
        keeper.open();
        let ((one, _), (two, version)) = (keeper.look(), keeper.look());
        assert!(keeper.publish(Arc::clone(&second)).0.is_none());
        drop(one);
        assert_eq!((**two, version, Arc::strong_count(&first)), (1, Version(versions(3)), 2));
        drop(two);
        assert_eq!(Arc::strong_count(&first), 1);
        assert_eq!(keeper.look().1, Version(versions(4)));
        keeper.open();
        drop(keeper);
        assert_eq!(Arc::strong_count(&second), 1);
    }

    #[test]
    fn whoever_is_refused_an_open_value_is_told() {
        let keeper = Desktop::new(0);
        keeper.open();
        let (look, _) = keeper.look();
        assert!(Writing::take(&keeper).is_none());
        let (second, _) = keeper.look();
        drop(look);
        assert_eq!(keeper.told(), 0, "there is another one");
        drop(second);
        assert_eq!(keeper.told(), 1);
        let mut writing = Writing::take(&keeper).unwrap();
        *writing = 1;
        writing.mark_changed();
        drop(writing);
        keeper.open();
        assert_eq!((*keeper.look().0, keeper.look().1), (1, Version(versions(1))));
    }

    #[test]
    fn an_open_value_is_claimed_as_others() {
        let keeper = Desktop::new(String::from("old"));
        keeper.open();
        let (look, _) = keeper.look();
        let mut claim = keeper.replace(String::from("new")).unwrap_err();
        assert_eq!(claim.take(), None);
        drop(look);
        assert_eq!((keeper.told(), claim.take().as_deref()), (1, Some("old")));
    }

    /// While the value before is looked at, the next one is not opened: the word is one for both.
    #[test]
    fn one_value_at_a_time_is_posted() {
        let keeper = Desktop::new(1);
        keeper.open();
        let (look, _) = keeper.look();
        assert_eq!(keeper.publish(2), (None, false));
        keeper.latest.open_up();
        assert!(
            keeper.latest.desk.lock().mode != Mode::Open
                || cfg!(any(miri, not(target_os = "linux")))
        );
        assert_eq!((*look, *keeper.look().0), (1, 2));
        drop(look);
        keeper.open();
        assert_eq!(*keeper.look().0, 2);
    }

    /// More looks at once than a board has places.
    #[test]
    fn there_are_always_more_looks() {
        let keeper = Desktop::new(0);
        keeper.open();
        let mut looks: Vec<_> = (0..20).map(|_| keeper.look().0).collect();
        assert_eq!(keeper.publish(1), (None, false));
        looks.swap(0, 19);
        while let Some(look) = looks.pop() {
            assert!(keeper.latest.desk.lock().current.is_some());
            assert_eq!(*look, 0);
        }
        assert!(!keeper.latest.first_is_full(&mut keeper.latest.desk.lock()));
    }

    #[test]
    #[expect(clippy::mem_forget, reason = "what it does is what is tested")]
    fn a_forgotten_open_look_is_not_taken_for_one_of_the_next() {
        // Not moved: the channel that comes next is at the same address.
        let mut place = Some(Desktop::new(0));
        for round in 0..10 {
            let keeper = place.insert(Desktop::new(round));
            keeper.open();
            mem::forget(keeper.look());
            assert!(Writing::take(keeper).is_none() || !IS_KNOWN);
            place = None;
        }
    }

    #[test]
    fn a_value_that_is_often_looked_at_is_opened() {
        let keeper = Desktop::new(0);
        keeper.open();
        assert_eq!(keeper.publish(1), (Some(0), false));
        for left in (0..MANY).rev() {
            assert_eq!(*keeper.look().0, 1);
            let desk = keeper.latest.desk.lock();
            assert_eq!((desk.credit, desk.mode), (left, Mode::Calm));
        }
        assert_eq!(*keeper.look().0, 1);
        let is_open = keeper.latest.desk.lock().mode == Mode::Open;
        assert_eq!(is_open, IS_KNOWN);
    }
}
