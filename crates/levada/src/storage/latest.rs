//! One value, its version, and the earlier values somebody still looks at.
//!
//! # Layout
//! ```text
//! stamp   a copy of the desk's, to be read without the lock
//! desk    a lock around: stamp    version and closed bit
//!                        current  which node holds the latest value
//!                        spare    a second node, while it is not in use
//!                        wanted   somebody waits for a node to be vacated
//! first   a node: readers, writing, claimed, full (under the lock); the value
//! ```
//! The first node is part of the `Latest` itself. Others are allocated only when a value is
//! published while the current one is in use, and one of them is kept.
//!
//! # States
//! | node | readers | writing | claimed | whose is the value |
//! |---|---|---|---|---|
//! | free | 0 | no | no | there is none |
//! | current, idle | 0 | no | no | the lock holder's |
//! | current, read | 1.. | no | no | nobody's: all may look at it |
//! | current, written | 0 | yes | no | the writer's |
//! | earlier, read | 1.. | no | either | nobody's |
//! | earlier, written | 0 | yes | either | the writer's |
//! | earlier, vacant | 0 | no | yes | the claimer's |
//!
//! # Transitions
//! | operation | on the current node | on an earlier one |
//! |---|---|---|
//! | `Snapshot::take` | readers + 1; refused while written | - |
//! | `Snapshot` drops | readers - 1 | readers - 1; the last one frees it, unless claimed |
//! | `Writing::take` | written; refused unless idle | - |
//! | `Writing` ends | idle | free, unless claimed |
//! | `exchange` | idle: the values are swapped. Otherwise: becomes an earlier one, and a node that was free becomes current | - |
//! | `Claim::take` | - | free; refused unless vacant |
//!
//! # Invariants
//! - **I1** All of a node but its value is touched by the lock holder only.
//! - **I2** A node is `full` (its value is initialised) exactly while it is not free.
//! - **I3** The value of a node that is read is only looked at; the value of one that is written is
//!   touched by its writer only; of any other by the lock holder only.
//! - **I4** A node that is not free is neither moved nor deallocated.
//! - **I5** The version changes under the lock, together with the current value. So the version
//!   read in the same critical section as a snapshot was taken is that of the value.
//! - **I6** Whoever was refused has left `wanted` set, and every change that may admit somebody
//!   takes it and tells the [`Keeper`].
//!
//! # Progress
//! Takes the lock for a few instructions and the copying of one value. [`Latest::exchange`] never
//! waits for a snapshot or a writer. [`Writing::take`] is refused as long as snapshots overlap each
//! other, and snapshots are not held up for its sake: whoever holds one may safely take another.
//!
//! # Unwinding
//! Values are dropped after the lock is released. A writer that unwinds leaves its value as it is.
//!
//! # Checked by
//! The tests and the models at the end of this file, and the models of watch.

use core::mem::{self, MaybeUninit};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use crate::prim::atomic::{AtomicUsize, Ordering};
use crate::prim::{Lock, LockGuard, UnsafeCell};

/// Who keeps a [`Latest`], and is told when it lets go of a value that somebody waits for.
pub(crate) trait Keeper {
    /// What is kept.
    type Value;
    /// Where it is kept.
    fn latest(&self) -> &Latest<Self::Value>;
    /// Those who were refused may try again. Called outside the lock.
    fn vacated(&self);
}

/// Counts the values published, wrapping around. The lowest bit is never set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(usize);

impl Version {
    /// One of these steps per value, so that the closed bit stays out of it.
    const STEP: usize = 2;

    /// The version of the value a channel is created with.
    pub(crate) const INITIAL: Self = Self(0);

    /// The version `values` values before the count wraps around.
    #[cfg(test)]
    pub(crate) const fn before_wrap(values: usize) -> Self {
        Self(0_usize.wrapping_sub(values * Self::STEP))
    }

    /// The version of the value before.
    pub(crate) fn previous(self) -> Self {
        Self(self.0.wrapping_sub(Self::STEP))
    }
}

