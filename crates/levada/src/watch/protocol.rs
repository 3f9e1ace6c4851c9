//! What may happen in a watch channel.
//!
//! # Layout
//! ```text
//! Shared  latest   the value, its version, the closed bit: storage::latest; and under its lock
//!                  the line: tasks that wait for a new version or the end of the senders
//!         freed    tasks that wait for the end of the receivers, and threads that wait for a value
//!         counts   handles: refs
//! ```
//! One allocation holds all of it. The line `freed` is shared because both events are rare: being
//! woken for the other's sake costs a second look. A receiver is the channel and the version it has
//! seen last; a [`Snapshot`] is the only way to look at a value.
//!
//! # States
//! | state | senders | receivers | closed bit | `send` | `changed` on a seen value |
//! |---|---|---|---|---|---|
//! | open | 1.. | 1.. | no | stores | waits |
//! | unwatched | 1.. | 0 | no | gives back | - |
//! | closed | 0 | any | yes | - | fails |
//!
//! `unwatched` becomes `open` again by `subscribe`; `closed` is for ever.
//!
//! # Transitions
//! | operation | value | version | then tells |
//! |---|---|---|---|
//! | `send`, `send_replace` | exchanged | + 1 | the line; `freed` if the old value kept somebody waiting |
//! | `send_modify`, `send_if_modified` | changed in place, when no `Ref` of it is left and it is this writer's turn | + 1 if the closure says so | the line; `freed` if a thread waits |
//! | the closure panics | as the closure left it | same | `freed` if somebody waits |
//! | a `Ref` drops | the last one drops a value that was superseded | same | `freed` if somebody waits |
//! | the last sender drops | same | same, and closed | the line |
//! | the last receiver drops | same | same | `freed` |
//!
//! A `send` during a `send_modify` (in another thread, or in the closure itself) does not wait for
//! it. The modification then counts as made before the `send`, so nobody gets to see it.
//!
//! # Invariants
//! - **I1** A version belongs to one value: who has seen the current version has seen the current
//!   value, or a silent modification of it.
//! - **I2** Every change is announced to everybody in the line, in the critical section that makes
//!   it or after it. Who waits looks and enters the line in one critical section, so he either saw
//!   it or is woken.
//! - **I3** A thread that is refused a value enters `freed` before it looks again
//!   (storage::latest, I6).
//! - **I4** No lock is held while a closure, a waker, a clone or a drop runs.
//!
//! # Progress
//! `send` never waits, but for the few instructions others hold the lock. `send_modify` and
//! `send_if_modified` wait for the `Ref`s of the current value, and `send_replace` for those of
//! the value it returns, which only become fewer. Reading waits while a closure runs on the
//! current value, and for a writer that was overtaken too often (storage::latest, `turns`): for
//! no longer than [`PATIENCE`] at a time, and never on a thread that holds a `Ref` of that value.
//! So threads that wait for each other beside a waiting writer go on.
//!
//! # Unwinding
//! A waker that panics keeps no other waiter from being woken. A value whose drop panics has been
//! replaced and announced by then. A closure that panics leaves its value as it is. The first panic
//! goes on after all foreign code has run; out of `send_replace` none does, as the old value would
//! be lost.
//!
//! # Checked by
//! `model`, tests/watch, tests/memory/watch.rs, tests/watch_stream.rs.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::fmt;

use super::error::{RecvError, SendError};
use crate::prim::{park_on, park_on_for};
use crate::refs::{Counts, Hub};
use crate::storage::latest::{
    Claim, Keeper, Latest, LookTurn, Snapshot, Stamp, Version, WriteTurn, Writing,
};
use crate::util::{DropLast, FirstPanic, contain};
use crate::wait::lazy::NodeRef;
use crate::wait::list::Node;
use crate::wait::queue::{Call, WaitQueue, Waiters};
use crate::wait::until::Until;

/// A watch channel.
pub(super) struct Shared<T> {
    latest: Latest<T, Waiters>,
    freed: WaitQueue,
    counts: Counts,
}

/// How long a reader waits for a writer that itself waits. A thread that holds a `Ref` for a
/// moment may lose the processor for some ten milliseconds. A `Ref` that is held for longer is
/// kept: perhaps for ever, or until this very reader goes on.
const PATIENCE: Duration = Duration::from_millis(100);

/// A value being looked at.
pub(super) type Look<'a, T> = Snapshot<'a, Shared<T>>;

impl<T> Keeper for Shared<T> {
    type Value = T;
    type Side = Waiters;

    #[inline(always)]
    fn latest(&self) -> &Latest<T, Waiters> {
        &self.latest
    }

    fn vacated(&self) {
        self.freed.notify_all();
    }
}

impl<T> Shared<T> {
    /// A channel with one sender.
    pub(super) fn new(value: T, version: Version, receivers: usize) -> Self {
        Self {
            latest: Latest::new(value, version, Waiters::new()),
            freed: WaitQueue::new(),
            counts: Counts::new(receivers),
        }
    }
}

// Send

