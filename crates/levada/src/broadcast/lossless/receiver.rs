//! The receiving handle.
#![forbid(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::borrow::Cow;

use super::error::{RecvError, TryRecvError};
use super::future::Recv;
use super::gate::Seat;
use super::protocol::{Moving, Shared};
use super::subscriber::SubscriberId;
use crate::broadcast::error as base;
use crate::broadcast::future::Waiter;
use crate::observe::PositionRecord;
use crate::prim::{Arc, park_on};
use crate::refs::{Hub, Rx};
use crate::util::block_on::stay_awake_until;

/// Receives every message that is sent while it exists: a *member*, for which the senders wait, or
/// an *observer*, for which they do not.
///
/// Made by [`lossless`](crate::broadcast::lossless()),
/// [`Sender::subscribe`](super::Sender::subscribe) (a member) or
/// [`Sender::subscribe_lossy`](super::Sender::subscribe_lossy) (an observer). When it is dropped,
/// what it has not received counts as received.
///
/// # Examples
/// ```
/// use levada::broadcast::{self, lossless::error::RecvError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = broadcast::lossless(16);
/// tx.send(10).await.unwrap();
/// tx.send(20).await.unwrap();
/// drop(tx);
///
/// assert_eq!(rx.recv().await, Ok(10));
/// assert_eq!(rx.recv().await, Ok(20));
/// assert_eq!(rx.recv().await, Err(RecvError::Closed));
/// # }
/// ```
pub struct Receiver<T> {
    shared: Rx<Shared<T>>,
    seat: Arc<Seat>,
    /// The position of the message it receives next.
    next: u64,
    /// It was evicted, and is counted nowhere any more.
    has_left: bool,
    /// How often it found nothing while senders wait for one that was granted.
    refusals: u16,
    position: PositionRecord,
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    /// The handle of a receiver that has joined the channel at `next`.
    pub(super) fn new(shared: Rx<Shared<T>>, seat: Arc<Seat>, next: u64) -> Self {
        let position = PositionRecord::new();
        Self { shared, seat, next, has_left: false, refusals: 0, position }
    }

    pub(super) fn shared(&self) -> &Shared<T> {
        &self.shared
    }

    pub(super) fn touch(&self) {
        self.shared.touch_at(&self.position, self.next);
    }

    /// Names the subscriber, for [`Sender::subscribers`](super::Sender::subscribers).
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::lossless::<u8>(16);
    /// let _rx = rx.named("audit");
    /// assert_eq!(tx.subscribers()[0].name.as_deref(), Some("audit"));
    /// ```
    #[must_use = "the receiver is returned"]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.shared.name(&self.seat, name.into().into());
        self
    }

    /// The number by which the senders know it.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::lossless::<u8>(16);
    /// assert_eq!(tx.subscribers()[0].id, rx.id());
    /// ```
    pub fn id(&self) -> SubscriberId {
        self.seat.id()
    }

    /// Whether it holds the senders back; false for an observer.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::lossless::<u8>(16);
    /// assert!(rx.is_member());
    /// assert!(!tx.subscribe_lossy().is_member());
    /// ```
    pub fn is_member(&self) -> bool {
        self.seat.is_member()
    }

    /// Whether it was [evicted](super::Sender::evict).
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::lossless::<u8>(16);
    /// assert!(!rx.is_evicted());
    /// tx.evict(rx.id());
    /// assert!(rx.is_evicted());
    /// ```
    pub fn is_evicted(&self) -> bool {
        self.seat.is_evicted()
    }

    /// How many messages were sent that it has not received, those included that an observer will
    /// miss.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut rx) = broadcast::lossless(16);
    /// tx.try_send(10).unwrap();
    /// tx.try_send(20).unwrap();
    /// assert_eq!(rx.lag(), 2);
    /// rx.try_recv().unwrap();
    /// assert_eq!(rx.lag(), 1);
    /// ```
    pub fn lag(&self) -> u64 {
        self.shared.base.lock().next - self.next
    }

    /// Whether all senders are gone. There may still be messages to receive.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::lossless::<u8>(16);
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.counts().senders() == 0
    }

    /// Another receiver of the same kind, which gets what is sent from now on: not what this one
    /// has yet to receive.
    ///
    /// # Panics
    /// If there are 2<sup>32</sup> - 1 receivers already.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::lossless(16);
    /// tx.evict(rx.id());
    /// let mut again = rx.resubscribe();
    /// drop(rx);
    /// tx.try_send(1).unwrap();
    /// assert_eq!(again.try_recv(), Ok(1));
    /// ```
    #[track_caller]
    pub fn resubscribe(&self) -> Self {
        let (seat, next) = self.shared.join(self.is_member());
        Self::new(self.shared.clone(), seat, next)
    }

    /// Gives up what it has not received, now that it was evicted.
    #[cold]
    fn leave_evicted(&mut self) {
        if !self.has_left {
            self.has_left = true;
            self.shared.base.leave(self.next);
        }
    }

    /// What there is in place of a message.
    #[cold]
    fn explain(&mut self, error: base::RecvError) -> RecvError {
        let error = match error {
            // What a member has not received is overwritten only after it was evicted.
            _ if self.is_evicted() => {
                self.leave_evicted();
                if let base::RecvError::Lagged(missed) = error {
                    // It is not told, so these are still behind it.
                    self.next -= missed;
                }
                RecvError::Evicted
            }
            base::RecvError::Closed => RecvError::Closed,
            base::RecvError::Lagged(missed) => {
                self.seat.note_missed(missed);
                RecvError::Lagged(missed)
            }
        };
        let missed = if let RecvError::Lagged(missed) = error { missed } else { 0 };
        self.position.note(self.next, missed);
        error
    }
}

