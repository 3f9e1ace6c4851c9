//! What may happen in a watch channel.
//!
//! # Layout
//! ```text
//! Shared  latest           the value, its version, the closed bit: storage::latest; and under its
//!                          lock the waiters: tasks that wait for a new version, or for the close
//!         release_waiters  tasks that wait for the last receiver to drop, and threads that wait
//!                          for access to a value
//!         counts           handles: refs
//! ```
//! One allocation holds all of it. `release_waiters` serves two kinds of waiters because both
//! events are rare: a waiter that is woken for the other event checks once more and sleeps again. A
//! receiver is the channel and the last version that it has seen; a [`Snapshot`] is the only way to
//! read a value.
//!
//! # States
//! | state | senders | receivers | closed bit | `send` | `changed` on a seen value |
//! |---|---|---|---|---|---|
//! | open | 1.. | 1.. | no | stores | waits |
//! | unwatched | 1.. | 0 | no | returns the value | - |
//! | closed | 0 | any | yes | - | fails |
//!
//! `unwatched` becomes `open` again by `subscribe`; `closed` is final.
//!
//! # Transitions
//! | operation | value | version | then wakes |
//! |---|---|---|---|
//! | `send`, `publish`, `send_replace`, `send_if_different` | exchanged | + 1 | the waiters; `release_waiters` if a thread waits for the old value |
//! | `send_modify`, `send_if_modified` | changed in place, when no `Ref` of it is left and this writer is admitted | + 1 if the closure says so | the waiters; `release_waiters` if a thread waits |
//! | the closure panics | as the closure left it | same | `release_waiters` if a thread waits |
//! | a `Ref` drops | the last one of an earlier value drops that | same | `release_waiters` if a thread waits |
//! | the last sender drops | same | same, and closed | the waiters |
//! | the last receiver drops | same | same | `release_waiters` |
//!
//! A `send` during a `send_modify` (in another thread, or in the closure itself) does not wait for
//! it. The modification then counts as made before the `send`, so no receiver sees it.
//!
//! # Invariants
//! - **I1** A version belongs to one value: a receiver that has seen the current version has seen
//!   the current value, or a silent modification of it.
//! - **I2** Every change notifies all waiters, in the critical section that makes the change or
//!   after it. A task checks the version and enters the waiters in one critical section, so it has
//!   either seen the change or is woken.
//! - **I3** A thread that is rejected enters `release_waiters` before it tries again
//!   (storage::latest, I6).
//! - **I4** No lock is held while a closure, a waker, a clone or a drop runs.
//!
//! # Progress
//! `send` waits only for the lock, which is held for a few instructions. `send_if_different` reads
//! the value as a reader does, and compares again only after another sender was faster.
//! `send_modify` and `send_if_modified` wait for the `Ref`s of the current value, and
//! `send_replace` for those of the value it returns, which only become fewer. A reader waits while
//! a closure runs on the current value, and for a writer that was overtaken too often
//! (`storage::latest::phase_fair`): for no longer than [`PATIENCE`] at a time, and never on a
//! thread that holds a `Ref` of that value. So threads that wait for each other do not wait for
//! ever beside a waiting writer.
//!
//! # Unwinding
//! If a waker panics, the other waiters are still woken. A value whose drop panics has been
//! replaced and announced by then. A closure that panics leaves its value as it is. The first panic
//! is resumed after all foreign code has run; `send_replace` resumes none, as the old value would
//! be lost.
//!
//! # Checked by
//! `model`, tests/watch, tests/watch/memory.rs, tests/watch/stream.rs.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::fmt;

use super::error::{RecvError, SendError};
use crate::observe::{ChannelRecord, Kind, Name, Observed};
use crate::prim::{Arc, park_on, park_on_for};
use crate::refs::{Counts, Hub};
use crate::storage::latest::{
    Claim, Latest, Owner, Snapshot, Version, VersionState, WaitingReader, WaitingWriter, WriteGuard,
};
use crate::util::{DropLast, FirstPanic, contain};
use crate::wait::lazy::NodeRef;
use crate::wait::list::Node;
use crate::wait::queue::{Call, WaitQueue, Waiters};
use crate::wait::until::Until;

/// A watch channel.
pub(super) struct Shared<T> {
    /// First, as [`ChannelRecord`] says.
    record: ChannelRecord,
    latest: Latest<T, Waiters>,
    release_waiters: WaitQueue,
    counts: Counts,
}

/// How long a reader waits for a writer that itself waits. A thread that holds a `Ref` for a
/// moment may lose the processor for some ten milliseconds. A `Ref` that is held for longer may be
/// kept for ever, or until this very reader goes on.
const PATIENCE: Duration = Duration::from_millis(100);

/// Shared access to a value of the channel.
pub(super) type ValueSnapshot<'a, T> = Snapshot<'a, Shared<T>>;

