//! One value, its version, and the earlier values somebody still looks at.
//!
//! # Layout
//! ```text
//! stamp   version and closed bit: written under the lock, read without
//! open    the current node, while it may be looked at without the lock; else null
//! desk    a lock around: current  which node holds the latest value
//!                        spare    a second node, while it is not in use
//!                        wanted   a thread waits for a node to be vacated
//!                        mode, credit, era: how the current value is looked at
//!                        extra    who waits (turns), and the node that is `posted`
//!                        side     the keeper's own, for what it does in the same critical section
//! first   a node: readers, posted, writing, claimed, full (under the lock); the version and the value
//! ```
//! The first node is part of the `Latest` itself. Others are allocated only when a value is
//! published while the current one is in use, and one of them is kept.
//!
//! # Looks without the lock
//! A value that is looked at often and not changed is *opened*: `open` leads to its node. Who looks
//! then posts the address of the `Latest` where all threads can read it ([`notices`]), finds `open`
//! as it was, and later withdraws the address and looks at `open` once more: no read-modify-write.
//! Who wants the value for himself *shuts* it: he makes `open` null, puts a fence into every
//! thread, a system call, and looks whether the address is still posted. If so the node is marked,
//! and whoever withdraws the address and finds the node shut looks for others who posted it; the
//! last one takes the mark off.
//!
//! The system call pays from some hundred looks on; it takes [`MANY`] under the lock before a value
//! is opened.
//!
//! # Readers and writers that wait for each other
//! Snapshots that overlap each other would keep a writer out for ever. So newcomers are let in
//! past a waiting writer only until a budget is spent; from then on they wait. The same holds for
//! newcomers that pass a waiting reader. [`turns`] decides it, and has the rules. A thread that
//! holds a counted snapshot notes the node (`prim::held`), and one that holds a posted snapshot has
//! it on its board. Such a thread is always let in, because the writer waits for it.
//!
//! While nothing stands in the way a snapshot takes one of `credit` and asks for nothing else.
//!
//! # States
//! "Read" is: it has readers that are counted, or is marked `posted`.
//!
//! | node | read | open | writing | claimed | whose is the value |
//! |---|---|---|---|---|---|
//! | free | no | no | no | no | there is none |
//! | current, idle | no | no | no | no | the lock holder's |
//! | current, open | either | yes | no | no | nobody's: all may look at it |
//! | current, read | yes | no | no | no | nobody's |
//! | current, written | no | no | yes | no | the writer's |
//! | earlier, read | yes | no | no | either | nobody's |
//! | earlier, written | no | no | yes | either | the writer's |
//! | earlier, vacant | no | no | no | yes | the claimer's |
//!
//! # Transitions
//! | operation | on the current node | on an earlier one |
//! |---|---|---|
//! | `Snapshot::take` | open: the address is posted. Otherwise readers + 1; refused while written or not its turn | - |
//! | a counted `Snapshot` drops | readers - 1 | readers - 1; the last one frees it, unless claimed |
//! | a posted `Snapshot` drops | the address is withdrawn; if it is shut and was the last, `posted` is taken off | the same; the last one frees it, unless claimed |
//! | `open_up` | open; not while contended, wanted, or another node is `posted` | - |
//! | `lock_shut` | not open any more, and `posted` if the address is | - |
//! | `Writing::take` | written; refused unless idle and its turn | - |
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
//! - **I5** The stamp changes under the lock, together with the current value. The value's version
//!   lies beside it, and who may touch the one may touch the other.
//! - **I6** Whoever was refused has left `wanted` set, and every change that may admit somebody
//!   takes it and tells the [`Keeper`].
//! - **I7** The node that `open` leads to is the current one and not written, the mode is `Open`,
//!   and no node is `posted`. Who finds the node there after having posted the address is one of
//!   its readers: until it is shut it stays what it is, and who shuts it finds the address. It is
//!   stored under the lock.
//! - **I8** While the current value is written or a writer waits for it, the mode is `Contended`
//!   and `credit` is 0. So a snapshot that takes a credit looks at a value that is not written.
//!
//! # Progress
//! Takes the lock for a few instructions and the copying of one value, or for a look at every
//! thread's board where a value was open. [`Latest::exchange`] never waits for a snapshot or a
//! writer. A thread that is refused a value may wait by a [`LookTurn`] or a [`WriteTurn`]; a
//! bounded number of others pass it, unless a snapshot of the current value never ends.
//!
//! # Unwinding
//! Values are dropped after the lock is released, and after refused readers and writers were told.
//! A writer that unwinds leaves its value as it is.
//!
//! # Checked by
//! `tests`, `turn_tests`, `turns::tests` and `model`, and the models of watch.

