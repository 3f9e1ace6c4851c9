//! The current value of a watch channel, and earlier values that snapshots still borrow.
//!
//! Each value lies in a node with a reader count, under one lock. Publishing a value swaps it into
//! the current node if no snapshot borrows that; otherwise another node becomes current, and the
//! last snapshot of the earlier one drops its value. So a sender that publishes never waits for a
//! reader. Two additions:
//! 1. **Hazard pointers**: reads of a value that seldom changes take no lock (below).
//! 2. **Modification in place** (`send_modify`) needs the current value exclusively. It is admitted
//!    as by a phase-fair reader-writer lock: [`phase_fair`].
//!
//! tokio's watch is a value under an `RwLock`, in which a `Ref` blocks the sender. arc-swap's
//! `ArcSwap` is the nearest relative outside: a counted value, with *debts*, a kind of hazard
//! pointers, as the fast path.
//!
//! # Layout
//! ```text
//! version_state  version and closed bit: written under the lock, read without
//! exposed        the current node, while readers may use it without the lock; else null
//! inner          a lock around
//!     current      which node holds the current value
//!     spare        a second node, while it is not in use
//!     has_waiters  a thread was rejected and waits
//!     mode, unchecked_reads, exposures: how the current value is read
//!     extra        waiting threads (`phases`), and the node that is `retracted`
//!     aux          the owner's data, for what it does in the same critical section
//! first          a node
//!     under the lock: readers, hazard_readers, writing, claimed, full
//!     the value and its version
//! ```
//! The first node is part of the `Latest` itself. Others are allocated only when a value is
//! published while the current one is in use, and one of them is kept.
//!
//! # Reads without the lock
//! After [`READS_BEFORE_EXPOSING`] reads of one value its node is *exposed*: `exposed` points to
//! it. A reader then protects the address of the `Latest` with a hazard pointer ([`hazard`]) and
//! validates that `exposed` is unchanged; there is no read-modify-write. Such a reader is a *hazard
//! reader*; the others are counted in the node.
//!
//! A writer that may need the value exclusively first *retracts* it: it sets `exposed` to null,
//! issues a heavy fence (a system call), and scans the hazard records. If the address is protected
//! the node is marked `hazard_readers`. A reader that clears its hazard pointer and finds its node
//! retracted scans as well; the last one removes the mark, and with it the node if it is an earlier
//! one.
//!
//! The hazard pointer protects the address of the channel, not of the node. If it protected the
//! node, a node that was freed and allocated again by another channel would be taken for one that
//! is read, and no reader would end that. The price: while an earlier node has hazard readers, no
//! other node is exposed. The readers of BRAVO publish the address of their lock in the same way,
//! in a table that a writer scans after it has revoked their bias (D. Dice and A. Kogan, "BRAVO:
//! Biased Locking for Reader-Writer Locks", USENIX ATC 2019); here a writer does not wait for the
//! readers that it finds.
//!
//! # Readers and writers that wait for each other
//! Snapshots that overlap would keep a modification in place waiting for ever. So new readers pass
//! a waiting writer only until a budget is spent, and then wait; the same holds for writers that
//! pass a waiting reader. [`phase_fair`] decides it, and has the rules. A thread that holds a
//! snapshot of the current value is always admitted, because the writer waits for it: a thread
//! knows its counted snapshots from [`held`](crate::prim::held), and the others from its own hazard
//! record.
//!
//! While nothing is in the way, a reader decrements `unchecked_reads` and checks nothing else.
//!
//! # States
//! "Read" means that `readers` is not 0, or `hazard_readers` is set.
//!
//! | node | read | exposed | writing | claimed | access to the value |
//! |---|---|---|---|---|---|
//! | free | no | no | no | no | there is none |
//! | current, idle | no | no | no | no | the lock holder |
//! | current, exposed | either | yes | no | no | shared, by all threads |
//! | current, read | yes | no | no | no | shared, by its readers |
//! | current, written | no | no | yes | no | the writer |
//! | earlier, read | yes | no | no | either | shared, by its readers |
//! | earlier, written | no | no | yes | either | the writer |
//! | earlier, released | no | no | no | yes | the claimer |
//!
//! # Transitions
//! | operation | on the current node | on an earlier one |
//! |---|---|---|
//! | `Snapshot::take` | exposed: the address is protected. Otherwise readers + 1; rejected while written, or if `phase_fair` says so | - |
//! | a counted `Snapshot` drops | readers - 1 | readers - 1; the last one frees it, unless claimed |
//! | a protected `Snapshot` drops | the hazard pointer is cleared; if the node is retracted and this was the last, `hazard_readers` is cleared | the same; the last one frees it, unless claimed |
//! | `expose` | exposed; not while contended, while a thread waits, or while another node has hazard readers | - |
//! | `lock_retracted` | not exposed any more; `hazard_readers` if the address is protected | - |
//! | `WriteGuard::take` | written; rejected unless idle, or if `phase_fair` says so | - |
//! | `WriteGuard` drops | idle | free, unless claimed |
//! | `exchange` | idle: the values are swapped. Otherwise: becomes an earlier one, and a node that was free becomes current | - |
//! | `Claim::take` | - | free; rejected unless released |
//!
//! # Invariants
//! - **I1** All of a node but its value and version is accessed by the lock holder only.
//! - **I2** A node is `full` (its value is initialised) exactly while it is not free.
//! - **I3** The value of a node that is read is only read; the value of one that is written is
//!   accessed by its writer only; the value of any other by the lock holder only.
//! - **I4** A node that is not free is neither moved nor deallocated.
//! - **I5** The version state changes under the lock, together with the current value. The value's
//!   version lies beside it, with the same rules of access.
//! - **I6** A thread that is rejected leaves `has_waiters` set. Every change that could admit it
//!   clears the flag and notifies the [`Owner`].
//! - **I7** The node that `exposed` points to is the current one and not written, the mode is
//!   `Exposed`, and no node is `retracted`. A reader that finds the node there after protecting the
//!   address is one of its readers: until the node is retracted it stays as it is, and the thread
//!   that retracts it finds the address protected. `exposed` is stored under the lock.
//! - **I8** While the current value is written or a writer waits for it, the mode is `Contended`
//!   and `unchecked_reads` is 0. So a reader that decrements `unchecked_reads` reads a value that
//!   is not written.
//!
//! # Progress
//! Operations hold the lock for a few instructions and the move of one value, or for a scan of the
//! hazard records where a value was exposed. [`Latest::exchange`] never waits for a snapshot or a
//! writer. A thread that is rejected may wait with a [`WaitingReader`] or a [`WaitingWriter`]; a
//! bounded number of other threads overtake it, unless a snapshot of the current value never ends.
//!
//! # Unwinding
//! Values are dropped after the lock is released, and after rejected readers and writers were
//! notified. A writer that unwinds leaves its value as it is.
//!
//! # Checked by
//! `tests`, `waiting_tests`, `phase_fair::tests` and `model`, and the models of watch.

