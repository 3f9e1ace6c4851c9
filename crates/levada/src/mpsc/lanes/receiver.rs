//! The receiving handle.
#![forbid(unsafe_code)]

use core::fmt;
use core::task::{Context, Poll, ready};

use super::error::TryRecvError;
use super::future::{Recv, RecvWithLane};
use crate::mpsc;
use crate::observe::{Observed, Op, WaitRecord};
use crate::prim::park_on;
use crate::queue::lanes::{Serve, Turns};
use crate::queue::single::NoMessage;
use crate::util::block_on::stay_awake_until;
use crate::util::{FirstPanic, budget};

/// The receiving side of a channel of [`lanes`](crate::mpsc::lanes()).
///
/// Dropping it closes all lanes and drops the messages that are left.
///
/// # Examples
/// ```
/// use levada::mpsc::{self, lanes::Serve};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
/// tokio::spawn(async move { tx.lane(1).send(42).await });
/// while let Some(message) = rx.recv().await {
///     assert_eq!(message, 42);
/// }
/// # }
/// ```
pub struct Receiver<T, const N: usize> {
    lanes: Lanes<T, N>,
}

/// What receives.
pub(super) struct Lanes<T, const N: usize> {
    lanes: [mpsc::Receiver<T>; N],
    /// Which lanes have ended: they are not asked any more.
    ended: [bool; N],
    turns: Turns<N>,
}

impl<T, const N: usize> Lanes<T, N> {
    /// Waits for the next message and its lane; `None` when all lanes have ended.
    pub(super) fn poll_recv(
        &mut self,
        waits: &mut [WaitRecord; N],
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, T)>> {
        let budget = ready!(budget::poll_proceed(cx));
        let order = self.turns.order();
        // First without a lock: mostly a lane has a message.
        let mut polled = match self.try_recv_in(order) {
            Ok(received) => {
                budget.made_progress();
                Poll::Ready(Some(received))
            }
            Err(NoMessage::Ended) => Poll::Ready(None),
            Err(NoMessage::Empty) => {
                drop(budget);
                self.poll_all(order, cx)
            }
        };
        if polled.is_pending() && self.ended == [true; N] {
            polled = Poll::Ready(None);
        }
        for (lane, wait) in waits.iter_mut().enumerate() {
            let is_waiting = polled.is_pending() && !self.ended[lane];
            wait.note(is_waiting, cx, self.lanes[lane].queue.record(), Op::Recv);
        }
        polled
    }

    /// Registers in all lanes, unless one has a message.
    #[cold]
    fn poll_all(&mut self, order: [usize; N], cx: &mut Context<'_>) -> Poll<Option<(usize, T)>> {
        for lane in order {
            if self.ended[lane] {
                continue;
            }
            match self.lanes[lane].queue.poll_recv(cx) {
                Poll::Ready(Some(message)) => {
                    self.note(lane);
                    return Poll::Ready(Some((lane, message)));
                }
                Poll::Ready(None) => self.ended[lane] = true,
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }

    fn try_recv(&mut self) -> Result<(usize, T), NoMessage> {
        self.try_recv_in(self.turns.order())
    }

    fn try_recv_in(&mut self, order: [usize; N]) -> Result<(usize, T), NoMessage> {
        for lane in order {
            if self.ended[lane] {
                continue;
            }
            match self.lanes[lane].queue.try_recv() {
                Ok(message) => {
                    self.note(lane);
                    return Ok((lane, message));
                }
                Err(NoMessage::Ended) => self.ended[lane] = true,
                Err(NoMessage::Empty) => {}
            }
        }
        Err(if self.ended == [true; N] { NoMessage::Ended } else { NoMessage::Empty })
    }

    fn note(&mut self, served: usize) {
        self.turns.note(served, |lane| !self.lanes[lane].is_empty());
    }

    fn looks_empty(&self) -> bool {
        self.lanes.iter().all(mpsc::Receiver::is_empty)
    }

    pub(super) fn touch(&self) {
        self.lanes.iter().for_each(|lane| lane.queue.touch());
    }
}

impl<T, const N: usize> Receiver<T, N> {
    #[track_caller]
    pub(super) fn new(lanes: [mpsc::Receiver<T>; N], serve: Serve<N>) -> Self {
        Self { lanes: Lanes { lanes, ended: [false; N], turns: Turns::new(serve) } }
    }

    /// Receives the next message; `None` when all lanes have ended: the senders of each are gone,
    /// or it was [closed](Self::close), and everything that was sent has been received.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send("second").unwrap();
    /// tx.lane(0).try_send("first").unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv().await, Some("first"));
    /// assert_eq!(rx.recv().await, Some("second"));
    /// assert_eq!(rx.recv().await, None);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv(&mut self) -> Recv<'_, T, N> {
        self.lanes.touch();
        Recv::new(&mut self.lanes)
    }

    /// As [`recv`](Self::recv), with the number of the lane.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send("a row").unwrap();
    /// assert_eq!(rx.recv_with_lane().await, Some((1, "a row")));
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv_with_lane(&mut self) -> RecvWithLane<'_, T, N> {
        self.lanes.touch();
        RecvWithLane::new(&mut self.lanes)
    }