mod node;
mod snapshot;
mod turn;
mod turns;
mod version;
mod writing;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[cfg(not(loom))]
mod turn_tests;

use core::mem;
use core::ptr::{self, NonNull};

pub(crate) use self::snapshot::Snapshot;
pub(crate) use self::turn::{LookTurn, WriteTurn};
pub(crate) use self::version::{Stamp, Version};
pub(crate) use self::writing::{Claim, Writing};

use self::node::{Hold, Node};
use self::turns::Turns;
use crate::prim::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::prim::{IS_SMALL, Lock, LockGuard, asymmetric, notices};
use crate::util::DropLast;

/// Who keeps a [`Latest`], and is told when it lets go of a value that somebody waits for.
pub(crate) trait Keeper {
    /// What is kept.
    type Value;
    /// What the keeper guards by the same lock.
    type Side;
    /// Where it is kept.
    fn latest(&self) -> &Latest<Self::Value, Self::Side>;
    /// Those who were refused may try again. Called outside the lock.
    fn vacated(&self);
}

/// So many looks under the lock at one value, and it may be looked at without. Some hundred are
/// worth what it costs to change the value then, a system call and a look at every thread; but
/// where values come fast and their sender loses the processor for a moment, each of its time
/// slices would begin with one.
const MANY: u16 = if IS_SMALL { 8 } else { 50_000 };

/// What the lock guards, besides the holds of the nodes.
struct Desk<T, S> {
    /// `None` is the first node.
    current: Option<NonNull<Node<T>>>,
    spare: Option<Box<Node<T>>>,
    wanted: bool,
    /// How many snapshots may be taken before the next has to ask (I8).
    credit: u16,
    mode: Mode,
    /// Made before it is needed for the first time.
    extra: Option<Box<Extra<T>>>,
    /// How often a node was opened. Does not wrap: after the last time none is opened any more.
    era: u32,
    side: S,
}

/// What only a channel needs whose threads have waited, or whose value was opened.
struct Extra<T> {
    turns: Turns,
    /// The node that was shut while it was looked at.
    posted: Option<NonNull<Node<T>>>,
}

/// How the current value is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Under the lock, and most often without asking.
    Calm,
    /// Without the lock (I7).
    Open,
    /// Under the lock, after asking whose turn it is (I8).
    Contended,
}

impl<T, S> Desk<T, S> {
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

    /// Whether a writer waits.
    fn has_writers(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.turns.has_writers())
    }

    /// The waiting threads, if any thread has ever waited.
    fn turns(&mut self) -> Option<&mut Turns> {
        self.extra.as_mut().map(|extra| &mut extra.turns)
    }

    /// The node that was shut while it was looked at.
    fn posted(&mut self) -> Option<&mut Option<NonNull<Node<T>>>> {
        self.extra.as_mut().map(|extra| &mut extra.posted)
    }
}

/// The latest value, and those before it that are still in use.
pub(crate) struct Latest<T, S> {
    stamp: AtomicUsize,
    open: AtomicPtr<Node<T>>,
    desk: Lock<Desk<T, S>>,
    first: Node<T>,
}