/// A version, and whether further ones may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(usize);

impl Stamp {
    const CLOSED: usize = 1;

    pub(crate) fn version(self) -> Version {
        Version(self.0 & !Self::CLOSED)
    }

    pub(crate) fn is_closed(self) -> bool {
        self.0 & Self::CLOSED != 0
    }

    fn next(self) -> Self {
        Self(self.0.wrapping_add(Version::STEP))
    }

    fn closed(self) -> Self {
        Self(self.0 | Self::CLOSED)
    }
}

/// A place for one value.
struct Node<T> {
    hold: UnsafeCell<Hold>,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// How the value of a node is being used.
#[derive(Debug)]
struct Hold {
    readers: usize,
    /// Somebody changes the value in place.
    writing: bool,
    /// Somebody waits to take the value, so the last reader does not.
    claimed: bool,
    /// There is a value.
    full: bool,
}

impl Hold {
    const FREE: Self = Self { readers: 0, writing: false, claimed: false, full: false };

    const IDLE: Self = Self { full: true, ..Self::FREE };

    #[inline]
    fn is_in_use(&self) -> bool {
        self.readers > 0 || self.writing
    }

    #[inline]
    fn add_reader(&mut self) {
        if self.readers == usize::MAX {
            // Snapshots were leaked until the count is about to wrap, which would free a value
            // that is being read.
            std::process::abort();
        }
        self.readers += 1;
    }
}

impl<T> Node<T> {
    fn new(hold: Hold, value: MaybeUninit<T>) -> Self {
        Self { hold: UnsafeCell::new(hold), value: UnsafeCell::new(value) }
    }

    /// Puts a value in.
    ///
    /// # Safety
    /// The node is free and the caller holds the lock; the caller marks it full.
    unsafe fn write(&self, value: T) {
        self.value.with_mut(|place| {
            // SAFETY: nobody else touches the value of a free node.
            let place = unsafe { &mut *place };
            place.write(value);
        });
    }

    /// Takes the value out.
    ///
    /// # Safety
    /// The node is full and its value is the caller's to touch (I3); the caller marks it free.
    unsafe fn take(&self) -> T {
        self.value.with_mut(|place| {
            // SAFETY: the caller may touch the value.
            let place = unsafe { &mut *place };
            // SAFETY: it is there, and as the node is free from now on it is not used again.
            unsafe { place.assume_init_read() }
        })
    }

    /// The value, to look at.
    ///
    /// # Safety
    /// The node is full, and for `'a` its value is only looked at.
    unsafe fn get<'a>(&self) -> &'a T {
        self.value.with(|place| {
            // SAFETY: nobody changes the value.
            let place = unsafe { &*place };
            // SAFETY: it is there.
            unsafe { place.assume_init_ref() }
        })
    }

    /// The value, to change.
    ///
    /// # Safety
    /// The node is full, and for `'a` nobody else touches its value.
    unsafe fn get_mut<'a>(&self) -> &'a mut T {
        self.value.with_mut(|place| {
            // SAFETY: nobody else touches the value.
            let place = unsafe { &mut *place };
            // SAFETY: it is there.
            unsafe { place.assume_init_mut() }
        })
    }
}

impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        // SAFETY: `&mut self` excludes every other access.
        if self.hold.with(|hold| unsafe { (*hold).full }) {
            // SAFETY: it is full (I2), and ours alone.
            let value = unsafe { self.get_mut() };
            // SAFETY: it is not used again. In place: it may be larger than what is left of the stack.
            unsafe { core::ptr::drop_in_place(value) };
        }
    }
}

/// What the lock guards, besides the holds of the nodes.
struct Desk<T> {
    stamp: Stamp,
    /// `None` is the first node.
    current: Option<NonNull<Node<T>>>,
    spare: Option<Box<Node<T>>>,
    wanted: bool,
}