impl<T> Owner for Shared<T> {
    type Value = T;
    type Aux = Waiters;

    #[inline(always)]
    fn latest(&self) -> &Latest<T, Waiters> {
        &self.latest
    }

    fn on_released(&self) {
        self.release_waiters.notify_all();
    }
}

impl<T> Shared<T> {
    /// A channel with one sender.
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(value: T, version: Version, receivers: usize, name: Name) -> Arc<Self> {
        Arc::new(Self {
            record: ChannelRecord::new::<T>(Kind::Watch, name),
            latest: Latest::new(value, version, Waiters::new()),
            release_waiters: WaitQueue::new(),
            counts: Counts::new(receivers),
        })
    }
}

// Send

impl<T> Shared<T> {
    /// Replaces the value, unless there is no receiver.
    #[inline]
    pub(super) fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.counts.receivers() == 0 {
            return Err(SendError(value));
        }
        self.publish(value);
        Ok(())
    }

    /// Replaces the value.
    #[inline(always)]
    pub(super) fn publish(&self, value: T) {
        let (old, had_waiters, call) = self.latest.publish(value, Waiters::call);
        let _old = DropLast(old);
        self.announce(had_waiters, call);
    }

    /// Replaces the value, unless the current one equals it.
    pub(super) fn send_if_different(&self, mut value: T) -> bool
    where
        T: PartialEq,
    {
        loop {
            let (current, _) = self.snapshot();
            if *current == value {
                return false;
            }
            match current.replace(value, Waiters::call) {
                Ok((had_waiters, call)) => {
                    let _old = DropLast(Some(current));
                    self.announce(had_waiters, call);
                    return true;
                }
                // Another sender was faster: compare with its value.
                Err(refused) => value = refused,
            }
        }
    }

    /// Replaces the value, and returns the old one as soon as it is not read any more.
    pub(super) fn send_replace(&self, value: T) -> T {
        let (old, had_waiters, call) = Claim::replace(self, value, Waiters::call);
        if had_waiters || !call.is_empty() {
            // The old value must not be lost because a waker panics.
            contain(|| self.announce(had_waiters, call));
        }
        old.unwrap_or_else(|mut claim| self.wait_until_released(|| claim.take()))
    }

    /// Changes the value in place, as soon as it is not read any more.
    pub(super) fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut guard = WriteGuard::take(self).unwrap_or_else(|| self.wait_to_write());
        let modified = modify(&mut guard);
        if modified {
            guard.mark_changed();
        }
        let mut panics = FirstPanic::default();
        // Wakes threads that wait for the value, and drops it if another one was published.
        panics.catch(|| drop(guard));
        if modified {
            panics.catch(|| self.call_changed());
        }
        panics.resume();
        modified
    }

    /// Wakes the tasks that wait for a new version, and rejected threads if there are any.
    #[inline(always)]
    fn announce(&self, had_waiters: bool, call: Call) {
        if !had_waiters {
            return self.wake(call);
        }
        let mut panics = FirstPanic::default();
        panics.catch(|| self.release_waiters.notify_all());
        panics.catch(|| self.wake(call));
        panics.resume();
    }

    /// Wakes the tasks that wait for a new version.
    #[inline]
    fn wake(&self, call: Call) {
        call.wake(|action| self.latest.with_aux(|_, waiters| action(waiters)));
    }

    /// Wakes the tasks that wait for a new version, after the version has changed.
    fn call_changed(&self) {
        let call = self.latest.with_aux(|_, waiters| waiters.call());
        self.wake(call);
    }

    /// Sleeps until this writer is admitted.
    #[cold]
    fn wait_to_write(&self) -> WriteGuard<'_, Self> {
        let mut writer = WaitingWriter::new(self);
        self.wait_until_released(|| writer.take())
    }

    /// Sleeps until `take` succeeds.
    fn wait_until_released<R>(&self, take: impl FnMut() -> Option<R>) -> R {
        park_on(Until::new(&self.release_waiters, take))
    }
}

// Receive

impl<T> Shared<T> {
    /// The current value and its version. Waits while it is being changed in place.
    #[inline(always)]
    pub(super) fn snapshot(&self) -> (ValueSnapshot<'_, T>, Version) {
        Snapshot::take(self).unwrap_or_else(|| self.wait_to_read())
    }

    /// Sleeps until this reader is admitted: the value is not written any more, and a writer that
    /// was overtaken too often is done.
    #[cold]
    fn wait_to_read(&self) -> (ValueSnapshot<'_, T>, Version) {
        let mut reader = WaitingReader::new(self);
        loop {
            let snapshot =
                park_on_for(Until::new(&self.release_waiters, || reader.take()), PATIENCE);
            if let Some(snapshot) = snapshot {
                return snapshot;
            }
            reader.extend_budget();
        }
    }