impl<T: Clone> Receiver<T> {
    /// Receives the next message, and waits for it if need be.
    ///
    /// The last receiver to read a message gets the message itself, if that saves a clone; the
    /// others get a clone.
    ///
    /// # Errors
    /// - [`RecvError::Lagged`] if messages were overwritten before this observer read them, with
    ///   their number; the next call gets the oldest one that is left.
    /// - [`RecvError::Evicted`] if it was evicted; from then on at each call.
    /// - [`RecvError::Closed`] if all senders are gone and there is nothing left to receive.
    ///
    /// # Cancel safety
    /// Dropping the future before it is ready receives nothing: the message is there for the next
    /// call.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = broadcast::lossless(2);
    /// tx.send(10).await.unwrap();
    /// assert_eq!(rx.recv().await, Ok(10));
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv(&mut self) -> Recv<'_, T> {
        self.touch();
        Recv::new(self)
    }

    /// Receives the next message if there is one.
    ///
    /// If another receiver is cloning that very message on another thread, this waits until the
    /// clone is made: a `T` need not allow two at a time. (So `T::clone` itself must not receive
    /// from this channel.)
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none yet; the others as [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut rx) = broadcast::lossless(16);
    /// assert!(rx.try_recv().is_err());
    /// tx.try_send(10).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(10));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.touch();
        if self.is_evicted() {
            return Err(self.explain(base::RecvError::Closed).into());
        }
        let received = {
            let moving = Moving::new(&self.shared, &self.seat, &mut self.next);
            let base = &self.shared.base;
            base.read(moving.next).or_else(|miss| base.try_recv_after(miss, moving.next))
        };
        match received {
            Ok(message) => {
                self.position.note(self.next, 0);
                Ok(message)
            }
            Err(base::TryRecvError::Empty) => {
                self.shared.count_for_senders(None);
                Err(TryRecvError::Empty)
            }
            Err(base::TryRecvError::Closed) => Err(self.explain(base::RecvError::Closed).into()),
            Err(base::TryRecvError::Lagged(missed)) => {
                Err(self.explain(base::RecvError::Lagged(missed)).into())
            }
        }
    }

    /// Receives the next message, and blocks the thread for it if need be.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    /// On a thread that runs asynchronous tasks.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    /// use std::thread;
    ///
    /// let (tx, mut rx) = broadcast::lossless(16);
    /// let thread = thread::spawn(move || rx.blocking_recv());
    /// tx.blocking_send(10).unwrap();
    /// assert_eq!(thread.join().unwrap(), Ok(10));
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        stay_awake_until(|| self.lag() > 0);
        park_on(self.recv())
    }

    /// Receives the next message. Calls `waiter` only if it has to wait.
    #[inline(always)]
    pub(super) fn poll_message<'w>(
        &mut self,
        waiter: impl FnOnce() -> Pin<&'w mut Waiter>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, RecvError>> {
        let seat = &*self.seat;
        if seat.is_evicted() {
            return Poll::Ready(Err(self.explain(base::RecvError::Closed)));
        }
        let polled = {
            let moving = Moving::new(&self.shared, seat, &mut self.next);
            Waiter::poll_recv(waiter, &self.shared.base, moving.next, cx, || seat.is_evicted())
        };
        match polled {
            Poll::Ready(Ok(message)) => {
                self.position.note(self.next, 0);
                Poll::Ready(Ok(message))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.explain(error))),
            Poll::Pending => {
                if self.shared.count_for_senders(Some(&mut self.refusals)) {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if !self.has_left {
            self.shared.leave(&self.seat, self.next);
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::lossless::Receiver")
    }
}