    /// Receives the next message if there is one now.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none yet, [`TryRecvError::Disconnected`] if all lanes
    /// have ended.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::{Serve, error::TryRecvError}};
    ///
    /// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send(1).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.try_recv_with_lane().map(|(_, message)| message)
    }

    /// As [`try_recv`](Self::try_recv), with the number of the lane.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send("a row").unwrap();
    /// assert_eq!(rx.try_recv_with_lane(), Ok((1, "a row")));
    /// ```
    pub fn try_recv_with_lane(&mut self) -> Result<(usize, T), TryRecvError> {
        self.lanes.touch();
        self.lanes.try_recv().map_err(TryRecvError::from)
    }

    /// Receives the next message, blocking the thread until there is one; `None` when all lanes
    /// have ended.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
    /// std::thread::spawn(move || tx.lane(1).blocking_send("hello"));
    /// assert_eq!(rx.blocking_recv(), Some("hello"));
    /// assert_eq!(rx.blocking_recv(), None);
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        let is_there = stay_awake_until(|| !self.lanes.looks_empty());
        if is_there && let Ok(message) = self.try_recv() {
            return Some(message);
        }
        park_on(self.recv())
    }

    /// Closes all lanes to new messages. What was sent, and what is sent with permits that are out
    /// already, is still received, and then comes the end.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send(1).unwrap();
    /// rx.close();
    /// assert!(tx.lane(0).try_send(2).is_err());
    /// assert_eq!(rx.blocking_recv(), Some(1));
    /// assert_eq!(rx.blocking_recv(), None);
    /// ```
    pub fn close(&mut self) {
        let mut panics = FirstPanic::default();
        for lane in &mut self.lanes.lanes {
            panics.catch(|| lane.close());
        }
        panics.resume();
    }

    /// How many messages are there, in all lanes.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpsc::lanes([4, 64], Serve::Strict);
    /// tx.lane(0).try_send(1).unwrap();
    /// tx.lane(1).try_send(2).unwrap();
    /// assert_eq!((rx.len(), rx.lane_len(1)), (2, 1));
    /// ```
    pub fn len(&self) -> usize {
        self.lanes.lanes.iter().map(mpsc::Receiver::len).sum()
    }

    /// How many messages are there, in one lane.
    ///
    /// # Panics
    /// If there is no lane of this number.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpsc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send(2).unwrap();
    /// assert_eq!((rx.lane_len(0), rx.lane_len(1)), (0, 1));
    /// ```
    #[track_caller]
    pub fn lane_len(&self, lane: usize) -> usize {
        assert!(lane < N, "there is no lane {lane}: the channel has {N}");
        self.lanes.lanes[lane].len()
    }

    /// Whether no message is there.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpsc::lanes([4, 64], Serve::Strict);
    /// assert!(rx.is_empty());
    /// tx.lane(1).try_send(1).unwrap();
    /// assert!(!rx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.lanes.looks_empty()
    }

    #[cfg(feature = "stream")]
    pub(super) fn lanes(&mut self) -> &mut Lanes<T, N> {
        &mut self.lanes
    }
}

impl<T, const N: usize> fmt::Debug for Receiver<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("lanes", &self.lanes.lanes).finish()
    }
}
