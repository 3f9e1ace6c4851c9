//! Request after request on one allocation.
#![forbid(unsafe_code)]

use core::fmt;
use core::mem;
use core::task::{Context, Poll, ready};

use super::error::ReplyError;
use super::future::Recv;
use super::protocol::{Idle, Rx};
use super::sender::Sender;
use super::state::{Phase, State};
use crate::prim::park_on;
use crate::util::block_on::stay_awake_until;
use crate::util::budget;

/// The receiving end of one oneshot channel after the other, on the same allocation.
///
/// For a task that makes many requests and waits for each reply: [`sender`](Self::sender) begins a
/// *round*, and gives an ordinary [`Sender`] to be sent along with the request;
/// [`recv`](Self::recv) waits for the reply. A [`Pool`](super::Pool) has one for each of many
/// requests at a time.
///
/// # Guarantees
/// 1. A value is received in the round of its sender, or not at all. When the next round begins, or
///    the `Reusable` is dropped, a sender of the round before learns it as if a
///    [`Receiver`](super::Receiver) were dropped: `send` gives the value back, `closed` completes.
/// 2. A round allocates nothing if the sender of the round before has sent or was dropped. If it is
///    still there the round allocates once, and that sender frees the earlier allocation.
/// 3. A `recv` that is cancelled loses nothing: the round goes on, and the next `recv` receives the
///    value.
/// 4. The error tells whether the sender was dropped by a panic of its thread.
///
/// # Examples
/// ```
/// use levada::{mpsc, oneshot};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (requests, mut inbox) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(16);
/// tokio::spawn(async move {
///     while let Some((number, reply)) = inbox.recv().await {
///         let _ = reply.send(number * number);
///     }
/// });
///
/// let mut reply = oneshot::Reusable::new();
/// for number in 1..=3 {
///     requests.send((number, reply.sender())).await?;
///     assert_eq!(reply.recv().await?, number * number);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Reusable<T> {
    round: Round<T>,
}

/// What the receiver has.
enum Round<T> {
    /// Perhaps an allocation for the next one.
    Over(Option<Idle<T>>),
    Open(Rx<T>),
}

impl<T> Reusable<T> {
    /// Before its first round. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot::{Reusable, error::ReplyError};
    ///
    /// let mut reply = Reusable::<u64>::new();
    /// assert_eq!(reply.try_recv(), Err(ReplyError::NoSender));
    /// ```
    #[inline]
    pub const fn new() -> Self {
        Self { round: Round::Over(None) }
    }

    /// Between two rounds, with an allocation for the next one.
    #[inline]
    pub(super) fn with(idle: Option<Idle<T>>) -> Self {
        Self { round: Round::Over(idle) }
    }

    /// Begins a round, and gives its sender.
    ///
    /// Ends the round before: a value that was not received is dropped, and a sender that has not
    /// sent learns that its receiver is gone.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot::Reusable;
    ///
    /// let mut reply = Reusable::new();
    /// let early = reply.sender();
    /// let late = reply.sender();
    /// assert!(early.is_closed());
    /// assert_eq!(early.send("early"), Err("early"));
    /// assert_eq!(late.send("late"), Ok(()));
    /// assert_eq!(reply.try_recv(), Ok(Some("late")));
    /// ```
    #[inline]
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn sender(&mut self) -> Sender<T> {
        let idle = match mem::replace(&mut self.round, Round::Over(None)) {
            Round::Over(Some(idle)) => idle,
            round => round.end().unwrap_or_else(Idle::new),
        };
        let (tx, rx) = idle.open();
        self.round = Round::Open(rx);
        Sender::new(tx)
    }

    /// Ends the round, if there is one: a value that was not received is dropped, and a sender that
    /// has not sent learns that its receiver is gone.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot::{Reusable, error::ReplyError};
    ///
    /// let mut reply = Reusable::new();
    /// let tx = reply.sender();
    /// reply.cancel();
    /// assert_eq!(tx.send(7), Err(7));
    /// assert_eq!(reply.try_recv(), Err(ReplyError::NoSender));
    /// ```
    #[inline]
    pub fn cancel(&mut self) {
        if matches!(self.round, Round::Open(_)) {
            self.round = Round::Over(self.end_round());
        }
    }