impl<T> Desk<T> {
    /// The hold of a node.
    ///
    /// # Safety
    /// The node belongs to this desk's `Latest` and is alive.
    #[inline(always)]
    unsafe fn hold(&mut self, node: NonNull<Node<T>>) -> &mut Hold {
        // SAFETY: the caller says that it is alive.
        let node = unsafe { node.as_ref() };
        // SAFETY: by I1 the lock holder may touch it, and `&mut self` is the lock holder's; the
        // reference is bounded by that borrow.
        node.hold.with_mut(|hold| unsafe { &mut *hold })
    }
}

/// The latest value, and those before it that are still in use.
pub(crate) struct Latest<T> {
    stamp: AtomicUsize,
    desk: Lock<Desk<T>>,
    first: Node<T>,
}

// SAFETY: the pointers of the desk keep it from being automatic. They lead to nodes that the `Latest`
// owns, and so do their values, which are Send.
unsafe impl<T: Send> Send for Latest<T> {}
// SAFETY: the cells of the nodes keep it from being automatic. Several threads may look at one value
// (`T: Sync`), and any of them may take it out and drop it (`T: Send`); everything else is under the
// lock (I1, I3).
unsafe impl<T: Send + Sync> Sync for Latest<T> {}

/// What is let go of in a critical section, to be dropped after it.
type Leftover<T> = (T, Option<Box<Node<T>>>);

impl<T> Latest<T> {
    pub(crate) fn new(value: T, version: Version) -> Self {
        Self {
            stamp: AtomicUsize::new(version.0),
            desk: Lock::new(Desk {
                stamp: Stamp(version.0),
                current: None,
                spare: None,
                wanted: false,
            }),
            first: Node::new(Hold::IDLE, MaybeUninit::new(value)),
        }
    }

    /// The version of the current value, and whether there may be further ones.
    #[inline]
    pub(crate) fn stamp(&self) -> Stamp {
        // ORDERING: Acquire pairs with the Release store in `set_stamp`: who sees a version sees
        // what its publisher did before.
        Stamp(self.stamp.load(Ordering::Acquire))
    }

    /// No further version will come.
    pub(crate) fn close(&self) {
        self.set_stamp(&mut self.desk.lock(), Stamp::closed);
    }

    /// Makes `value` the current one, and gives the one before it if nobody uses it. Otherwise that
    /// one is dropped by the last who does.
    ///
    /// Also tells whether those who were refused may try again; the caller tells them.
    #[inline]
    pub(crate) fn publish(&self, value: T) -> (Option<T>, bool) {
        let (old, vacated) = self.exchange(value, false);
        (old.ok(), vacated)
    }

    /// See [`publish`](Self::publish) and [`Claim::replace`]. Waits for nobody; allocates a node if
    /// the value before is in use and there is no free one.
    #[inline]
    fn exchange(&self, mut value: T, claim: bool) -> (Result<T, NonNull<Node<T>>>, bool) {
        let mut fresh = None;
        loop {
            let mut desk = self.desk.lock();
            let old = self.current(&desk);
            // SAFETY: the current node is not free (States), so it is alive (I4).
            if !unsafe { desk.hold(old) }.is_in_use() {
                // SAFETY: the current node is not free (States), so it is alive (I4).
                let node = unsafe { old.as_ref() };
                // SAFETY: it is full and idle, so its value is the lock holder's (I3).
                mem::swap(unsafe { node.get_mut() }, &mut value);
                self.set_stamp(&mut desk, Stamp::next);
                return (Ok(value), false);
            }
            if let Some(new) = self.free_node(&mut desk, &mut fresh) {
                self.install(&mut desk, new, value);
                // SAFETY: a node in use is alive.
                unsafe { desk.hold(old) }.claimed = claim;
                return (Err(old), mem::take(&mut desk.wanted));
            }
            drop(desk);
            fresh = Some(Box::new(Node::new(Hold::FREE, MaybeUninit::uninit())));
        }
    }

