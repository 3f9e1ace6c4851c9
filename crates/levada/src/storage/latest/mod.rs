//! The current value of a watch channel, and earlier values that snapshots still borrow.
//!
//! Each value lies in a node with a count of its users. A writer that publishes puts the value into
//! a free node and makes that the current one; the last user of the earlier node drops its value.
//! So a writer that publishes never waits for a reader. And a reader enters the current node and
//! leaves it by one read-modify-write each, without the lock that writers take: it does not wait
//! for a writer, not even for one that was preempted while it held the lock. Two additions:
//! 1. **Hazard pointers**: reads of a value that seldom changes write no memory that is shared
//!    ([`exposed`]).
//! 2. **Modification in place** (`send_modify`) needs the current value exclusively. It is admitted
//!    as by a phase-fair reader-writer lock ([`phase_fair`]).
//!
//! tokio's watch is a value under an `RwLock`, in which a `Ref` blocks the sender. arc-swap's
//! `ArcSwap` is the nearest relative outside: a counted value, with *debts*, a kind of hazard
//! pointers, as the fast path.
//!
//! # Layout
//! ```text
//! version_state  version and closed bit
//! exposed        the current node, while hazard pointers protect it; else null
//! entry          the number of the node that readers enter, and how many have: `split_count`
//! second         a node, allocated when a value is first published
//! spare          a free node without a number, or null
//! inner          a lock around
//!     current      which node holds the current value
//!     is_written   it is changed in place
//!     has_waiters  a thread was rejected and waits
//!     exposures, locked_reads: for hazard pointers
//!     extra        waiting threads (`phases`), and the node that is `retracted`
//!     aux          the owner's data, for what it does in the same critical section
//! first          a node: its users, the value, and the version of the value
//! ```
//! The first node is part of the `Latest` itself, and the second is never freed before it. Only
//! these two have a number, by which a reader finds its node. When both are in use, further ones
//! are allocated; while one of those is current the entry is closed, and readers take the lock.
//!
//! # Readers
//! [`split_count`] has the words. A reader enters by adding 1 to the entry, which tells it the
//! node; it leaves by subtracting 1 from the users of that node. While the entry is closed (a value
//! is written, a thread waits, or the current node has no number) a reader takes the lock, and may
//! be rejected.
//!
//! A value and its version have to change together for a thread that looks at both. A publisher
//! opens the entry for the new node first and stores the version after; a reader that finds the
//! value before its version is stored stores it (`complete_publication`). So no thread finds the
//! earlier version after the value, nor the earlier value after the version.
//!
//! # Readers and writers that wait for each other
//! Snapshots that overlap would keep a modification in place waiting for ever. So new readers pass
//! a waiting writer only until a budget is spent, and then wait; the same holds for writers that
//! pass a waiting reader. [`phase_fair`] decides it, and has the rules. A thread that holds a
//! snapshot of the current value is always admitted, because the writer waits for it: a thread
//! knows its counted snapshots from [`held`](crate::prim::held), and the others from its own hazard
//! record.
//!
//! # States
//! "Used" means that the count of users is not 0. All hazard readers of a retracted node are one
//! user of it, and so is a writer.
//!
//! | node | used | entry leads to it | exposed | access to the value |
//! |---|---|---|---|---|
//! | free | no | no | no | there is none |
//! | current, open | by readers that enter and leave | yes | maybe | shared, by all threads |
//! | current, closed | by readers | no | no | shared, by them and the lock holder |
//! | current, idle | no | no | no | the lock holder |
//! | current, written | by the writer | no | no | the writer |
//! | earlier, read | by readers | no | no | shared, by them |
//! | earlier, written | by the writer | no | no | the writer |
//! | earlier, released | no | no | no | its last user or, if it is claimed, the claimer |
//!
//! # Transitions
//! | operation | on the current node | on an earlier one |
//! |---|---|---|
//! | `Snapshot::take` | exposed: the address is protected. Open: entered. Otherwise users + 1 under the lock; rejected while written, or if `phase_fair` says so | - |
//! | a counted `Snapshot` drops | users - 1; the last one of a closed node notifies threads that wait | users - 1; the last one frees it, or notifies the claimer |
//! | a protected `Snapshot` drops | the hazard pointer is cleared; if the node is retracted and this was the last, users - 1 | the same |
//! | `expose` | exposed; not while contended, or while another node has hazard readers | - |
//! | `lock_retracted` | not exposed any more; users + 1 if the address is protected | - |
//! | `WriteGuard::take` | closed; then written, or rejected if it is used, or if `phase_fair` says so | - |
//! | `WriteGuard` drops | idle, and open again if no thread waits | released |
//! | `exchange`, `Snapshot::replace` | becomes an earlier one; a node that was free becomes current | - |
//! | `Claim::take` | - | free; rejected unless released |
//!
//! # Invariants
//! - **I1** `inner` is accessed by the lock holder only. Only lock holders replace the entry, make
//!   a node current or retire it.
//! - **I2** The value of a node is initialised exactly while the node is not free.
//! - **I3** The value of a node that is read is only read; the value of one that is written is
//!   accessed by its writer only. A retired node without users belongs to one thread: the one whose
//!   operation on the count left 0, or the claimer.
//! - **I4** A node that is not free is neither moved nor deallocated; a node with a number never
//!   is.
//! - **I5** The version state and the current value change together for a thread that looks at both
//!   (*Readers*). The value's version lies beside it, with the same rules of access.
//! - **I6** A thread that is rejected from the current value leaves `has_waiters` set. Every change
//!   that could admit it clears the flag and notifies the [`Owner`]. The last user of a claimed
//!   node always notifies.
//! - **I7** The node that `exposed` points to is the current one and not written, `exposures` is
//!   odd, and no node is `retracted`. A reader that finds the node there after protecting the
//!   address is one of its readers: until the node is retracted it stays as it is, and the thread
//!   that retracts it finds the address protected. `exposed` is stored under the lock.
//! - **I8** While the current value is written, a writer waits for it, or `has_waiters` is set, the
//!   entry is closed. So a reader that enters reads a value that is not written; and a user that
//!   leaves an open node need not notify any thread.
//!
//! # Progress
//! A reader that enters or protects the current value, and one that leaves it, is wait-free: it
//! executes a bounded number of instructions, whatever other threads do. Other operations hold the
//! lock for a few instructions and the move of one value, or for a scan of the hazard records where
//! a value was exposed. [`Latest::exchange`] never waits for a snapshot or a writer. A thread that
//! is rejected may wait with a [`WaitingReader`] or a [`WaitingWriter`]; a bounded number of other
//! threads overtake it, unless a snapshot of the current value never ends.
//!
//! Readers take the lock in three cases: the value is contended; two earlier values, or the current
//! one and an earlier one, are still read when a value is published; and once in
//! [`READS_BEFORE_EXPOSING`] reads of one value.
//!
//! # Unwinding
//! Values are dropped after the lock is released, and after rejected readers and writers were
//! notified. A writer that unwinds leaves its value as it is.
//!
//! # Checked by
//! `tests`, `waiting_tests`, `split_count::tests`, `phase_fair::tests` and `model`, and the models
//! of watch.

