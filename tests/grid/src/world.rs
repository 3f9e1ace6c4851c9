//! What the parties of a run share.

use crate::journal::Journal;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use support::{Ledger, Message};

/// Where handles are put that nobody uses.
pub struct Shelf<T>(Mutex<Vec<T>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> fmt::Debug for Shelf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

impl<T> Shelf<T> {
    /// Puts one back.
    pub fn put(&self, handle: T) {
        locked(&self.0).push(handle);
    }

    /// The one that was put first, if there is one.
    pub fn take(&self) -> Option<T> {
        let mut handles = locked(&self.0);
        if handles.is_empty() { None } else { Some(handles.remove(0)) }
    }

    pub(crate) fn take_all(&self) -> Vec<T> {
        std::mem::take(&mut *locked(&self.0))
    }
}

type Probe = Box<dyn Fn() -> String + Send>;

/// What the parties of a run share: handles, the fate of messages, notes.
pub struct World<Tx, Rx> {
    /// The table's: how much the channel holds.
    pub size: usize,
    /// Numbers the messages and counts their drops.
    pub ledger: Ledger,
    /// Senders that nobody uses.
    pub senders: Shelf<Tx>,
    /// Receivers that nobody uses.
    pub receivers: Shelf<Rx>,
    journal: Mutex<Journal>,
    /// `None` when everything has been released.
    held: Mutex<Option<Vec<Waker>>>,
    probe: Mutex<Option<Probe>>,
}

impl<Tx, Rx> fmt::Debug for World<Tx, Rx> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl<Tx, Rx> World<Tx, Rx> {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            size,
            ledger: Ledger::new(size + 16),
            senders: Shelf::default(),
            receivers: Shelf::default(),
            journal: Mutex::default(),
            held: Mutex::new(Some(Vec::new())),
            probe: Mutex::default(),
        }
    }

    /// A message that is about to be sent.
    pub fn message(&self) -> Message {
        self.message_in(0)
    }

    /// The same, of a channel of lanes.
    pub fn message_in(&self, lane: usize) -> Message {
        let message = self.ledger.message();
        self.journal().begin(message.id(), lane);
        message
    }

    /// Message `id` has been sent.
    pub fn accepted(&self, id: usize) {
        self.journal().accept(id);
    }

    /// `who` has received a message.
    pub fn received(&self, who: &'static str, message: &Message) {
        self.journal().receive(who, message.id());
    }

    /// The same for a message that is known by its number.
    pub fn received_id(&self, who: &'static str, id: usize) {
        self.journal().receive(who, id);
    }

    /// A receiver is dropped and may take messages with it.
    pub fn left(&self) {
        self.journal().left = true;
    }

    /// A name for each of those who receive to the end.
    pub fn ender(&self) -> &'static str {
        const NAMES: [&str; 4] = ["the end", "the second end", "the third end", "the fourth end"];
        let mut journal = self.journal();
        journal.enders += 1;
        NAMES[journal.enders - 1]
    }

    /// Something that both implementations should see.
    pub fn remark(&self, remark: &str) {
        self.journal().remark(remark);
    }

    /// Asks the channel from outside after every poll; it must not keep the channel open.
    pub fn set_probe(&self, probe: impl Fn() -> String + Send + 'static) {
        *locked(&self.probe) = Some(Box::new(probe));
    }

    /// Waits until both sides have done what they had to, for what is held back until then.
    pub async fn released(&self) {
        poll_fn(|cx| match &mut *locked(&self.held) {
            None => Poll::Ready(()),
            Some(wakers) => {
                wakers.push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await;
    }

    /// The future's output, or `None` if it is not ready when everything is released.
    pub async fn unless_released<F: Future>(&self, future: F) -> Option<F::Output> {
        let (mut future, mut released) = (pin!(future), pin!(self.released()));
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => released.as_mut().poll(cx).map(|()| None),
        })
        .await
    }

    pub(crate) fn release(&self) {
        let held = locked(&self.held).take();
        held.into_iter().flatten().for_each(Waker::wake);
    }

    pub(crate) fn probe(&self) {
        let seen = locked(&self.probe).as_ref().map(|probe| probe());
        if let Some(seen) = seen {
            self.remark(&seen);
        }
    }

    pub(crate) fn drop_probe(&self) {
        let probe = locked(&self.probe).take();
        drop(probe);
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        locked(&self.journal)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