    /// A node that is free: the first, the spare or the `fresh` one.
    fn free_node(
        &self,
        desk: &mut Desk<T>,
        fresh: &mut Option<Box<Node<T>>>,
    ) -> Option<NonNull<Node<T>>> {
        if !self.first_is_full(desk) {
            return Some(NonNull::from(&self.first));
        }
        let node = desk.spare.take().or_else(|| fresh.take())?;
        Some(NonNull::from(Box::leak(node)))
    }

    /// Makes `new`, from [`free_node`](Self::free_node), the current node, with this value.
    fn install(&self, desk: &mut Desk<T>, new: NonNull<Node<T>>, value: T) {
        // SAFETY: it is from `free_node`: the first node, alive as long as `self`, or one just leaked.
        let node = unsafe { new.as_ref() };
        // SAFETY: it is from `free_node`, so it is free; we hold the lock, and mark it full next.
        unsafe { node.write(value) };
        // SAFETY: alive, by the first of these three.
        *unsafe { desk.hold(new) } = Hold::IDLE;
        desk.current = (new != NonNull::from(&self.first)).then_some(new);
        self.set_stamp(desk, Stamp::next);
    }

    /// To be called when a node has one user less: takes its value out if nobody is left who could
    /// want it, and tells whether those who were refused may try again.
    #[inline]
    fn let_go(
        &self,
        mut desk: LockGuard<'_, Desk<T>>,
        node: NonNull<Node<T>>,
    ) -> (Option<Leftover<T>>, bool) {
        // SAFETY: it was in use until now, so it is alive.
        let hold = unsafe { desk.hold(node) };
        if hold.is_in_use() {
            return (None, false);
        }
        let retired = !hold.claimed && node != self.current(&desk);
        let leftover = retired.then(|| self.retire(&mut desk, node));
        (leftover, mem::take(&mut desk.wanted))
    }

    /// Frees an earlier node that nobody uses.
    #[cold]
    fn retire(&self, desk: &mut Desk<T>, node: NonNull<Node<T>>) -> Leftover<T> {
        // SAFETY: an earlier node that is not free yet is alive (I4).
        *unsafe { desk.hold(node) } = Hold::FREE;
        // SAFETY: nothing was deallocated since; that comes below.
        let place = unsafe { node.as_ref() };
        // SAFETY: it was full and out of use, so its value was the lock holder's; it is free now.
        let value = unsafe { place.take() };
        if node == NonNull::from(&self.first) {
            return (value, desk.spare.take());
        }
        // SAFETY: every node but the first comes from a `Box`, and nothing points to a free one.
        let node = unsafe { Box::from_raw(node.as_ptr()) };
        if desk.spare.is_none() && self.first_is_full(desk) {
            desk.spare = Some(node);
            return (value, None);
        }
        (value, Some(node))
    }

    fn first_is_full(&self, desk: &mut Desk<T>) -> bool {
        // SAFETY: the first node is alive as long as `self`.
        unsafe { desk.hold(NonNull::from(&self.first)) }.full
    }

    #[inline(always)]
    fn current(&self, desk: &Desk<T>) -> NonNull<Node<T>> {
        desk.current.unwrap_or(NonNull::from(&self.first))
    }

    #[inline(always)]
    fn set_stamp(&self, desk: &mut Desk<T>, change: impl FnOnce(Stamp) -> Stamp) {
        desk.stamp = change(desk.stamp);
        // ORDERING: Release pairs with the Acquire load in `stamp`.
        self.stamp.store(desk.stamp.0, Ordering::Release);
    }
}

impl<T> Drop for Latest<T> {
    fn drop(&mut self) {
        let current = self.desk.lock().current.take();
        // SAFETY: every node but the first comes from a `Box`, and nobody uses this one: users
        // borrow the `Latest`. One that was forgotten is not used any more.
        drop(current.map(|node| unsafe { Box::from_raw(node.as_ptr()) }));
    }
}

/// The value that was current at some moment, kept for as long as this lives.
pub(crate) struct Snapshot<'a, K: Keeper> {
    keeper: &'a K,
    node: NonNull<Node<K::Value>>,
}

