//! Looking at the value that was current.

use core::ops::Deref;
use core::ptr::NonNull;

use super::node::Node;
use super::turns::Ticket;
use super::version::Version;
use super::{Desk, Keeper, Latest, Mode};
use crate::prim::LockGuard;
use crate::prim::atomic::Ordering;
use crate::prim::held;
use crate::prim::notices::{self, Place};

/// The value that was current at some moment, kept for as long as this lives.
pub(crate) struct Snapshot<'a, K: Keeper> {
    keeper: &'a K,
    node: NonNull<Node<K::Value>>,
    tail: Tail,
}

/// A node that has a reader more, and the version of its value.
type Counted<K> = (NonNull<Node<<K as Keeper>::Value>>, Version);

type Guard<'a, K> = LockGuard<'a, Desk<<K as Keeper>::Value, <K as Keeper>::Side>>;

/// Where a snapshot is posted, if it is not counted; and a note for whoever holds it, as there is
/// room. One word, so that it is written and read as one.
struct Tail(usize);

impl Tail {
    const NOTE: usize = 1;
    const COUNTED: Self = Self(0);

    #[inline(always)]
    fn posted(place: Place) -> Self {
        Self((place.number() + 1) * 2)
    }

    #[inline(always)]
    fn place(&self) -> Option<Place> {
        (self.0 / 2).checked_sub(1).map(Place::of)
    }
}

// SAFETY: the pointer and the place keep it from being automatic. A shared snapshot gives nothing
// but a look at the value, which is Sync; keeper and place are used only by its drop.
unsafe impl<K: Keeper> Sync for Snapshot<'_, K> where K::Value: Sync {}

impl<'a, K: Keeper> Snapshot<'a, K> {
    /// The current value and its version, unless it is being changed in place, or newcomers wait
    /// for a writer.
    #[inline(always)]
    pub(crate) fn take(keeper: &'a K) -> Option<(Self, Version)> {
        let latest = keeper.latest();
        // ORDERING: Relaxed, no pair: a hint, which is looked at again.
        let open = latest.open.load(Ordering::Relaxed);
        if let Some(node) = NonNull::new(open)
            && let Some(place) = notices::post(latest.word())
        {
            // ORDERING: Acquire pairs with the Release store in `Latest::open_up`: the value and
            // its version are there. And by the protocol of `notices` who shuts the node later
            // finds the word.
            if latest.open.load(Ordering::Acquire) == open {
                // SAFETY: it is open, and its value with it (I3, I7), so it is alive (I4).
                let full = unsafe { node.as_ref() };
                // SAFETY: it is full, and we look at it (I3).
                let version = unsafe { full.version() };
                return Some((Self { keeper, node, tail: Tail::posted(place) }, version));
            }
            // Ends as any other that is posted. Not made before: what has an end to run is kept in
            // memory.
            drop(Self { keeper, node, tail: Tail::posted(place) });
        }
        let (node, version) = Self::take_counted(keeper)?;
        Some((Self { keeper, node, tail: Tail::COUNTED }, version))
    }

    /// Leaves a note, in the place of the last one.
    #[inline(always)]
    pub(crate) fn set_note(&mut self, note: bool) {
        self.tail.0 = self.tail.0 & !Tail::NOTE | usize::from(note);
    }

    /// The last note, or `false`.
    pub(crate) fn note(&self) -> bool {
        self.tail.0 & Tail::NOTE != 0
    }

    /// The current node and its version, under the lock: it has a reader more.
    #[inline(always)]
    fn take_counted(keeper: &'a K) -> Option<Counted<K>> {
        let latest = keeper.latest();
        let mut desk = latest.desk.lock();
        if desk.credit == 0 {
            return Self::ask(latest, desk, &mut None).ok();
        }
        desk.credit -= 1;
        Some(Self::count(latest, desk))
    }

