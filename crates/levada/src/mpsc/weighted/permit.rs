//! Room that is reserved for a message.
#![forbid(unsafe_code)]

use core::fmt;
use core::mem::ManuallyDrop;

use super::error::{SendError, TooHeavy};
use super::protocol::{Ends, Weighed};

/// Room for one message of at most a given weight: see
/// [`Sender::reserve_weight`](super::Sender::reserve_weight). Dropping it gives the room back.
///
/// # Examples
/// ```
/// let (tx, rx) = levada::mpsc::weighted(100, |body: &Vec<u8>| body.len());
/// let permit = tx.try_reserve_weight(60).unwrap();
/// assert_eq!((tx.weight(), rx.len()), (60, 0));
/// permit.send(vec![0; 20]).unwrap();
/// assert_eq!((tx.weight(), rx.len()), (20, 1), "what it did not need is free again");
/// ```
#[must_use = "room that is reserved is given back if the permit is not used"]
pub struct Permit<'a, T> {
    ends: Ends<'a, T>,
    weight: usize,
}

impl<'a, T> Permit<'a, T> {
    /// Stands for a weight that was taken, and a place that was reserved.
    pub(super) fn new(ends: Ends<'a, T>, weight: usize) -> Self {
        Self { ends, weight }
    }

    /// The most that the message may weigh.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(100, |body: &Vec<u8>| body.len());
    /// assert_eq!(tx.try_reserve_weight(60).unwrap().weight(), 60);
    /// ```
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Sends a message, which is weighed now: what the permit holds beyond its weight is given
    /// back. Also works after the receiver has closed the channel.
    ///
    /// # Errors
    /// The message is given back, and so is the room:
    /// - [`SendError::TooHeavy`] if it is heavier than the permit. The bound of the channel would
    ///   not hold otherwise.
    /// - [`SendError::Closed`] if the receiver is gone.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::weighted::error::SendError;
    ///
    /// let (tx, _rx) = levada::mpsc::weighted(100, |body: &Vec<u8>| body.len());
    /// assert!(tx.try_reserve_weight(10).unwrap().send(vec![0; 10]).is_ok());
    ///
    /// let heavy = tx.try_reserve_weight(10).unwrap().send(vec![0; 11]);
    /// assert!(matches!(heavy, Err(SendError::TooHeavy(heavy)) if heavy.weight == 11));
    /// assert_eq!(tx.weight(), 10);
    /// ```
    pub fn send(self, message: T) -> Result<(), SendError<T>> {
        let (ends, max) = (self.ends, self.weight);
        let weight = ends.scale.weigh(&message);
        if weight > max {
            return Err(SendError::TooHeavy(TooHeavy { message, weight, max }));
        }
        let _used_up = ManuallyDrop::new(self);
        ends.send_reserved(Weighed { message, weight }, max).map_err(SendError::Closed)
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.ends.release(self.weight);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("weight", &self.weight).finish_non_exhaustive()
    }
}