// SAFETY: the pointer keeps it from being automatic. A shared snapshot gives nothing but a look at the
// value, which is Sync; the keeper is used only by its drop.
unsafe impl<K: Keeper> Sync for Snapshot<'_, K> where K::Value: Sync {}

impl<'a, K: Keeper> Snapshot<'a, K> {
    /// The current value and its version, unless it is being changed in place.
    #[inline]
    pub(crate) fn take(keeper: &'a K) -> Option<(Self, Version)> {
        let latest = keeper.latest();
        let mut desk = latest.desk.lock();
        let node = latest.current(&desk);
        // SAFETY: the current node is not free (States), so it is alive (I4).
        let hold = unsafe { desk.hold(node) };
        if hold.writing {
            desk.wanted = true;
            return None;
        }
        hold.add_reader();
        Some((Self { keeper, node }, desk.stamp.version()))
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
        let latest = self.keeper.latest();
        let mut desk = latest.desk.lock();
        // SAFETY: we are one of its readers, so it is alive (I4).
        unsafe { desk.hold(self.node) }.readers -= 1;
        let (_leftover, vacated) = latest.let_go(desk, self.node);
        if vacated {
            self.keeper.vacated();
        }
    }
}

/// Exclusive access to the value that was current when it was taken.
pub(crate) struct Writing<'a, K: Keeper> {
    keeper: &'a K,
    node: NonNull<Node<K::Value>>,
    changed: bool,
}

impl<'a, K: Keeper> Writing<'a, K> {
    /// Exclusive access to the current value, unless it is in use.
    pub(crate) fn take(keeper: &'a K) -> Option<Self> {
        let latest = keeper.latest();
        let mut desk = latest.desk.lock();
        let node = latest.current(&desk);
        // SAFETY: the current node is not free (States), so it is alive (I4).
        let hold = unsafe { desk.hold(node) };
        if hold.is_in_use() {
            desk.wanted = true;
            return None;
        }
        hold.writing = true;
        Some(Self { keeper, node, changed: false })
    }

    /// When this ends, the value has a new version: unless it is not the current one any more, and
    /// then the change counts as made just before the one that superseded it.
    pub(crate) fn mark_changed(&mut self) {
        self.changed = true;
    }
}

impl<K: Keeper> Deref for Writing<'_, K> {
    type Target = K::Value;

    fn deref(&self) -> &K::Value {
        // SAFETY: it is being written, so it is alive (I4).
        let node = unsafe { self.node.as_ref() };
        // SAFETY: it is full, and we are its writer (I3).
        unsafe { node.get() }
    }
}

impl<K: Keeper> DerefMut for Writing<'_, K> {
    fn deref_mut(&mut self) -> &mut K::Value {
        // SAFETY: it is being written, so it is alive (I4).
        let node = unsafe { self.node.as_ref() };
        // SAFETY: it is full, and we are its writer (I3).
        unsafe { node.get_mut() }
    }
}

impl<K: Keeper> Drop for Writing<'_, K> {
    fn drop(&mut self) {
        let latest = self.keeper.latest();
        let mut desk = latest.desk.lock();
        if self.changed && self.node == latest.current(&desk) {
            latest.set_stamp(&mut desk, Stamp::next);
        }
        // SAFETY: it is being written, so it is alive (I4).
        unsafe { desk.hold(self.node) }.writing = false;
        let (_leftover, vacated) = latest.let_go(desk, self.node);
        if vacated {
            self.keeper.vacated();
        }
    }
}

/// The right to an earlier value that was in use when it was superseded.
#[must_use = "the value is the claimer's"]
pub(crate) struct Claim<'a, K: Keeper> {
    keeper: &'a K,
    /// Until the value was taken.
    node: Option<NonNull<Node<K::Value>>>,
}

impl<'a, K: Keeper> Claim<'a, K> {
    /// Makes `value` the current one, and gives the one before it, or a claim to it if it is in
    /// use.
    ///
    /// Also tells whether those who were refused may try again; the caller tells them.
    pub(crate) fn replace(keeper: &'a K, value: K::Value) -> (Result<K::Value, Self>, bool) {
        let (old, vacated) = keeper.latest().exchange(value, true);
        let claim = |node| Self { keeper, node: Some(node) };
        (old.map_err(claim), vacated)
    }

