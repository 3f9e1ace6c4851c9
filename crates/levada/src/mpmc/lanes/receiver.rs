//! The receiving handle.
#![forbid(unsafe_code)]

use core::fmt;
use core::task::{Context, Poll, ready};

use super::error::TryRecvError;
use super::future::{Recv, RecvWithLane};
use crate::mpmc;
use crate::observe::{Observed, Op, WaitRecord};
use crate::prim::{Arc, Lock, park_on};
use crate::queue::lanes::{Serve, Turns};
use crate::queue::single::NoMessage;
use crate::util::block_on::stay_awake_until;
use crate::util::{FirstPanic, budget, contain};
use crate::wait::nodes::Nodes;

/// The receiving side of a channel of [`lanes`](crate::mpmc::lanes()).
///
/// Clone it for every worker: each message goes to one of them. Dropping the last one closes all
/// lanes and drops the messages that are left.
///
/// # Examples
/// ```
/// use levada::mpmc::{self, lanes::Serve};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
/// tokio::spawn(async move { tx.lane(1).send(42).await });
/// while let Some(message) = rx.recv().await {
///     assert_eq!(message, 42);
/// }
/// # }
/// ```
pub struct Receiver<T, const N: usize> {
    lanes: [mpmc::Receiver<T>; N],
    /// What the receivers share of the discipline; none if it remembers nothing.
    turns: Option<Arc<Lock<Turns<N>>>>,
}

impl<T, const N: usize> Receiver<T, N> {
    /// Waits for the next message and its lane; `None` when all lanes have ended.
    ///
    /// Nodes that this was called with are given to [`leave`](Self::leave) before they drop.
    pub(super) fn poll_recv(
        &self,
        nodes: &mut Nodes<N>,
        ended: &mut [bool; N],
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, T)>> {
        let order = self.order();
        if !nodes.is_any_bound() {
            let budget = ready!(budget::poll_proceed(cx));
            if let Some(received) = self.try_recv_in(order, ended) {
                budget.made_progress();
                return Poll::Ready(Some(received));
            }
        }
        for lane in order {
            if ended[lane] {
                continue;
            }
            match self.lanes[lane].queue.poll_recv(nodes.get(lane), cx) {
                Poll::Ready(Some(message)) => {
                    // What it was promised in other lanes is for other receivers.
                    contain(|| self.leave(nodes));
                    self.note(lane);
                    return Poll::Ready(Some((lane, message)));
                }
                Poll::Ready(None) => ended[lane] = true,
                Poll::Pending => {}
            }
        }
        if *ended == [true; N] { Poll::Ready(None) } else { Poll::Pending }
    }

    /// Leaves all lines. What was promised passes to the next receivers.
    pub(super) fn leave(&self, nodes: &Nodes<N>) {
        let mut panics = FirstPanic::default();
        for (lane, receiver) in self.lanes.iter().enumerate() {
            if let Some(node) = nodes.bound(lane) {
                panics.catch(|| receiver.queue.cancel_recv(node));
            }
        }
        panics.resume();
    }

    /// Records of each lane whether this receive waits for it.
    #[inline(always)]
    pub(super) fn note_waits(
        &self,
        waits: &mut [WaitRecord; N],
        is_pending: bool,
        ended: &[bool; N],
        cx: &Context<'_>,
    ) {
        for (lane, wait) in waits.iter_mut().enumerate() {
            let is_waiting = is_pending && !ended[lane];
            wait.note(is_waiting, cx, self.lanes[lane].queue.record(), Op::Recv);
        }
    }

    fn try_recv_in(&self, order: [usize; N], ended: &mut [bool; N]) -> Option<(usize, T)> {
        for lane in order {
            if ended[lane] {
                continue;
            }
            match self.lanes[lane].queue.try_recv() {
                Ok(message) => {
                    self.note(lane);
                    return Some((lane, message));
                }
                Err(NoMessage::Ended) => ended[lane] = true,
                Err(NoMessage::Empty) => {}
            }
        }
        None
    }

    fn order(&self) -> [usize; N] {
        match &self.turns {
            Some(turns) => turns.lock().order(),
            None => core::array::from_fn(|lane| lane),
        }
    }

    fn note(&self, served: usize) {
        if let Some(turns) = &self.turns {
            turns.lock().note(served, |lane| !self.lanes[lane].queue.looks_empty());
        }
    }

    pub(super) fn touch(&self) {
        self.lanes.iter().for_each(|lane| lane.queue.touch());
    }
}