mod exposed;
mod node;
mod phase_fair;
mod snapshot;
mod split_count;
mod version;
mod waiting;
mod writing;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[cfg(not(loom))]
mod waiting_tests;

use core::mem;
use core::ptr::{self, NonNull};

pub(crate) use self::snapshot::Snapshot;
pub(crate) use self::version::{Version, VersionState};
pub(crate) use self::waiting::{WaitingReader, WaitingWriter};
pub(crate) use self::writing::{Claim, WriteGuard};

use self::node::Node;
use self::phase_fair::PhaseFair;
use self::split_count::{Entry, External, Index, Left};
use crate::prim::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::prim::{IS_MODEL, IS_SMALL, Lock, LockGuard, hazard};
use crate::util::DropLast;

/// The struct that contains a [`Latest`] and wakes the threads that wait for its value.
pub(crate) trait Owner {
    /// The value that is published.
    type Value;
    /// What the owner guards by the same lock.
    type Aux;
    /// The field.
    fn latest(&self) -> &Latest<Self::Value, Self::Aux>;
    /// Wakes rejected threads, which may try again. Called without the lock.
    fn on_released(&self);
}

/// Reads of one value that are counted before its node is exposed. To change an exposed value costs
/// a system call and a scan of all records, which some hundred reads with hazard pointers outweigh.
/// More are asked for where values come fast: if their sender loses the processor for a time slice,
/// the readers would have exposed the value each time it runs again.
const READS_BEFORE_EXPOSING: usize = if IS_SMALL { 8 } else { 50_000 };