// SAFETY: the pointers of the desk keep it from being automatic. They lead to nodes that the
// `Latest` owns, and so do their values, which are Send.
unsafe impl<T: Send, S: Send> Send for Latest<T, S> {}
// SAFETY: the cells of the nodes keep it from being automatic. Several threads may look at one
// value (`T: Sync`), and any of them may take it out and drop it (`T: Send`); everything else is
// under the lock (I1, I3).
unsafe impl<T: Send + Sync, S: Send> Sync for Latest<T, S> {}

/// What is let go of in a critical section, to be dropped after it.
type Leftover<T> = (T, Option<Box<Node<T>>>);

/// After the lock was released: tells refused readers and writers that they may try again, and
/// drops what was let go of.
fn finish<K: Keeper>(keeper: &K, (leftover, vacated): (Option<Leftover<K::Value>>, bool)) {
    let _leftover = DropLast(leftover);
    if vacated {
        keeper.vacated();
    }
}

/// What became of the value before.
struct Exchanged<T, R> {
    /// The node that it is in, if somebody uses it.
    old: Result<T, NonNull<Node<T>>>,
    /// Those who were refused may try again.
    vacated: bool,
    /// What was done beside it.
    beside: R,
}

impl<T, S> Latest<T, S> {
    pub(crate) fn new(value: T, version: Version, side: S) -> Self {
        Self {
            stamp: AtomicUsize::new(Stamp::of(version).0),
            open: AtomicPtr::new(ptr::null_mut()),
            desk: Lock::new(Desk {
                current: None,
                spare: None,
                wanted: false,
                credit: MANY,
                mode: Mode::Calm,
                extra: None,
                era: 0,
                side,
            }),
            first: Node::with(value, version),
        }
    }

    /// The version of the current value, and whether there may be further ones.
    #[inline]
    pub(crate) fn stamp(&self) -> Stamp {
        // ORDERING: Acquire pairs with the Release store in `set_stamp`: who sees a version sees
        // what its publisher did before.
        Stamp(self.stamp.load(Ordering::Acquire))
    }

    /// Does something with what the keeper guards by the lock, for as long as the stamp stays what
    /// it is. Not foreign code, and nothing that waits or allocates.
    #[inline]
    pub(crate) fn beside<R>(&self, action: impl FnOnce(Stamp, &mut S) -> R) -> R {
        let mut desk = self.desk.lock();
        let stamp = self.held_stamp(&desk);
        action(stamp, &mut desk.side)
    }

    /// No further version will come.
    pub(crate) fn close(&self) {
        self.set_stamp(&self.desk.lock(), Stamp::closed);
    }

    /// Makes `value` the current one, and gives the one before it if nobody uses it. Otherwise that
    /// one is dropped by the last who does. In the same critical section does what is to be done
    /// [`beside`](Self::beside) it.
    ///
    /// Also tells whether those who were refused may try again; the caller tells them.
    #[inline]
    pub(crate) fn publish<R>(
        &self,
        value: T,
        action: impl FnOnce(&mut S) -> R,
    ) -> (Option<T>, bool, R) {
        let Exchanged { old, vacated, beside } = self.exchange(value, false, action);
        (old.ok(), vacated, beside)
    }

    /// See [`publish`](Self::publish) and [`Claim::replace`]. Waits for nobody; allocates a node if
    /// the value before is in use and there is no free one.
    #[inline]
    fn exchange<R>(
        &self,
        mut value: T,
        claim: bool,
        action: impl FnOnce(&mut S) -> R,
    ) -> Exchanged<T, R> {
        let mut fresh = None;
        loop {
            let mut desk = self.lock_shut();
            let old = self.current(&desk);
            // SAFETY: the current node is not free (States), so it is alive (I4).
            if !unsafe { desk.hold(old) }.is_in_use() {
                // SAFETY: the current node is not free (States), so it is alive (I4).
                let node = unsafe { old.as_ref() };
                let version = self.set_stamp(&desk, Stamp::next);
                // SAFETY: it is full and idle, so its value is the lock holder's (I3).
                unsafe { node.set_version(version) };
                // SAFETY: it is full and idle, so its value is the lock holder's (I3).
                mem::swap(unsafe { node.get_mut() }, &mut value);
                let beside = action(&mut desk.side);
                return Exchanged { old: Ok(value), vacated: false, beside };
            }
            if let Some(new) = self.free_node(&mut desk, &mut fresh) {
                self.install(&mut desk, new, value);
                // SAFETY: a node in use is alive.
                unsafe { desk.hold(old) }.claimed = claim;
                self.settle(&mut desk);
                let vacated = mem::take(&mut desk.wanted);
                let beside = action(&mut desk.side);
                return Exchanged { old: Err(old), vacated, beside };
            }
            drop(desk);
            fresh = Some(Box::new(Node::free()));
        }
    }