impl<T> Shared<T> {
    /// Replaces the value, unless nobody could receive it.
    #[inline]
    pub(super) fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.counts.receivers() == 0 {
            return Err(SendError(value));
        }
        let (old, vacated, call) = self.latest.publish(value, Waiters::call);
        let _old = DropLast(old);
        self.announce(vacated, call);
        Ok(())
    }

    /// Replaces the value, and returns the old one as soon as nobody looks at it.
    pub(super) fn send_replace(&self, value: T) -> T {
        let (old, vacated, call) = Claim::replace(self, value, Waiters::call);
        if vacated || !call.is_empty() {
            // The old value must not be lost because a waker panics.
            contain(|| self.announce(vacated, call));
        }
        old.unwrap_or_else(|mut claim| self.wait_freed(|| claim.take()))
    }

    /// Changes the value in place, as soon as nobody looks at it.
    pub(super) fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut writing = Writing::take(self).unwrap_or_else(|| self.wait_to_write());
        let modified = modify(&mut writing);
        if modified {
            writing.mark_changed();
        }
        let mut panics = FirstPanic::default();
        // Wakes those who wait for the value, and drops it if it was superseded.
        panics.catch(|| drop(writing));
        if modified {
            panics.catch(|| self.call_changed());
        }
        panics.resume();
        modified
    }

    /// Tells of a new version, and those who were refused the old value if there are any.
    #[inline]
    fn announce(&self, vacated: bool, call: Call) {
        if !vacated {
            return self.wake(call);
        }
        let mut panics = FirstPanic::default();
        panics.catch(|| self.freed.notify_all());
        panics.catch(|| self.wake(call));
        panics.resume();
    }

    /// Wakes those who wait for a new version.
    #[inline]
    fn wake(&self, call: Call) {
        call.wake(|action| self.latest.beside(|_, line| action(line)));
    }

    /// Tells those who wait for a new version, where it has changed before.
    fn call_changed(&self) {
        let call = self.latest.beside(|_, line| line.call());
        self.wake(call);
    }

    /// Sleeps until it is this writer's turn.
    #[cold]
    fn wait_to_write(&self) -> Writing<'_, Self> {
        let mut turn = WriteTurn::new(self);
        self.wait_freed(|| turn.take())
    }

    /// Sleeps until `take` gives what it looks for.
    fn wait_freed<R>(&self, take: impl FnMut() -> Option<R>) -> R {
        park_on(Until::new(&self.freed, take))
    }
}

// Receive

impl<T> Shared<T> {
    /// The current value and its version. Waits while it is being changed in place.
    #[inline(always)]
    pub(super) fn look(&self) -> (Look<'_, T>, Version) {
        Snapshot::take(self).unwrap_or_else(|| self.wait_to_look())
    }

    /// Sleeps until the value is not written any more, and a writer that was overtaken too often
    /// has had its turn.
    #[cold]
    fn wait_to_look(&self) -> (Look<'_, T>, Version) {
        let mut turn = LookTurn::new(self);
        loop {
            let look = park_on_for(Until::new(&self.freed, || turn.take()), PATIENCE);
            if let Some(look) = look {
                return look;
            }
            turn.lapse();
        }
    }

    /// The version of the current value.
    pub(super) fn version(&self) -> Version {
        self.latest.stamp().version()
    }

    /// Whether all senders are gone.
    pub(super) fn is_closed(&self) -> bool {
        self.latest.stamp().is_closed()
    }

    /// Whether the current version is another than `seen`; an error if all senders are gone.
    pub(super) fn has_changed(&self, seen: Version) -> Result<bool, RecvError> {
        let stamp = self.latest.stamp();
        if stamp.is_closed() {
            return Err(RecvError(()));
        }
        Ok(stamp.version() != seen)
    }

    /// Waits for another version than `seen`; an error if there can be none.
    #[inline]
    pub(super) fn poll_changed<'n>(
        &self,
        node: impl NodeRef<'n>,
        cx: &mut Context<'_>,
        seen: Version,
    ) -> Poll<Result<Version, RecvError>> {
        match news(self.latest.stamp(), seen) {
            Some(news) => {
                self.cancel_changed(node);
                Poll::Ready(news)
            }
            None => self.wait_changed(node.pinned(), cx.waker(), seen),
        }
    }

    /// Enters the line for a new version, if there still is none.
    fn wait_changed(
        &self,
        node: Pin<&Node>,
        waker: &Waker,
        seen: Version,
    ) -> Poll<Result<Version, RecvError>> {
        // Who is in line and misses a version now is woken for it.
        if node.is_held() && self.latest.beside(|_, line| line.has(node, waker)) {
            return Poll::Pending;
        }
        // Cloning and dropping wakers is foreign code: outside the lock.
        let waker = waker.clone();
        let (news, waker) = self.latest.beside(|stamp, line| match news(stamp, seen) {
            Some(news) => (Some(news), Some(waker)),
            None => (None, line.enqueue(node, waker)),
        });
        drop(waker);
        match news {
            Some(news) => {
                self.cancel_changed(node);
                Poll::Ready(news)
            }
            None => Poll::Pending,
        }
    }

    /// Leaves the line for a new version.
    #[inline]
    pub(super) fn cancel_changed<'n>(&self, node: impl NodeRef<'n>) {
        if node.is_held() {
            self.leave_changed(node.pinned());
        }
    }

    #[cold]
    fn leave_changed(&self, node: Pin<&Node>) {
        let waker = self.latest.beside(|_, line| line.dequeue(node));
        drop(DropLast(waker));
    }
}

/// What a stamp says to somebody who has seen `seen`.
#[inline]
fn news(stamp: Stamp, seen: Version) -> Option<Result<Version, RecvError>> {
    if stamp.version() != seen {
        return Some(Ok(stamp.version()));
    }
    stamp.is_closed().then_some(Err(RecvError(())))
}

// Close

impl<T> Shared<T> {
    /// Waits until there is no receiver.
    pub(super) fn poll_closed(&self, node: Pin<&Node>, cx: &mut Context<'_>) -> Poll<()> {
        self.freed.poll_wait(node, cx, || (self.counts.receivers() == 0).then_some(()))
    }

    /// Leaves the line for the end of the receivers.
    pub(super) fn cancel_closed(&self, node: Pin<&Node>) {
        self.freed.cancel(node);
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
        self.freed.notify_all();
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