mod node;
mod phase_fair;
mod snapshot;
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

use self::node::{Node, NodeState};
use self::phase_fair::PhaseFair;
use crate::prim::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::prim::{IS_SMALL, Lock, LockGuard, asymmetric, hazard};
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

/// Reads of one value under the lock before its node is exposed. To change an exposed value costs a
/// system call and a scan of all records, which some hundred reads without the lock outweigh. More
/// are asked for where values come fast: if their sender loses the processor for a time slice, the
/// readers would have exposed the value each time it runs again.
const READS_BEFORE_EXPOSING: u16 = if IS_SMALL { 8 } else { 50_000 };

/// What the lock guards, besides the states of the nodes.
struct Inner<T, A> {
    /// `None` is the first node.
    current: Option<NonNull<Node<T>>>,
    spare: Option<Box<Node<T>>>,
    /// A thread was rejected and waits (I6).
    has_waiters: bool,
    /// Snapshots that may be taken before the next one has to be admitted (I8).
    unchecked_reads: u16,
    mode: Mode,
    /// Allocated before it is needed for the first time.
    extra: Option<Box<Extra<T>>>,
    /// How often a node was exposed: tells two exposures of one node apart. Does not wrap: at the
    /// maximum no node is exposed any more.
    exposures: u32,
    aux: A,
}