/// What the lock guards.
struct Inner<T, A> {
    /// `None` is the first node.
    current: Option<NonNull<Node<T>>>,
    /// The current value is changed in place.
    is_written: bool,
    /// A thread was rejected and waits (I6).
    has_waiters: bool,
    /// Reads of the current value that took the lock although no thread waits.
    locked_reads: u16,
    /// How often a node was exposed or retracted. Odd while the current node is exposed, or about
    /// to be retracted. Does not wrap: near the maximum no node is exposed any more.
    exposures: u32,
    /// Allocated before it is needed for the first time.
    extra: Option<Box<Extra<T>>>,
    aux: A,
}

/// What the lock guards, for the lock holder.
type Locked<'a, T, A> = LockGuard<'a, Inner<T, A>>;

/// The same, and a free node.
type LockedWithNode<'a, T, A> = (Locked<'a, T, A>, NonNull<Node<T>>);

/// What a channel needs only after a thread has waited, or a value was exposed.
struct Extra<T> {
    phases: PhaseFair,
    /// The node that was retracted while its address was protected, as long as it has hazard
    /// readers. All of them together are one user of the node.
    retracted: Option<NonNull<Node<T>>>,
}

impl<T, A> Inner<T, A> {
    /// Whether a writer waits.
    fn has_writers(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.phases.has_writers())
    }

    /// Whether the current node is exposed, or about to be retracted.
    fn is_exposed(&self) -> bool {
        self.exposures % 2 == 1
    }

    /// Whether each reader has to be admitted, under the lock.
    fn is_contended(&self) -> bool {
        self.is_written || self.has_waiters || self.has_writers()
    }

    /// The waiting threads, if any thread has ever waited.
    fn phases(&mut self) -> Option<&mut PhaseFair> {
        self.extra.as_mut().map(|extra| &mut extra.phases)
    }

    /// The retracted node with hazard readers, if there has ever been one.
    fn retracted(&mut self) -> Option<&mut Option<NonNull<Node<T>>>> {
        self.extra.as_mut().map(|extra| &mut extra.retracted)
    }
}

/// The current value, and earlier ones that are still in use.
pub(crate) struct Latest<T, A> {
    version_state: AtomicUsize,
    exposed: AtomicPtr<Node<T>>,
    entry: External,
    /// From the first time that a value is published. Not freed before the channel.
    second: AtomicPtr<Node<T>>,
    /// A free node, or null.
    spare: AtomicPtr<Node<T>>,
    inner: Lock<Inner<T, A>>,
    first: Node<T>,
}

// SAFETY: the pointers keep it from being automatic. They lead to nodes that the `Latest` owns, and
// so do their values, which are Send.
unsafe impl<T: Send, A: Send> Send for Latest<T, A> {}
// SAFETY: the cells of the nodes keep it from being automatic. Several threads may read one value
// (`T: Sync`), and any of them may take it out and drop it (`T: Send`); `inner` is behind a lock.
unsafe impl<T: Send + Sync, A: Send> Sync for Latest<T, A> {}

/// The result of [`Latest::exchange`].
struct Exchanged<T, R> {
    /// The previous value, or the node that holds it if that is in use.
    old: Result<T, NonNull<Node<T>>>,
    /// Rejected threads may try again; the caller notifies them.
    had_waiters: bool,
    /// What the action returned.
    result: R,
}

impl<T, A> Latest<T, A> {
    pub(crate) fn new(value: T, version: Version, aux: A) -> Self {
        Self {
            version_state: AtomicUsize::new(VersionState::of(version).0),
            exposed: AtomicPtr::new(ptr::null_mut()),
            entry: External::new(Entry::open(Index::First)),
            second: AtomicPtr::new(ptr::null_mut()),
            spare: AtomicPtr::new(ptr::null_mut()),
            inner: Lock::new(Inner {
                current: None,
                is_written: false,
                has_waiters: false,
                locked_reads: 0,
                exposures: 0,
                extra: None,
                aux,
            }),
            first: Node::with(value, version),
        }
    }

    /// The version of the current value, and whether the channel is closed.
    #[inline]
    pub(crate) fn version_state(&self) -> VersionState {
        // ORDERING: Acquire pairs with the Release operations in `set_version_state` and
        // `complete_late_publication`: a thread that sees a version sees what its publisher did
        // before.
        VersionState(self.version_state.load(Ordering::Acquire))
    }

    /// Runs `action` on the owner's data under the lock, with the version state, which does not
    /// change meanwhile. `action` is no foreign code, and neither waits nor allocates.
    #[inline]
    pub(crate) fn with_aux<R>(&self, action: impl FnOnce(VersionState, &mut A) -> R) -> R {
        let mut inner = self.inner.lock();
        let state = self.locked_version_state(&inner);
        action(state, &mut inner.aux)
    }