    /// Whether it has an allocation, and no round.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.round, Round::Over(Some(_)))
    }

    /// Waits for the value of this round.
    ///
    /// # Errors
    /// [`ReplyError::Dropped`] or [`ReplyError::Panicked`] if the sender was dropped without
    /// sending; [`ReplyError::NoSender`] if no round was begun since the last result.
    ///
    /// # Cancel safety
    /// Cancel safe: the value stays in the channel, and the next call receives it.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot::{Reusable, error::ReplyError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut reply = Reusable::new();
    /// let tx = reply.sender();
    /// tokio::spawn(async move { tx.send("hello") });
    /// assert_eq!(reply.recv().await, Ok("hello"));
    ///
    /// let tx = reply.sender();
    /// let worker = tokio::spawn(async move {
    ///     let _reply = tx;
    ///     panic!("a bug");
    /// });
    /// assert_eq!(reply.recv().await, Err(ReplyError::Panicked));
    /// assert!(worker.await.is_err());
    /// # }
    /// ```
    #[inline]
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv::new(self)
    }

    /// Receives the value of this round if it is there, without waiting. `None`: there is none yet.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot::{Reusable, error::ReplyError};
    ///
    /// let mut reply = Reusable::new();
    /// let tx = reply.sender();
    /// assert_eq!(reply.try_recv(), Ok(None));
    /// tx.send(7).unwrap();
    /// assert_eq!(reply.try_recv(), Ok(Some(7)));
    ///
    /// drop(reply.sender());
    /// assert_eq!(reply.try_recv(), Err(ReplyError::Dropped));
    /// ```
    pub fn try_recv(&mut self) -> Result<Option<T>, ReplyError> {
        match &self.round {
            Round::Open(rx) if rx.state().is_open() => Ok(None),
            Round::Open(rx) => {
                let state = rx.state();
                self.finish(state).map(Some)
            }
            Round::Over(_) => Err(ReplyError::NoSender),
        }
    }

    /// Waits for the value of this round on this thread. For code outside of async contexts.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    /// On a thread that is driving a tokio runtime.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot::Reusable;
    ///
    /// let mut reply = Reusable::new();
    /// let tx = reply.sender();
    /// let thread = std::thread::spawn(move || tx.send(10));
    /// assert_eq!(reply.blocking_recv(), Ok(10));
    /// # thread.join().unwrap().unwrap();
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, ReplyError> {
        stay_awake_until(|| !matches!(&self.round, Round::Open(rx) if rx.state().is_open()));
        park_on(self.recv())
    }

    #[inline(always)]
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, ReplyError>> {
        let Round::Open(rx) = &mut self.round else {
            return Poll::Ready(Err(ReplyError::NoSender));
        };
        let state = ready!(rx.poll_decided(cx.waker()));
        // Only a result is paid for. Without budget, this wakes the task and leaves the result.
        ready!(budget::poll_proceed(cx)).made_progress();
        Poll::Ready(self.finish(state))
    }

    /// Ends the round, which is decided: it is in `state`.
    #[inline(always)]
    fn finish(&mut self, state: State) -> Result<T, ReplyError> {
        let Round::Open(rx) = mem::replace(&mut self.round, Round::Over(None)) else {
            return Err(ReplyError::NoSender);
        };
        let (value, idle) = rx.finish(state);
        self.round = Round::Over(idle);
        value.ok_or_else(|| match state.phase() {
            Phase::TxPanicked => ReplyError::Panicked,
            _ => ReplyError::Dropped,
        })
    }

    /// Ends the round. Gives the allocation, unless a sender still has it.
    #[inline]
    pub(super) fn end_round(&mut self) -> Option<Idle<T>> {
        match mem::replace(&mut self.round, Round::Over(None)) {
            Round::Over(idle) => idle,
            round => round.end(),
        }
    }
}

impl<T> Round<T> {
    /// Gives the allocation, unless there is none or a sender still has it. Seldom: most rounds end
    /// by their value.
    #[cold]
    fn end(self) -> Option<Idle<T>> {
        match self {
            Self::Over(idle) => idle,
            Self::Open(rx) => rx.recycle(),
        }
    }
}

impl<T> Default for Reusable<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Reusable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reusable = f.debug_struct("Reusable");
        match &self.round {
            Round::Open(rx) => reusable.field("round", rx).finish(),
            Round::Over(_) => reusable.finish_non_exhaustive(),
        }
    }
}