/// What a channel needs only after a thread has waited, or a value was exposed.
struct Extra<T> {
    phases: PhaseFair,
    /// The node that was retracted while its address was protected, as long as it has hazard
    /// readers.
    retracted: Option<NonNull<Node<T>>>,
}

/// How the current value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Counted under the lock, mostly without a check.
    Counted,
    /// Protected by hazard pointers, without the lock (I7).
    Exposed,
    /// Counted under the lock, each reader after being admitted (I8).
    Contended,
}

impl<T, A> Inner<T, A> {
    /// The state of a node.
    ///
    /// # Safety
    /// The node belongs to the same `Latest` and is alive.
    #[inline(always)]
    unsafe fn state_of(&mut self, node: NonNull<Node<T>>) -> &mut NodeState {
        // SAFETY: the caller says that it is alive.
        let node = unsafe { node.as_ref() };
        // SAFETY: by I1 the lock holder may access it, and `&mut self` is the lock holder's; the
        // reference is bounded by that borrow.
        node.state.with_mut(|state| unsafe { &mut *state })
    }

    /// Whether a writer waits.
    fn has_writers(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.phases.has_writers())
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
    inner: Lock<Inner<T, A>>,
    first: Node<T>,
}

// SAFETY: the pointers in `inner` keep it from being automatic. They lead to nodes that the
// `Latest` owns, and so do their values, which are Send.
unsafe impl<T: Send, A: Send> Send for Latest<T, A> {}
// SAFETY: the cells of the nodes keep it from being automatic. Several threads may read one value
// (`T: Sync`), and any of them may take it out and drop it (`T: Send`); everything else is under
// the lock (I1, I3).
unsafe impl<T: Send + Sync, A: Send> Sync for Latest<T, A> {}

/// What a critical section has freed, to be dropped after it.
type Garbage<T> = (T, Option<Box<Node<T>>>);

