//! Futures in slots: polled, cancelled and forgotten by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use support::{Tally, Task};

use crate::check::{Key, View};
use crate::handle::Loan;
use crate::pick;

/// A future of any kind.
pub type BoxFuture<O> = Pin<Box<dyn Future<Output = O>>>;

/// A future that a test polls.
#[expect(missing_debug_implementations, reason = "what is in it is not `Debug`")]
pub struct Running<K, O> {
    key: Key,
    kind: K,
    /// How many wakers it may leave behind when it waits.
    wakers: usize,
    task: Task<BoxFuture<O>>,
    // Dropped after the future that borrows the handle.
    loan: Option<Loan>,
}

/// A future that was forgotten: what can still be seen of it.
#[derive(Debug)]
struct Ghost {
    key: Key,
    woken: bool,
    seen: usize,
    tally: Arc<Tally>,
}

/// All futures of a run.
#[expect(missing_debug_implementations, reason = "what is in it is not `Debug`")]
pub struct Futures<K, O> {
    running: Vec<Running<K, O>>,
    ghosts: Vec<Ghost>,
    /// What the wakers of futures that are gone were made of.
    spent: Vec<Arc<Tally>>,
    next_key: Key,
}

impl<K, O> Default for Futures<K, O> {
    fn default() -> Self {
        Self { running: Vec::new(), ghosts: Vec::new(), spent: Vec::new(), next_key: 0 }
    }
}

impl<K: Copy, O> Futures<K, O> {
    /// A name that nothing else has.
    pub fn key(&mut self) -> Key {
        self.next_key += 1;
        self.next_key
    }

    /// Adds a future, and the loan of the handle that it borrows.
    pub fn start(&mut self, kind: K, future: BoxFuture<O>, loan: Option<Loan>) {
        self.start_with(kind, future, loan, 1);
    }

    /// The same, for a future that may leave `wakers` wakers behind when it waits.
    pub fn start_with(&mut self, kind: K, future: BoxFuture<O>, loan: Option<Loan>, wakers: usize) {
        let (key, task) = (self.key(), Task::new(future));
        self.running.push(Running { key, kind, wakers, task, loan });
    }

    /// Picks one, if there is any.
    pub fn pick(&self, n: u8) -> Option<usize> {
        pick(self.running.len(), n)
    }

    /// Where the future with this name is, if it is there still.
    pub fn position(&self, key: Key) -> Option<usize> {
        self.running.iter().position(|running| running.key == key)
    }

    /// The names of those that were woken since their last poll.
    pub fn woken(&self) -> Vec<Key> {
        let woken = self.running.iter().filter(|running| running.task.is_woken());
        woken.map(|running| running.key).collect()
    }

    /// The name and the kind of one.
    pub fn describe(&self, at: usize) -> (Key, K) {
        (self.running[at].key, self.running[at].kind)
    }

    /// Polls one, with a waker that it has not seen yet if `elsewhere`. If it is ready it goes, and
    /// the loan of its handle is given.
    ///
    /// # Panics
    /// If the channel keeps a waker that it has no use for.
    pub fn poll(&mut self, at: usize, elsewhere: bool) -> Poll<(O, Option<Loan>)> {
        let Running { task, wakers, .. } = &mut self.running[at];
        let poll = if elsewhere {
            let before = task.wakers();
            let poll = task.poll_elsewhere();
            // The receiver of mpsc may keep the waker of a poll that waited until it goes itself.
            let kept = Arc::strong_count(&before) - 1;
            assert!(poll.is_ready() || kept == 0, "the waker of an older poll is kept");
            self.spent.push(before);
            poll
        } else {
            task.poll()
        };
        assert!(task.wakers_kept() <= *wakers, "more wakers are kept than can be of use");
        poll.map(|out| (out, self.remove(at)))
    }

    /// Drops one.
    pub fn cancel(&mut self, at: usize) {
        drop(self.remove(at));
    }

    /// Leaves one where it is for ever.
    pub fn forget(&mut self, at: usize) {
        let running = self.running.remove(at);
        let (key, woken, tally) = (running.key, running.task.is_woken(), running.task.wakers());
        self.ghosts.push(Ghost { key, woken, seen: tally.woken(), tally });
        running.task.forget();
    }

    /// Tells for each, also those forgotten, whether it was woken since it was last polled.
    pub fn show(&self, view: &mut View) {
        view.woken.extend(self.running.iter().map(|future| (future.key, future.task.is_woken())));
        let ghosts = self.ghosts.iter();
        view.woken.extend(
            ghosts.map(|ghost| (ghost.key, ghost.woken || ghost.tally.woken() > ghost.seen)),
        );
    }

    /// How many of those that are gone have wakers somewhere.
    pub fn wakers_left(&self) -> usize {
        self.spent.iter().filter(|wakers| Arc::strong_count(wakers) > 1).count()
    }

    fn remove(&mut self, at: usize) -> Option<Loan> {
        let running = self.running.remove(at);
        self.spent.push(running.task.wakers());
        drop(running.task);
        running.loan
    }
}
