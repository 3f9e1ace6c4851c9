#![forbid(unsafe_code)]

use core::fmt;
use core::iter::FusedIterator;
use core::mem::ManuallyDrop;

use super::Queue;
use super::sender::Sender;

/// Room for one message, reserved with [`Sender::reserve`]. Dropping it gives the room back.
///
/// # Examples
/// ```
/// let (tx, mut rx) = levada::mpsc::channel(1);
/// let permit = tx.try_reserve()?;
/// permit.send("never waits, never fails");
/// assert_eq!(rx.try_recv(), Ok("never waits, never fails"));
/// # Ok::<(), levada::mpsc::error::TrySendError<()>>(())
/// ```
pub struct Permit<'a, T> {
    queue: &'a Queue<T>,
}

impl<'a, T> Permit<'a, T> {
    /// Stands for a permit that was reserved in `queue`.
    pub(super) fn new(queue: &'a Queue<T>) -> Self {
        Self { queue }
    }

    /// Sends a message into the reserved room.
    ///
    /// This works even if the channel was closed after the permit was given: the message is still
    /// received. If the receiver is gone, the message is dropped at once.
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::channel(1);
    /// let permit = tx.try_reserve()?;
    /// rx.close();
    /// permit.send("promised");
    /// assert_eq!(rx.try_recv(), Ok("promised"));
    /// # Ok::<(), levada::mpsc::error::TrySendError<()>>(())
    /// ```
    pub fn send(self, value: T) {
        // Without a receiver the message comes back, and is dropped here.
        let _dropped = self.send_or_return(value);
    }

    /// As [`send`](Self::send), but without a receiver the message comes back.
    pub(super) fn send_or_return(self, value: T) -> Result<(), T> {
        ManuallyDrop::new(self).queue.send_reserved(value)
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.queue.release(1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("chan", &self.queue).finish()
    }
}

/// Room for several messages, reserved with [`Sender::reserve_many`]: an iterator of [`Permit`]s.
/// Dropping it gives back what it has not handed out.
///
/// # Examples
/// ```
/// let (tx, mut rx) = levada::mpsc::channel(3);
/// let mut permits = tx.try_reserve_many(3)?;
/// assert_eq!(permits.len(), 3);
/// if let Some(permit) = permits.next() {
///     permit.send("one");
/// }
/// drop(permits);
/// assert_eq!((rx.len(), tx.capacity()), (1, 2));
/// # Ok::<(), levada::mpsc::error::TrySendError<()>>(())
/// ```
pub struct PermitIterator<'a, T> {
    queue: &'a Queue<T>,
    left: usize,
}

impl<'a, T> PermitIterator<'a, T> {
    /// Stands for `left` permits that were reserved in `queue`.
    pub(super) fn new(queue: &'a Queue<T>, left: usize) -> Self {
        Self { queue, left }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit::new(self.queue))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.queue.release(self.left);
        }
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator")
            .field("chan", &self.queue)
            .field("capacity", &self.left)
            .finish()
    }
}

/// Room for one message, with the sender it was reserved by: see [`Sender::reserve_owned`].
/// Dropping it gives the room back and drops the sender.
///
/// # Examples
/// ```
/// let (tx, mut rx) = levada::mpsc::channel(1);
/// let Ok(permit) = tx.try_reserve_owned() else { panic!("a new channel has room") };
/// std::thread::spawn(move || permit.send("moved"));
/// assert_eq!(rx.blocking_recv(), Some("moved"));
/// ```
pub struct OwnedPermit<T> {
    /// Taken when the permit is used up.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    /// Stands for a permit that was reserved by `sender`.
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self { sender: Some(sender) }
    }

    /// Sends a message into the reserved room, and gives the sender back.
    ///
    /// As with [`Permit::send`], the message is dropped at once if the receiver is gone.
    ///
    /// # Examples
    /// ```
    /// let (tx, mut rx) = levada::mpsc::channel(1);
    /// let Ok(permit) = tx.try_reserve_owned() else { panic!("a new channel has room") };
    /// let tx = permit.send(1);
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// assert!(tx.try_send(2).is_ok());
    /// ```
    pub fn send(mut self, value: T) -> Sender<T> {
        let sender = self.take();
        // Without a receiver the message comes back, and is dropped here.
        let _dropped = sender.queue().send_reserved(value);
        sender
    }

    /// Gives the room back, and the sender.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::channel::<()>(1);
    /// let Ok(permit) = tx.try_reserve_owned() else { panic!("a new channel has room") };
    /// let tx = permit.release();
    /// assert_eq!(tx.capacity(), 1);
    /// ```
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.queue().release(1);
        sender
    }

    /// Whether both permits are for the same channel.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::channel::<()>(2);
    /// let one = tx.clone().try_reserve_owned();
    /// let two = tx.try_reserve_owned();
    /// assert!(one.is_ok_and(|one| two.is_ok_and(|two| one.same_channel(&two))));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        matches!((&self.sender, &other.sender), (Some(a), Some(b)) if a.same_channel(b))
    }

    /// Whether the permit is for the channel that `sender` sends to.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::channel::<()>(2);
    /// let permit = tx.clone().try_reserve_owned();
    /// assert!(permit.is_ok_and(|permit| permit.same_channel_as_sender(&tx)));
    /// ```
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.sender.as_ref().is_some_and(|own| own.same_channel(sender))
    }

    fn take(&mut self) -> Sender<T> {
        self.sender.take().expect("a permit is used up by value, once")
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.queue().release(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").field("chan", &self.sender).finish()
    }
}