    /// Marks the version as the last one.
    pub(crate) fn close(&self) {
        let inner = self.inner.lock();
        self.set_version_state(&inner, self.locked_version_state(&inner).closed());
    }

    /// Makes `value` the current one. Returns the previous value if it is not in use; otherwise its
    /// last user drops it. Runs `action` on the owner's data in the same critical section, and
    /// returns its result.
    ///
    /// Also returns whether rejected threads may try again; the caller notifies them.
    #[inline]
    pub(crate) fn publish<R>(
        &self,
        value: T,
        action: impl FnOnce(&mut A) -> R,
    ) -> (Option<T>, bool, R) {
        let Exchanged { old, had_waiters, result } = self.exchange(value, false, action);
        (old.ok(), had_waiters, result)
    }

    /// See [`publish`](Self::publish) and [`Claim::replace`]. Waits for no other thread; allocates
    /// a node if there is no free one.
    #[inline]
    fn exchange<R>(
        &self,
        value: T,
        claim: bool,
        action: impl FnOnce(&mut A) -> R,
    ) -> Exchanged<T, R> {
        let locked = self.lock_with_free_node(|_| true);
        let (inner, new) = locked.expect("nothing is refused");
        self.exchange_locked(inner, new, value, claim, action)
    }

    /// Takes the lock, with no node exposed, and a free node; `None` if the state under the lock is
    /// not the one that the caller wants.
    #[inline(always)]
    fn lock_with_free_node(
        &self,
        is_wanted: impl Fn(&Inner<T, A>) -> bool,
    ) -> Option<LockedWithNode<'_, T, A>> {
        let mut fresh = None;
        loop {
            let inner = self.lock_retracted();
            if !is_wanted(&inner) {
                return None;
            }
            if let Some(new) = self.free_node(&mut fresh) {
                return Some((inner, new));
            }
            drop(inner);
            fresh = Some(Box::new(Node::free()));
        }
    }

    /// The rest of [`exchange`](Self::exchange), with the lock and a free node.
    #[inline(always)]
    fn exchange_locked<R>(
        &self,
        mut inner: Locked<'_, T, A>,
        new: NonNull<Node<T>>,
        value: T,
        claim: bool,
        action: impl FnOnce(&mut A) -> R,
    ) -> Exchanged<T, R> {
        let old = self.current(&inner);
        let is_released = self.switch_to(&mut inner, new, value, claim);
        let had_waiters = !is_released && mem::take(&mut inner.has_waiters);
        if had_waiters {
            self.update_entry(&inner);
        }
        let result = action(&mut inner.aux);
        drop(inner);
        let old = if is_released {
            // SAFETY: it was retired without users, so its value is ours (I3).
            Ok(unsafe { self.take_out(old) })
        } else {
            Err(old)
        };
        Exchanged { old, had_waiters, result }
    }

    /// A free node, under the lock: the first, the second, the spare or the `fresh` one.
    #[inline(always)]
    fn free_node(&self, fresh: &mut Option<Box<Node<T>>>) -> Option<NonNull<Node<T>>> {
        self.numbered_free_node().or_else(|| self.further_node(fresh))
    }

    #[inline(always)]
    fn numbered_free_node(&self) -> Option<NonNull<Node<T>>> {
        if self.first.users.is_free() {
            return Some(NonNull::from(&self.first));
        }
        // SAFETY: the second node is freed with the channel.
        self.second().filter(|node| unsafe { node.as_ref() }.users.is_free())
    }

    #[cold]
    fn further_node(&self, fresh: &mut Option<Box<Node<T>>>) -> Option<NonNull<Node<T>>> {
        if self.second().is_none() {
            let node = NonNull::from(Box::leak(fresh.take()?));
            // ORDERING: Relaxed, no pair: readers load it after they have found the entry open for
            // it, which is opened later, and with Release.
            self.second.store(node.as_ptr(), Ordering::Relaxed);
            return Some(node);
        }
        // ORDERING: Acquire pairs with the Release in `keep_spare`.
        NonNull::new(self.spare.swap(ptr::null_mut(), Ordering::Acquire))
            .or_else(|| Some(NonNull::from(Box::leak(fresh.take()?))))
    }

    /// Makes `new`, from [`free_node`](Self::free_node), the current node, with this value and the
    /// next version. Returns whether the previous one has no users; its value is then the caller's.
    #[inline(always)]
    fn switch_to(
        &self,
        inner: &mut Inner<T, A>,
        new: NonNull<Node<T>>,
        value: T,
        claim: bool,
    ) -> bool {
        let old = self.current(inner);
        let index = self.index_of(new);
        let state = self.locked_version_state(inner).next();
        inner.current = (index != Some(Index::First)).then_some(new);
        (inner.is_written, inner.locked_reads) = (false, 0);
        let entry = match index {
            Some(index) if !inner.is_contended() => Entry::open(index),
            _ => Entry::CLOSED,
        };
        // SAFETY: it is from `free_node`, so it is alive.
        let node = unsafe { new.as_ref() };
        // SAFETY: it is free, and we hold the lock.
        unsafe { node.write(value, state.version()) };
        node.users.set_current(entry.is_open());
        let before = self.entry.replace(entry);
        // After this, not before: a thread that sees the version finds the value. A reader that
        // finds the value first completes the publication.
        self.set_version_state(inner, state);
        // SAFETY: it was the current node until now, so it is alive (I4).
        unsafe { old.as_ref() }.users.retire(before, claim)
    }

    /// Takes the value out of an earlier node, and frees the node.
    ///
    /// # Safety
    /// The value is the caller's (I3).
    unsafe fn take_out(&self, node: NonNull<Node<T>>) -> T {
        // SAFETY: an earlier node that is not free yet is alive (I4).
        let full = unsafe { node.as_ref() };
        // SAFETY: the caller says that it may.
        let value = unsafe { full.take() };
        full.users.set_free();
        if self.index_of(node).is_none() {
            self.keep_spare(node);
        }
        value
    }

    /// Keeps a free node that has no number, if there is no other free node.
    #[cold]
    fn keep_spare(&self, node: NonNull<Node<T>>) {
        let null = ptr::null_mut();
        // ORDERING: Release pairs with the Acquire in `further_node`: we are done with it.
        let is_kept = self.numbered_free_node().is_none()
            && self
                .spare
                .compare_exchange(null, node.as_ptr(), Ordering::Release, Ordering::Relaxed)
                .is_ok();
        if !is_kept {
            // SAFETY: a node without a number comes from a `Box`, and nothing points to a free one.
            drop(unsafe { Box::from_raw(node.as_ptr()) });
        }
    }

    /// Frees all nodes but the first, at the end. There is a second one if there is any.
    #[cold]
    fn free_nodes(&mut self, second: NonNull<Node<T>>, current: Option<NonNull<Node<T>>>) {
        // ORDERING: Relaxed, no pair: `&mut self`.
        let spare = NonNull::new(self.spare.load(Ordering::Relaxed));
        let further = current.filter(|node| *node != second);
        for node in [Some(second), spare, further].into_iter().flatten() {
            // SAFETY: every node but the first comes from a `Box`, and these are three. None of
            // them is in use: snapshots and guards borrow the `Latest`. One that was forgotten is
            // not used any more.
            drop(unsafe { Box::from_raw(node.as_ptr()) });
        }
    }

    /// The node that an open entry leads to.
    #[inline(always)]
    fn node_at(&self, index: Index) -> NonNull<Node<T>> {
        match index {
            Index::First => NonNull::from(&self.first),
            Index::Second => self.second().expect("an entry leads to a node"),
        }
    }

    #[inline(always)]
    fn index_of(&self, node: NonNull<Node<T>>) -> Option<Index> {
        if node == NonNull::from(&self.first) {
            return Some(Index::First);
        }
        (Some(node) == self.second()).then_some(Index::Second)
    }

    #[inline(always)]
    fn second(&self) -> Option<NonNull<Node<T>>> {
        // ORDERING: Relaxed, no pair: it is stored under the lock before the entry leads to it.
        NonNull::new(self.second.load(Ordering::Relaxed))
    }

    /// The current node, under the lock.
    #[inline(always)]
    fn current_node(&self, inner: &Inner<T, A>) -> &Node<T> {
        // SAFETY: the current node is not free (States), so it is alive (I4) while the lock is
        // held.
        unsafe { self.current(inner).as_ref() }
    }

    /// Opens or closes the entry, as the state under the lock wants it (I8). Called after that has
    /// changed.
    fn update_entry(&self, inner: &Inner<T, A>) {
        match self.index_of(self.current(inner)) {
            Some(index) if !inner.is_contended() => {
                if !self.entry.locked().is_open() {
                    self.current_node(inner).users.open_again();
                    self.entry.open(index);
                }
            }
            _ => self.close_entry(inner),
        }
    }

    /// Closes the entry: new readers take the lock.
    fn close_entry(&self, inner: &Inner<T, A>) {
        if self.entry.locked().is_open() {
            self.current_node(inner).users.close(self.entry.replace(Entry::CLOSED));
        }
    }

    /// Counts from 0 again in an open entry, which could overflow.
    fn restart_entry(&self, inner: &Inner<T, A>) {
        let entry = self.entry.locked();
        if entry.is_open() {
            let before = self.entry.replace(Entry::open(entry.index()));
            self.current_node(inner).users.restart(before);
        }
    }

    /// Makes the [`Extra`], if there is none. It is allocated, so without the lock.
    fn make_extra(&self) {
        if self.inner.lock().extra.is_some() {
            return;
        }
        let mut fresh = Some(Box::new(Extra { phases: PhaseFair::default(), retracted: None }));
        let mut inner = self.inner.lock();
        if inner.extra.is_none() {
            inner.extra = fresh.take();
        }
        drop(inner);
        drop(fresh);
    }

    #[inline(always)]
    fn current(&self, inner: &Inner<T, A>) -> NonNull<Node<T>> {
        inner.current.unwrap_or(NonNull::from(&self.first))
    }

    /// The version state, for the lock holder.
    #[inline(always)]
    fn locked_version_state(&self, _: &Inner<T, A>) -> VersionState {
        // ORDERING: Relaxed, no pair: only the lock holder changes it, and readers that complete
        // what that has begun.
        VersionState(self.version_state.load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn set_version_state(&self, _: &Inner<T, A>, state: VersionState) {
        if IS_MODEL {
            // The store below stands behind that of a reader that completes the same publication:
            // one that came later would have found the version there, and stored nothing. loom does
            // not conclude that, and would let threads read either of the two.
            //
            // ORDERING: Release pairs with the Acquire load in `version_state`.
            self.version_state.swap(state.0, Ordering::Release);
            return;
        }
        // ORDERING: Release pairs with the Acquire load in `version_state`.
        self.version_state.store(state.0, Ordering::Release);
    }

    /// Called by a reader of the value with this version: if its publisher has not stored the
    /// version yet, the reader does. So no thread sees the earlier version after the value.
    #[inline(always)]
    fn complete_publication(&self, version: Version) {
        let state = self.version_state();
        if state.version() == version.previous() {
            self.complete_late_publication(state);
        }
    }

    #[cold]
    fn complete_late_publication(&self, state: VersionState) {
        // ORDERING: Release pairs with the Acquire load in `version_state`: this thread has seen
        // what the publisher did before, by the Acquire in `External::enter`. If it fails, the
        // version was stored meanwhile, and the Relaxed load has read that or a later one.
        let _ = self.version_state.compare_exchange(
            state.0,
            state.next().0,
            Ordering::Release,
            Ordering::Relaxed,
        );
    }
}

/// What a user of a node that has left it does as the last one.
#[inline(always)]
fn finish<O: Owner>(owner: &O, node: NonNull<Node<O::Value>>, left: Left) {
    if left != Left::Others {
        finish_last(owner, node, left);
    }
}

#[cold]
fn finish_last<O: Owner>(owner: &O, node: NonNull<Node<O::Value>>, left: Left) {
    let latest = owner.latest();
    match left {
        Left::Others => {}
        Left::Idle => {
            let mut inner = latest.inner.lock();
            let had_waiters = mem::take(&mut inner.has_waiters);
            latest.update_entry(&inner);
            drop(inner);
            if had_waiters {
                owner.on_released();
            }
        }
        Left::Value => {
            // SAFETY: we were its last user, so the value is ours (I3).
            drop(DropLast(Some(unsafe { latest.take_out(node) })));
        }
        Left::Claimed => owner.on_released(),
    }
}

impl<T, A> Drop for Latest<T, A> {
    fn drop(&mut self) {
        let mut inner = self.inner.lock();
        let (current, was_exposed) = (inner.current.take(), inner.exposures > 0);
        drop(inner);
        if was_exposed {
            // Snapshots that were forgotten still protect the address, which another channel may
            // have next.
            hazard::clear_forgotten(self.address());
        }
        if let Some(second) = self.second() {
            self.free_nodes(second, current);
        }
    }
}