impl<T, const N: usize> Receiver<T, N> {
    #[track_caller]
    pub(super) fn new(lanes: [mpmc::Receiver<T>; N], serve: Serve<N>) -> Self {
        let turns = Turns::new(serve);
        let turns = (serve != Serve::Strict).then(|| Arc::new(Lock::new(turns)));
        Self { lanes, turns }
    }

    /// Receives the next message; `None` when all lanes have ended: the senders of each are gone,
    /// or it was [closed](Self::close), and everything that was sent has been received.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send("second").unwrap();
    /// tx.lane(0).try_send("first").unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv().await, Some("first"));
    /// assert_eq!(rx.recv().await, Some("second"));
    /// assert_eq!(rx.recv().await, None);
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv(&self) -> Recv<'_, T, N> {
        self.touch();
        Recv::new(&self.lanes)
    }

    /// As [`recv`](Self::recv), with the number of the lane.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, no message was taken.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send("a row").unwrap();
    /// assert_eq!(rx.recv_with_lane().await, Some((1, "a row")));
    /// # }
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn recv_with_lane(&self) -> RecvWithLane<'_, T, N> {
        self.touch();
        RecvWithLane::new(&self.lanes)
    }

    /// Receives the next message if there is one now that is not promised to a receiver that
    /// [waits](crate::mpmc#receivers).
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none yet, or all are promised;
    /// [`TryRecvError::Disconnected`] if all lanes have ended.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, lanes::{Serve, error::TryRecvError}};
    ///
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send(1).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.try_recv_with_lane().map(|(_, message)| message)
    }

    /// As [`try_recv`](Self::try_recv), with the number of the lane.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send("a row").unwrap();
    /// assert_eq!(rx.try_recv_with_lane(), Ok((1, "a row")));
    /// ```
    pub fn try_recv_with_lane(&self) -> Result<(usize, T), TryRecvError> {
        self.touch();
        let mut ended = [false; N];
        self.try_recv_in(self.order(), &mut ended).ok_or(if ended == [true; N] {
            TryRecvError::Disconnected
        } else {
            TryRecvError::Empty
        })
    }

    /// Receives the next message, blocking the thread until there is one; `None` when all lanes
    /// have ended.
    ///
    /// # Panics
    /// Inside an asynchronous runtime (with feature `tokio`: one of tokio's).
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// std::thread::spawn(move || tx.lane(1).blocking_send("hello"));
    /// assert_eq!(rx.blocking_recv(), Some("hello"));
    /// assert_eq!(rx.blocking_recv(), None);
    /// ```
    #[track_caller]
    pub fn blocking_recv(&self) -> Option<T> {
        let is_there = stay_awake_until(|| self.lanes.iter().any(|lane| !lane.queue.looks_empty()));
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
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send(1).unwrap();
    /// rx.close();
    /// assert!(tx.lane(0).try_send(2).is_err());
    /// assert_eq!(rx.blocking_recv(), Some(1));
    /// assert_eq!(rx.blocking_recv(), None);
    /// ```
    pub fn close(&self) {
        let mut panics = FirstPanic::default();
        for lane in &self.lanes {
            panics.catch(|| lane.close());
        }
        panics.resume();
    }

    /// How many messages are there, in all lanes.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// tx.lane(0).try_send(1).unwrap();
    /// tx.lane(1).try_send(2).unwrap();
    /// assert_eq!((rx.len(), rx.lane_len(1)), (2, 1));
    /// ```
    pub fn len(&self) -> usize {
        self.lanes.iter().map(mpmc::Receiver::len).sum()
    }

    /// How many messages are there, in one lane.
    ///
    /// # Panics
    /// If there is no lane of this number.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// tx.lane(1).try_send(2).unwrap();
    /// assert_eq!((rx.lane_len(0), rx.lane_len(1)), (0, 1));
    /// ```
    #[track_caller]
    pub fn lane_len(&self, lane: usize) -> usize {
        assert!(lane < N, "there is no lane {lane}: the channel has {N}");
        self.lanes[lane].len()
    }

    /// Whether no message is there.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// assert!(rx.is_empty());
    /// tx.lane(1).try_send(1).unwrap();
    /// assert!(!rx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, const N: usize> Clone for Receiver<T, N> {
    fn clone(&self) -> Self {
        Self { lanes: self.lanes.clone(), turns: self.turns.clone() }
    }
}

impl<T, const N: usize> fmt::Debug for Receiver<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("lanes", &self.lanes).finish()
    }
}