    /// The value, once nobody uses it any more.
    pub(crate) fn take(&mut self) -> Option<K::Value> {
        let node = self.node?;
        let latest = self.keeper.latest();
        let mut desk = latest.desk.lock();
        // SAFETY: nobody but the claimer frees a claimed node, so it is alive (I4).
        if unsafe { desk.hold(node) }.is_in_use() {
            desk.wanted = true;
            return None;
        }
        self.node = None;
        let (value, leftover) = latest.retire(&mut desk, node);
        drop(desk);
        drop(leftover);
        Some(value)
    }
}

impl<K: Keeper> Drop for Claim<'_, K> {
    fn drop(&mut self) {
        let Some(node) = self.node else { return };
        let latest = self.keeper.latest();
        let mut desk = latest.desk.lock();
        // SAFETY: nobody but the claimer frees a claimed node, so it is alive (I4).
        unsafe { desk.hold(node) }.claimed = false;
        let (_leftover, vacated) = latest.let_go(desk, node);
        if vacated {
            self.keeper.vacated();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often it is told.
    pub(super) struct Desktop<T> {
        pub(super) latest: Latest<T>,
        pub(super) told: AtomicUsize,
    }

    impl<T> Desktop<T> {
        pub(super) fn new(value: T) -> Self {
            Self { latest: Latest::new(value, Version::INITIAL), told: AtomicUsize::new(0) }
        }

        pub(super) fn look(&self) -> (Snapshot<'_, Self>, Version) {
            Snapshot::take(self).expect("nobody writes")
        }

        #[cfg(not(loom))]
        fn told(&self) -> usize {
            // ORDERING: Relaxed, no pair: a count.
            self.told.load(Ordering::Relaxed)
        }
    }

    impl<T> Keeper for Desktop<T> {
        type Value = T;

        fn latest(&self) -> &Latest<T> {
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
            let (old, vacated) = keeper.latest.publish(Box::new(2));
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
                        assert!(keeper.latest.publish(Arc::new(value)).0.is_none());
                        look
                    })
                    .collect();
                for (index, look) in held.iter().enumerate() {
                    let first = if round == 0 { 0 } else { 4 };
                    assert_eq!(**look.deref(), if index == 0 { first } else { index });
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
            assert!(keeper.latest.publish(Arc::clone(&second)).0.is_none());
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
            assert_eq!(keeper.latest.publish(3), (None, true), "the refused are told");
            *writing = 9;
            writing.mark_changed();
            drop(writing);
            assert_eq!((*keeper.look().0, version()), (3, Version(versions(2))));
        }

        #[test]
        fn a_claim_gets_the_value_once_it_is_vacant() {
            let keeper = Desktop::new(String::from("old"));
            let (look, _) = keeper.look();
            let (claim, _) = Claim::replace(&keeper, String::from("new"));
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
                let (claim, _) = Claim::replace(&keeper, Arc::new(()));
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
            let (claim, _) = Claim::replace(&keeper, 2);
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
            assert!(keeper.latest.publish(Arc::clone(&second)).0.is_none());
            mem::forget(keeper.look());
            assert!(keeper.latest.publish(Arc::new(3)).0.is_none());
            assert_eq!(**keeper.look().0, 3);
            drop(keeper);
            assert_eq!(Arc::strong_count(&first), 1, "the first node drops its own");
            assert_eq!(Arc::strong_count(&second), 2, "an allocated one is leaked");
        }
    }
}

#[cfg(test)]
mod model {
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
                drop(other.latest.publish(Arc::new((1, 1))));
                drop(other.latest.publish(Arc::new((2, 2))));
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
                let (old, _) = keeper.latest.publish(10);
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
            keeper.latest.publish(1);
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
            let (old, _) = Claim::replace(&*keeper, Arc::new(2));
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
}
