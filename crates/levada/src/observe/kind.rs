//! What channels, ends and waits there are.
#![forbid(unsafe_code)]

use core::fmt;

/// Which channel it is.
///
/// # Examples
/// ```
/// use levada::observe::Kind;
///
/// assert_eq!(Kind::Mpsc.to_string(), "mpsc");
/// assert_eq!(Kind::Weighted.to_string(), "mpsc weighted");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// [`mpsc`](crate::mpsc), bounded or not; a channel of lanes is one for each lane.
    Mpsc,
    /// [`mpsc::weighted`](crate::mpsc::weighted()).
    Weighted,
    /// [`mpsc::rendezvous`](crate::mpsc::rendezvous()).
    Rendezvous,
    /// [`mpmc`](crate::mpmc), bounded or not.
    Mpmc,
    /// [`oneshot`](crate::oneshot).
    Oneshot,
    /// [`broadcast`](crate::broadcast), which loses messages of slow receivers.
    Broadcast,
    /// [`broadcast::lossless`](crate::broadcast::lossless()).
    Lossless,
    /// [`watch`](crate::watch).
    Watch,
}

/// What a task waits for.
///
/// # Examples
/// ```
/// use levada::observe::Op;
///
/// assert_eq!(Op::Send.to_string(), "send");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Op {
    /// Capacity: `send`, `reserve` and the like. A receiver can end the wait.
    Send,
    /// A message, or the end: `recv` and the like. A sender can end the wait.
    Recv,
    /// Another value of a watch channel: `changed`, `wait_for`. A sender can end the wait.
    Changed,
    /// That no receiver is left: `closed`. Receivers can end the wait.
    Closed,
}

/// An end of a channel.
///
/// # Examples
/// ```
/// use levada::observe::{Op, Side};
///
/// assert_eq!(Op::Send.ended_by(), Side::Receiver);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The sending end.
    Sender,
    /// The receiving end.
    Receiver,
}

impl Op {
    /// The end whose handles can end the wait.
    ///
    /// # Examples
    /// ```
    /// use levada::observe::{Op, Side};
    ///
    /// assert_eq!(Op::Recv.ended_by(), Side::Sender);
    /// ```
    pub fn ended_by(self) -> Side {
        match self {
            Self::Send | Self::Closed => Side::Receiver,
            Self::Recv | Self::Changed => Side::Sender,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mpsc => "mpsc",
            Self::Weighted => "mpsc weighted",
            Self::Rendezvous => "mpsc rendezvous",
            Self::Mpmc => "mpmc",
            Self::Oneshot => "oneshot",
            Self::Broadcast => "broadcast",
            Self::Lossless => "broadcast lossless",
            Self::Watch => "watch",
        })
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Send => "send",
            Self::Recv => "recv",
            Self::Changed => "changed",
            Self::Closed => "closed",
        })
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sender => "sender",
            Self::Receiver => "receiver",
        })
    }
}
