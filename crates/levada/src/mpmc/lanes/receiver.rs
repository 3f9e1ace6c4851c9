//! The receiving handle.
#![forbid(unsafe_code)]

use core::fmt;

use super::future::{Recv, RecvWithLane};
use super::protocol::Lanes;
use crate::mpmc;
use crate::mpmc::error::TryRecvError;
use crate::prim::park_on;
use crate::queue::lanes::Serve;
use crate::util::block_on::stay_awake_until;

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
    lanes: Lanes<T, N>,
}

impl<T, const N: usize> Receiver<T, N> {
    #[track_caller]
    pub(super) fn new(lanes: [mpmc::Receiver<T>; N], serve: Serve<N>) -> Self {
        Self { lanes: Lanes::new(lanes, serve) }
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
        self.lanes.touch();
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
        self.lanes.touch();
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
    /// use levada::mpmc::{self, error::TryRecvError, lanes::Serve};
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
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
    /// std::thread::spawn(move || tx.lane(1).blocking_send("hello"));
    /// assert_eq!(rx.blocking_recv(), Some("hello"));
    /// assert_eq!(rx.blocking_recv(), None);
    /// ```
    #[track_caller]
    pub fn blocking_recv(&self) -> Option<T> {
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
        self.lanes.close();
    }

    /// Whether all lanes are closed: by [`close`](Self::close), or because the senders of each are
    /// gone. There may still be messages in them.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpmc::lanes::<u8, 2>([4, 64], Serve::Strict);
    /// let [urgent, other] = tx.into_lanes();
    /// drop(urgent);
    /// assert!(!rx.is_closed());
    /// drop(other);
    /// assert!(rx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.lanes.all().iter().all(mpmc::Receiver::is_closed)
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
        self.lanes.all().iter().map(mpmc::Receiver::len).sum()
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
        self.lanes.all()[lane].len()
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

    #[cfg(feature = "stream")]
    pub(super) fn lanes(&self) -> &Lanes<T, N> {
        &self.lanes
    }
}

impl<T, const N: usize> Clone for Receiver<T, N> {
    fn clone(&self) -> Self {
        Self { lanes: self.lanes.clone() }
    }
}

impl<T, const N: usize> fmt::Debug for Receiver<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("lanes", self.lanes.all()).finish()
    }
}
