//! The receiving handle.
#![forbid(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::error::{RecvError, TryRecvError};
use super::future::Recv;
use super::protocol::{Miss, Shared};
use crate::observe::PositionRecord;
use crate::prim::park_on;
use crate::refs::{Hub, Rx};
use crate::util::block_on::stay_awake_until;

/// Receives every message that is sent while it exists.
///
/// Made by [`channel`](super::channel), [`Sender::subscribe`](super::Sender::subscribe) or
/// [`resubscribe`](Self::resubscribe). Each receiver reads at its own pace; one that falls behind
/// by more than the channel's capacity [lags](super#lagging). When it is dropped, what it has not
/// read counts as read.
///
/// # Examples
/// ```
/// use levada::broadcast::{self, error::RecvError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = broadcast::channel(16);
/// tx.send(10).unwrap();
/// tx.send(20).unwrap();
/// drop(tx);
///
/// assert_eq!(rx.recv().await, Ok(10));
/// assert_eq!(rx.recv().await, Ok(20));
/// assert_eq!(rx.recv().await, Err(RecvError::Closed));
/// # }
/// ```
pub struct Receiver<T> {
    shared: Rx<Shared<T>>,
    /// The position of the message it reads next.
    next: u64,
    position: PositionRecord,
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    /// The handle of a receiver that has joined the channel at `next`.
    pub(super) fn new(shared: Rx<Shared<T>>, next: u64) -> Self {
        Self { shared, next, position: PositionRecord::new() }
    }

    /// Records where the receiver is, and how many messages it has just missed.
    #[inline(always)]
    pub(super) fn note_position(&self, missed: u64) {
        self.position.note(self.next, missed);
    }

    pub(super) fn touch(&self) {
        self.shared.touch_at(&self.position, self.next);
    }

    /// The channel and the position.
    pub(super) fn parts(&mut self) -> (&Shared<T>, &mut u64) {
        (&self.shared, &mut self.next)
    }

    /// How many messages were sent that this receiver has not received, those included that it will
    /// miss: how far it is behind, as [`lag`] of a lossless channel.
    ///
    /// [`lag`]: super::lossless::Receiver::lag
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut rx) = broadcast::channel(2);
    /// (0..5).for_each(|n| assert!(tx.send(n).is_ok()));
    /// assert_eq!(rx.lag(), 5);
    /// assert!(rx.try_recv().is_err(), "it has missed three");
    /// assert_eq!(rx.lag(), 2);
    /// ```
    pub fn lag(&self) -> u64 {
        self.len() as u64
    }

    /// tokio's name for [`lag`](Self::lag): how many messages were sent that this receiver has not
    /// received, those included that have been overwritten since.
    ///
    /// If it is greater than the capacity (rounded up to a power of two), the next attempt to
    /// receive tells how many are lost.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut rx) = broadcast::channel(16);
    /// tx.send(10).unwrap();
    /// tx.send(20).unwrap();
    /// assert_eq!(rx.len(), 2);
    /// rx.try_recv().unwrap();
    /// assert_eq!(rx.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.sent_since(self.next)
    }

    /// Whether there is nothing to receive at the moment.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::channel(16);
    /// assert!(rx.is_empty());
    /// tx.send(10).unwrap();
    /// assert!(!rx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both receive from the same channel.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (_tx, rx) = broadcast::channel::<u8>(16);
    /// let (_tx, other) = broadcast::channel::<u8>(16);
    /// assert!(rx.same_channel(&rx.resubscribe()));
    /// assert!(!rx.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.shared.same_channel(&other.shared)
    }

    /// How many senders there are, weak ones not counted.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::channel::<u8>(16);
    /// let _second = tx.clone();
    /// assert_eq!(rx.sender_strong_count(), 2);
    /// ```
    pub fn sender_strong_count(&self) -> usize {
        self.shared.counts().senders()
    }

    /// How many weak senders there are.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::channel::<u8>(16);
    /// let _weak = tx.downgrade();
    /// assert_eq!(rx.sender_weak_count(), 1);
    /// ```
    pub fn sender_weak_count(&self) -> usize {
        self.shared.counts().weak_senders()
    }

    /// Whether all senders are gone. There may still be messages to receive.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, rx) = broadcast::channel::<u8>(16);
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.counts().senders() == 0
    }
}

impl<T: Clone> Receiver<T> {
    /// Another receiver of the channel, which gets what is sent from now on: not what this one has
    /// yet to receive.
    ///
    /// # Panics
    /// If there are 2<sup>32</sup> - 1 receivers already.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut rx) = broadcast::channel(16);
    /// tx.send(1).unwrap();
    /// let mut late = rx.resubscribe();
    /// tx.send(2).unwrap();
    ///
    /// assert_eq!(late.try_recv(), Ok(2));
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// ```
    #[track_caller]
    pub fn resubscribe(&self) -> Self {
        let next = self.shared.join();
        Self::new(self.shared.clone(), next)
    }

    /// Receives the next message, and waits for it if need be.
    ///
    /// The last receiver to read a message gets the message itself, if that saves a clone; the
    /// others get a clone.
    ///
    /// # Errors
    /// - [`RecvError::Lagged`] if messages were overwritten before this receiver read them, with
    ///   their number; the next call gets the oldest one that is left.
    /// - [`RecvError::Closed`] if all senders are gone and there is nothing left to receive.
    ///
    /// # Cancel safety
    /// Dropping the future before it is ready receives nothing: the message is there for the next
    /// call.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast::{self, error::RecvError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = broadcast::channel(2);
    /// tx.send(10).unwrap();
    /// tx.send(20).unwrap();
    /// tx.send(30).unwrap();
    ///
    /// assert_eq!(rx.recv().await, Err(RecvError::Lagged(1)));
    /// assert_eq!(rx.recv().await, Ok(20));
    /// assert_eq!(rx.recv().await, Ok(30));
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
    /// - [`TryRecvError::Empty`] if there is none yet.
    /// - [`TryRecvError::Lagged`] if messages were overwritten before this receiver read them, with
    ///   their number; the next call gets the oldest one that is left.
    /// - [`TryRecvError::Closed`] if all senders are gone and there is nothing left to receive.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, mut rx) = broadcast::channel(16);
    /// assert!(rx.try_recv().is_err());
    /// tx.send(10).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(10));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.touch();
        let (shared, next) = self.parts();
        match shared.read(next) {
            Ok(value) => {
                self.note_position(0);
                Ok(value)
            }
            Err(miss) => self.try_recv_otherwise(miss),
        }
    }

    #[inline(never)]
    fn try_recv_otherwise(&mut self, miss: Miss) -> Result<T, TryRecvError> {
        let (shared, next) = self.parts();
        let result = shared.try_recv_after(miss, next);
        let missed = if let Err(TryRecvError::Lagged(missed)) = result { missed } else { 0 };
        self.note_position(missed);
        result
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
    /// let (tx, mut rx) = broadcast::channel(16);
    /// let thread = thread::spawn(move || rx.blocking_recv());
    /// tx.send(10).unwrap();
    /// assert_eq!(thread.join().unwrap(), Ok(10));
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        stay_awake_until(|| !self.is_empty());
        park_on(self.recv())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.leave(self.next);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Receiver")
    }
}