/// After the lock was released: notifies rejected threads, and then drops the garbage.
fn finish_release<O: Owner>(owner: &O, (garbage, had_waiters): (Option<Garbage<O::Value>>, bool)) {
    let _garbage = DropLast(garbage);
    if had_waiters {
        owner.on_released();
    }
}

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
            inner: Lock::new(Inner {
                current: None,
                spare: None,
                has_waiters: false,
                unchecked_reads: READS_BEFORE_EXPOSING,
                mode: Mode::Counted,
                extra: None,
                exposures: 0,
                aux,
            }),
            first: Node::with(value, version),
        }
    }

    /// The version of the current value, and whether the channel is closed.
    #[inline]
    pub(crate) fn version_state(&self) -> VersionState {
        // ORDERING: Acquire pairs with the Release store in `set_version_state`: a thread that sees
        // a version sees what its publisher did before.
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
        self.set_version_state(&self.inner.lock(), VersionState::closed);
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
    /// a node if the previous value is in use and there is no free node.
    #[inline]
    fn exchange<R>(
        &self,
        mut value: T,
        claim: bool,
        action: impl FnOnce(&mut A) -> R,
    ) -> Exchanged<T, R> {
        let mut fresh = None;
        loop {
            let mut inner = self.lock_retracted();
            let old = self.current(&inner);
            // SAFETY: the current node is not free (States), so it is alive (I4).
            if !unsafe { inner.state_of(old) }.is_in_use() {
                // SAFETY: the current node is not free (States), so it is alive (I4).
                let node = unsafe { old.as_ref() };
                let version = self.set_version_state(&inner, VersionState::next);
                // SAFETY: it is full and idle, so the lock holder may access its value (I3).
                unsafe { node.set_version(version) };
                // SAFETY: it is full and idle, so the lock holder may access its value (I3).
                mem::swap(unsafe { node.get_mut() }, &mut value);
                let result = action(&mut inner.aux);
                return Exchanged { old: Ok(value), had_waiters: false, result };
            }
            if let Some(new) = self.free_node(&mut inner, &mut fresh) {
                self.install(&mut inner, new, value);
                // SAFETY: a node in use is alive.
                unsafe { inner.state_of(old) }.claimed = claim;
                self.update_mode(&mut inner);
                let had_waiters = mem::take(&mut inner.has_waiters);
                let result = action(&mut inner.aux);
                return Exchanged { old: Err(old), had_waiters, result };
            }
            drop(inner);
            fresh = Some(Box::new(Node::free()));
        }
    }

    /// A free node: the first, the spare or the `fresh` one.
    fn free_node(
        &self,
        inner: &mut Inner<T, A>,
        fresh: &mut Option<Box<Node<T>>>,
    ) -> Option<NonNull<Node<T>>> {
        if !self.first_is_full(inner) {
            return Some(NonNull::from(&self.first));
        }
        let node = inner.spare.take().or_else(|| fresh.take())?;
        Some(NonNull::from(Box::leak(node)))
    }

    /// Makes `new`, from [`free_node`](Self::free_node), the current node, with this value.
    fn install(&self, inner: &mut Inner<T, A>, new: NonNull<Node<T>>, value: T) {
        // SAFETY: it is from `free_node`: the first node, alive as long as `self`, or one just
        // leaked.
        let node = unsafe { new.as_ref() };
        let version = self.set_version_state(inner, VersionState::next);
        // SAFETY: it is from `free_node`, so it is free; we hold the lock, and mark it full next.
        unsafe { node.write(value, version) };
        // SAFETY: alive, by the first of these three.
        *unsafe { inner.state_of(new) } = NodeState::IDLE;
        inner.current = (new != NonNull::from(&self.first)).then_some(new);
    }

    /// Called when a node has one user less. Takes out the value of an earlier node that is not in
    /// use and not claimed, and returns whether rejected threads may try again.
    #[inline]
    fn release(
        &self,
        mut inner: LockGuard<'_, Inner<T, A>>,
        node: NonNull<Node<T>>,
    ) -> (Option<Garbage<T>>, bool) {
        // SAFETY: it was in use until now, so it is alive.
        let state = unsafe { inner.state_of(node) };
        if state.is_in_use() {
            return (None, false);
        }
        let is_garbage = !state.claimed && node != self.current(&inner);
        let garbage = is_garbage.then(|| self.reclaim(&mut inner, node));
        (garbage, mem::take(&mut inner.has_waiters))
    }

    /// Frees an earlier node that is not in use.
    #[cold]
    fn reclaim(&self, inner: &mut Inner<T, A>, node: NonNull<Node<T>>) -> Garbage<T> {
        // SAFETY: an earlier node that is not free yet is alive (I4).
        *unsafe { inner.state_of(node) } = NodeState::FREE;
        // SAFETY: nothing was deallocated since; that comes below.
        let free = unsafe { node.as_ref() };
        // SAFETY: it was full and not in use, so the lock holder may access its value; it is free
        // now.
        let value = unsafe { free.take() };
        if node == NonNull::from(&self.first) {
            return (value, inner.spare.take());
        }
        // SAFETY: every node but the first comes from a `Box`, and nothing points to a free one.
        let node = unsafe { Box::from_raw(node.as_ptr()) };
        if inner.spare.is_none() && self.first_is_full(inner) {
            inner.spare = Some(node);
            return (value, None);
        }
        (value, Some(node))
    }

    /// What a hazard pointer to an exposed value protects.
    #[inline(always)]
    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Exposes the current node to readers without the lock.
    #[cold]
    fn expose(&self) {
        if !asymmetric::is_available() {
            return;
        }
        self.make_extra();
        let mut inner = self.inner.lock();
        let current = self.current(&inner);
        let has_retracted = inner.retracted().is_some_and(|retracted| retracted.is_some());
        if inner.mode != Mode::Counted || inner.has_waiters || has_retracted {
            return;
        }
        let Some(exposures) = inner.exposures.checked_add(1) else { return };
        inner.exposures = exposures;
        inner.mode = Mode::Exposed;
        // ORDERING: Release pairs with the Acquire load in `Snapshot::take`: the value is there.
        self.exposed.store(current.as_ptr(), Ordering::Release);
    }

    /// Takes the lock, with no node exposed: for threads that may need the current value
    /// exclusively.
    #[inline]
    fn lock_retracted(&self) -> LockGuard<'_, Inner<T, A>> {
        let mut inner = self.inner.lock();
        if inner.mode != Mode::Counted {
            return self.retract(inner);
        }
        inner.unchecked_reads = READS_BEFORE_EXPOSING;
        inner
    }

    #[cold]
    fn retract<'a>(&'a self, mut inner: LockGuard<'a, Inner<T, A>>) -> LockGuard<'a, Inner<T, A>> {
        while inner.mode == Mode::Exposed {
            let exposures = inner.exposures;
            // ORDERING: Relaxed, pairs with the loads in `Snapshot::take` and `Snapshot::drop` by
            // way of the fence; see `hazard`.
            self.exposed.store(ptr::null_mut(), Ordering::Relaxed);
            drop(inner);
            // A system call, so not under the lock. A thread that comes meanwhile makes one, too.
            asymmetric::heavy_fence();
            inner = self.inner.lock();
            if inner.mode == Mode::Exposed && inner.exposures == exposures {
                inner.mode = Mode::Counted;
                inner.unchecked_reads = READS_BEFORE_EXPOSING;
                if hazard::is_protected(self.address()) {
                    let current = self.current(&inner);
                    inner.retracted().into_iter().for_each(|node| *node = Some(current));
                    // SAFETY: the current node is not free (States), so it is alive (I4).
                    unsafe { inner.state_of(current) }.hazard_readers = true;
                }
            }
        }
        inner
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

    /// Keeps I8: called when a write or the waiting of a writer begins or ends, or when another
    /// node becomes current.
    #[cold]
    fn update_mode(&self, inner: &mut Inner<T, A>) {
        let current = self.current(inner);
        // SAFETY: the current node is not free (States), so it is alive (I4).
        let is_written = unsafe { inner.state_of(current) }.writing;
        if is_written || inner.has_writers() {
            inner.mode = Mode::Contended;
            inner.unchecked_reads = 0;
        } else if inner.mode == Mode::Contended {
            inner.mode = Mode::Counted;
            inner.unchecked_reads = READS_BEFORE_EXPOSING;
        }
    }

    /// Called by a reader that has cleared its hazard pointer and found its node retracted: if no
    /// thread protects the address any more, [releases](Self::release) the retracted node.
    fn release_retracted(&self) -> (Option<Garbage<T>>, bool) {
        let mut inner = self.inner.lock();
        // While a node is exposed, or about to be retracted, the thread that retracts it scans.
        let Some(retracted) = inner.retracted() else {
            return (None, false);
        };
        let Some(node) = *retracted else {
            return (None, false);
        };
        if hazard::is_protected(self.address()) {
            return (None, false);
        }
        *retracted = None;
        // SAFETY: it was in use until now, so it is alive.
        unsafe { inner.state_of(node) }.hazard_readers = false;
        self.release(inner, node)
    }

    fn first_is_full(&self, inner: &mut Inner<T, A>) -> bool {
        // SAFETY: the first node is alive as long as `self`.
        unsafe { inner.state_of(NonNull::from(&self.first)) }.full
    }

    #[inline(always)]
    fn current(&self, inner: &Inner<T, A>) -> NonNull<Node<T>> {
        inner.current.unwrap_or(NonNull::from(&self.first))
    }

    /// The version state, for the lock holder.
    #[inline(always)]
    fn locked_version_state(&self, _: &Inner<T, A>) -> VersionState {
        // ORDERING: Relaxed, no pair: it is written under the lock only, which is held.
        VersionState(self.version_state.load(Ordering::Relaxed))
    }

    /// Returns the new version.
    #[inline(always)]
    fn set_version_state(
        &self,
        inner: &Inner<T, A>,
        change: impl FnOnce(VersionState) -> VersionState,
    ) -> Version {
        let state = change(self.locked_version_state(inner));
        // ORDERING: Release pairs with the Acquire load in `version_state`.
        self.version_state.store(state.0, Ordering::Release);
        state.version()
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
        // SAFETY: every node but the first comes from a `Box`, and this one is not in use:
        // snapshots and guards borrow the `Latest`. One that was forgotten is not used any more.
        drop(current.map(|node| unsafe { Box::from_raw(node.as_ptr()) }));
    }
}
