//! The sending handle.
#![forbid(unsafe_code)]

use core::fmt;

use crate::mpsc;

/// The sending side of a channel of [`lanes`](crate::mpsc::lanes()): a sender for each lane.
///
/// # Examples
/// ```
/// use levada::mpsc::{self, lanes::Serve};
///
/// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
/// let other = tx.clone();
/// std::thread::spawn(move || other.lane(1).blocking_send("from a thread"));
/// drop(tx);
/// assert_eq!(rx.blocking_recv(), Some("from a thread"));
/// assert_eq!(rx.blocking_recv(), None);
/// ```
pub struct Sender<T, const N: usize> {
    lanes: [mpsc::Sender<T>; N],
}

impl<T, const N: usize> Sender<T, N> {
    pub(super) fn new(lanes: [mpsc::Sender<T>; N]) -> Self {
        Self { lanes }
    }

    /// The sender of a lane, with all its methods. A clone of it keeps this lane open, and no
    /// other.
    ///
    /// # Panics
    /// If there is no lane of this number.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// let (tx, mut rx) = mpsc::lanes([1, 64], Serve::Strict);
    /// assert!(tx.lane(0).try_send("now").is_ok());
    /// assert!(tx.lane(0).try_send("one too many").is_err());
    /// assert_eq!(rx.try_recv(), Ok("now"));
    /// ```
    #[track_caller]
    pub fn lane(&self, lane: usize) -> &mpsc::Sender<T> {
        assert!(lane < N, "there is no lane {lane}: the channel has {N}");
        &self.lanes[lane]
    }

    /// The senders of the lanes, for parts of a program that have one each.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
    /// let [control, data] = tx.into_lanes();
    /// drop(control);
    /// data.try_send("a row").unwrap();
    /// assert_eq!(rx.try_recv(), Ok("a row"));
    /// ```
    pub fn into_lanes(self) -> [mpsc::Sender<T>; N] {
        self.lanes
    }

    /// Whether every lane is closed.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::{self, lanes::Serve};
    ///
    /// let (tx, rx) = mpsc::lanes::<u8, 2>([4, 64], Serve::Strict);
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.lanes.iter().all(mpsc::Sender::is_closed)
    }
}

impl<T, const N: usize> Clone for Sender<T, N> {
    fn clone(&self) -> Self {
        Self { lanes: self.lanes.clone() }
    }
}

impl<T, const N: usize> fmt::Debug for Sender<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("lanes", &self.lanes).finish()
    }
}