    /// A node that is free: the first, the spare or the `fresh` one.
    fn free_node(
        &self,
        desk: &mut Desk<T, S>,
        fresh: &mut Option<Box<Node<T>>>,
    ) -> Option<NonNull<Node<T>>> {
        if !self.first_is_full(desk) {
            return Some(NonNull::from(&self.first));
        }
        let node = desk.spare.take().or_else(|| fresh.take())?;
        Some(NonNull::from(Box::leak(node)))
    }

    /// Makes `new`, from [`free_node`](Self::free_node), the current node, with this value.
    fn install(&self, desk: &mut Desk<T, S>, new: NonNull<Node<T>>, value: T) {
        // SAFETY: it is from `free_node`: the first node, alive as long as `self`, or one just
        // leaked.
        let node = unsafe { new.as_ref() };
        let version = self.set_stamp(desk, Stamp::next);
        // SAFETY: it is from `free_node`, so it is free; we hold the lock, and mark it full next.
        unsafe { node.write(value, version) };
        // SAFETY: alive, by the first of these three.
        *unsafe { desk.hold(new) } = Hold::IDLE;
        desk.current = (new != NonNull::from(&self.first)).then_some(new);
    }

    /// To be called when a node has one user less: takes its value out if nobody is left who could
    /// want it, and tells whether those who were refused may try again.
    #[inline]
    fn let_go(
        &self,
        mut desk: LockGuard<'_, Desk<T, S>>,
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
    fn retire(&self, desk: &mut Desk<T, S>, node: NonNull<Node<T>>) -> Leftover<T> {
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

    /// What is posted for a look at a value of this one.
    #[inline(always)]
    fn word(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Opens the current node: the value is looked at often, and not changed.
    #[cold]
    fn open_up(&self) {
        if !asymmetric::is_available() {
            return;
        }
        self.make_extra();
        let mut desk = self.desk.lock();
        let current = self.current(&desk);
        let is_posted = desk.posted().is_some_and(|posted| posted.is_some());
        if desk.mode != Mode::Calm || desk.wanted || is_posted {
            return;
        }
        let Some(era) = desk.era.checked_add(1) else { return };
        desk.era = era;
        desk.mode = Mode::Open;
        // ORDERING: Release pairs with the Acquire load in `Snapshot::take`: the value is there.
        self.open.store(current.as_ptr(), Ordering::Release);
    }

    /// The lock, and no node is open: to be taken by whoever may want the current value for
    /// himself.
    #[inline]
    fn lock_shut(&self) -> LockGuard<'_, Desk<T, S>> {
        let mut desk = self.desk.lock();
        if desk.mode != Mode::Calm {
            return self.shut(desk);
        }
        desk.credit = MANY;
        desk
    }

    #[cold]
    fn shut<'a>(&'a self, mut desk: LockGuard<'a, Desk<T, S>>) -> LockGuard<'a, Desk<T, S>> {
        while desk.mode == Mode::Open {
            let era = desk.era;
            // ORDERING: Relaxed, pairs with the loads in `Snapshot::take` and `Snapshot::drop` by
            // way of the fence; see `notices`.
            self.open.store(ptr::null_mut(), Ordering::Relaxed);
            drop(desk);
            // A system call, so not under the lock. Whoever comes meanwhile makes one, too.
            asymmetric::heavy_fence();
            desk = self.desk.lock();
            if desk.mode == Mode::Open && desk.era == era {
                desk.mode = Mode::Calm;
                desk.credit = MANY;
                if notices::is_posted(self.word()) {
                    let current = self.current(&desk);
                    desk.posted().into_iter().for_each(|posted| *posted = Some(current));
                    // SAFETY: the current node is not free (States), so it is alive (I4).
                    unsafe { desk.hold(current) }.posted = true;
                }
            }
        }
        desk
    }

    /// Makes the [`Extra`], if there is none: not under the lock, as it is allocated.
    fn make_extra(&self) {
        if self.desk.lock().extra.is_some() {
            return;
        }
        let mut fresh = Some(Box::new(Extra { turns: Turns::default(), posted: None }));
        let mut desk = self.desk.lock();
        if desk.extra.is_none() {
            desk.extra = fresh.take();
        }
        drop(desk);
        drop(fresh);
    }

    /// Sees to it that readers ask while they have to (I8): to be called when a write or a
    /// writer's waiting begins or ends, or the current node is another one.
    #[cold]
    fn settle(&self, desk: &mut Desk<T, S>) {
        let current = self.current(desk);
        // SAFETY: the current node is not free (States), so it is alive (I4).
        let is_written = unsafe { desk.hold(current) }.writing;
        if is_written || desk.has_writers() {
            desk.mode = Mode::Contended;
            desk.credit = 0;
        } else if desk.mode == Mode::Contended {
            desk.mode = Mode::Calm;
            desk.credit = MANY;
        }
    }

    /// To be called when somebody has withdrawn the word: as [`let_go`](Self::let_go), if nobody is
    /// left who posted it.
    fn look_for_posted(&self) -> (Option<Leftover<T>>, bool) {
        let mut desk = self.desk.lock();
        // If a node is open, or about to be shut, who shuts it looks.
        let Some(posted) = desk.posted() else {
            return (None, false);
        };
        let Some(node) = *posted else {
            return (None, false);
        };
        if notices::is_posted(self.word()) {
            return (None, false);
        }
        *posted = None;
        // SAFETY: it was in use until now, so it is alive.
        unsafe { desk.hold(node) }.posted = false;
        self.let_go(desk, node)
    }

    fn first_is_full(&self, desk: &mut Desk<T, S>) -> bool {
        // SAFETY: the first node is alive as long as `self`.
        unsafe { desk.hold(NonNull::from(&self.first)) }.full
    }

    #[inline(always)]
    fn current(&self, desk: &Desk<T, S>) -> NonNull<Node<T>> {
        desk.current.unwrap_or(NonNull::from(&self.first))
    }

    /// The stamp, for the lock holder.
    #[inline(always)]
    fn held_stamp(&self, _: &Desk<T, S>) -> Stamp {
        // ORDERING: Relaxed, no pair: it is written under the lock only, which is held.
        Stamp(self.stamp.load(Ordering::Relaxed))
    }

    /// Gives the new version.
    #[inline(always)]
    fn set_stamp(&self, desk: &Desk<T, S>, change: impl FnOnce(Stamp) -> Stamp) -> Version {
        let stamp = change(self.held_stamp(desk));
        // ORDERING: Release pairs with the Acquire load in `stamp`.
        self.stamp.store(stamp.0, Ordering::Release);
        stamp.version()
    }
}

impl<T, S> Drop for Latest<T, S> {
    fn drop(&mut self) {
        let mut desk = self.desk.lock();
        let (current, was_open) = (desk.current.take(), desk.era > 0);
        drop(desk);
        if was_open {
            // What was posted by snapshots that were forgotten, as another one may be at this
            // address.
            notices::discard(self.word());
        }
        // SAFETY: every node but the first comes from a `Box`, and nobody uses this one: users
        // borrow the `Latest`. One that was forgotten is not used any more.
        drop(current.map(|node| unsafe { Box::from_raw(node.as_ptr()) }));
    }
}