    /// The version of the current value.
    pub(super) fn version(&self) -> Version {
        self.latest.version_state().version()
    }

    /// Whether all senders are gone.
    pub(super) fn is_closed(&self) -> bool {
        self.latest.version_state().is_closed()
    }

    /// Whether the current version is another than `seen`; an error if all senders are gone.
    pub(super) fn has_changed(&self, seen: Version) -> Result<bool, RecvError> {
        let state = self.latest.version_state();
        if state.is_closed() {
            return Err(RecvError(()));
        }
        Ok(state.version() != seen)
    }

    /// Waits for another version than `seen`; an error if there can be none.
    #[inline(always)]
    pub(super) fn poll_changed<'n>(
        &self,
        node: impl NodeRef<'n>,
        cx: &mut Context<'_>,
        seen: Version,
    ) -> Poll<Result<Version, RecvError>> {
        match change_since(self.latest.version_state(), seen) {
            Some(change) => {
                self.cancel_changed(node);
                Poll::Ready(change)
            }
            None => self.wait_changed(node.pinned(), cx.waker(), seen),
        }
    }

    /// Enqueues the task, if there still is no new version.
    fn wait_changed(
        &self,
        node: Pin<&Node>,
        waker: &Waker,
        seen: Version,
    ) -> Poll<Result<Version, RecvError>> {
        // A task that waits already is woken for a version that it misses here.
        if node.is_held() && self.latest.with_aux(|_, waiters| waiters.has(node, waker)) {
            return Poll::Pending;
        }
        // Cloning and dropping wakers is foreign code: outside the lock.
        let waker = waker.clone();
        let (change, waker) =
            self.latest.with_aux(|state, waiters| match change_since(state, seen) {
                Some(change) => (Some(change), Some(waker)),
                None => (None, waiters.enqueue(node, waker)),
            });
        drop(waker);
        match change {
            Some(change) => {
                self.cancel_changed(node);
                Poll::Ready(change)
            }
            None => Poll::Pending,
        }
    }

    /// Stops waiting for a new version.
    #[inline(always)]
    pub(super) fn cancel_changed<'n>(&self, node: impl NodeRef<'n>) {
        if node.is_held() {
            self.leave_changed(node.pinned());
        }
    }

    #[cold]
    fn leave_changed(&self, node: Pin<&Node>) {
        let waker = self.latest.with_aux(|_, waiters| waiters.dequeue(node));
        drop(DropLast(waker));
    }
}

/// What has changed for a receiver that has seen `seen`: a new version, or that there will be
/// none.
#[inline]
fn change_since(state: VersionState, seen: Version) -> Option<Result<Version, RecvError>> {
    if state.version() != seen {
        return Some(Ok(state.version()));
    }
    state.is_closed().then_some(Err(RecvError(())))
}

// Close

impl<T> Shared<T> {
    /// Waits until there are no receivers.
    pub(super) fn poll_closed(&self, node: Pin<&Node>, cx: &mut Context<'_>) -> Poll<()> {
        self.release_waiters.poll_wait(node, cx, || (self.counts.receivers() == 0).then_some(()))
    }

    /// Stops waiting for the last receiver to drop.
    pub(super) fn cancel_closed(&self, node: Pin<&Node>) {
        self.release_waiters.cancel(node);
    }

    /// How many receivers there are.
    pub(super) fn receivers(&self) -> usize {
        self.counts.receivers()
    }

    /// How many senders there are.
    pub(super) fn senders(&self) -> usize {
        self.counts.senders()
    }
}

impl<T> Hub for Shared<T> {
    fn counts(&self) -> &Counts {
        &self.counts
    }

    fn senders_gone(&self) {
        self.latest.close();
        self.call_changed();
    }

    fn receivers_gone(&self) {
        self.release_waiters.notify_all();
    }
}

/// What it has sent is added to what is known of its line.
#[cfg(feature = "observe")]
impl<T> Drop for Shared<T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.record.unregister(|| crate::observe::Done::sent(self.version().count()));
    }
}

impl<T> Observed for Shared<T> {
    #[inline(always)]
    fn record(&self) -> &ChannelRecord {
        &self.record
    }

    #[cfg(feature = "observe")]
    fn read(&self) -> crate::observe::Reading {
        crate::observe::Reading {
            sent: self.version().count(),
            senders: self.counts.senders(),
            receivers: self.counts.receivers(),
            closed: self.is_closed(),
            ..Default::default()
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shared = f.debug_struct("Shared");
        match Snapshot::take(self) {
            Some((value, _)) => shared.field("value", &*value),
            None => shared.field("value", &format_args!("<locked>")),
        };
        shared
            .field("version", &self.version())
            .field("is_closed", &self.is_closed())
            .field("ref_count_rx", &self.counts.receivers())
            .finish()
    }
}