    /// Counts one that is admitted.
    #[inline(always)]
    fn count(latest: &'a Latest<K::Value, K::Side>, mut desk: Guard<'a, K>) -> Counted<K> {
        let node = latest.current(&desk);
        // SAFETY: the current node is not free (States), so it is alive (I4).
        let hold = unsafe { desk.hold(node) };
        debug_assert!(!hold.writing, "I8");
        hold.add_reader();
        // SAFETY: the current node is not free (States), so it is alive (I4).
        let place = unsafe { node.as_ref() };
        // SAFETY: it is full and not written (I8), and we are one of its readers (I3).
        let version = unsafe { place.version() };
        drop(desk);
        held::hold(node.addr().get());
        (node, version)
    }

    /// Takes one without a credit: the value is written, a writer waits for it, or it is looked
    /// at often enough to be opened.
    #[cold]
    fn ask(
        latest: &'a Latest<K::Value, K::Side>,
        mut desk: Guard<'a, K>,
        ticket: &mut Option<Ticket>,
    ) -> Result<Counted<K>, Guard<'a, K>> {
        let node = latest.current(&desk);
        // SAFETY: the current node is not free (States), so it is alive (I4).
        let hold = unsafe { desk.hold(node) };
        let (is_written, is_read) = (hold.writing, hold.is_in_use());
        let is_holder = held::is_held(node.addr().get())
            || hold.posted && notices::is_posted_here(latest.word());
        let turns = desk.turns();
        if is_written || turns.is_some_and(|it| !it.admit_reader(ticket, is_holder, is_read)) {
            desk.wanted = true;
            return Err(desk);
        }
        let are_many = desk.credit == 0 && desk.mode != Mode::Contended;
        if are_many {
            desk.credit = super::MANY;
        }
        let counted = Self::count(latest, desk);
        if are_many {
            latest.open_up();
        }
        Ok(counted)
    }

    /// The current value and its version, for a thread that was refused and waits.
    #[cold]
    pub(super) fn take_in_turn(
        keeper: &'a K,
        ticket: &mut Option<Ticket>,
    ) -> Option<(Self, Version)> {
        let latest = keeper.latest();
        match Self::ask(latest, latest.desk.lock(), ticket) {
            Ok((node, version)) => Some((Self { keeper, node, tail: Tail::COUNTED }, version)),
            Err(mut desk) => {
                desk.turns()?.refuse_reader(ticket);
                None
            }
        }
    }

    /// Ends one that is counted.
    #[inline(always)]
    fn drop_counted(&self) {
        held::release(self.node.addr().get());
        let latest = self.keeper.latest();
        let mut desk = latest.desk.lock();
        // SAFETY: we are one of its readers, so it is alive (I4).
        unsafe { desk.hold(self.node) }.readers -= 1;
        // Nothing hangs on the current value while nobody was refused.
        if self.node != latest.current(&desk) || desk.wanted {
            self.let_go(desk);
        }
    }

    /// The same where something may hang on it.
    #[cold]
    fn let_go(&self, desk: Guard<'_, K>) {
        super::finish(self.keeper, self.keeper.latest().let_go(desk, self.node));
    }

    /// Ends one that was posted on a node that is not open any more.
    #[cold]
    fn drop_shut(&self) {
        super::finish(self.keeper, self.keeper.latest().look_for_posted());
    }
}

impl<K: Keeper> Deref for Snapshot<'_, K> {
    type Target = K::Value;

    #[inline]
    fn deref(&self) -> &K::Value {
        // SAFETY: we are one of its readers, so it is alive (I4).
        let node = unsafe { self.node.as_ref() };
        // SAFETY: it is full, and only looked at while it has a reader (I3).
        unsafe { node.get() }
    }
}

impl<K: Keeper> Drop for Snapshot<'_, K> {
    #[inline]
    fn drop(&mut self) {
        let Some(place) = self.tail.place() else {
            return self.drop_counted();
        };
        place.withdraw();
        // ORDERING: Relaxed, no pair: by the protocol of `notices` who shut the node has not found
        // the word, or we find the node shut.
        if self.keeper.latest().open.load(Ordering::Relaxed) != self.node.as_ptr() {
            self.drop_shut();
        }
    }
}
