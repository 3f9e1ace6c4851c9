//! A channel made with options.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;

use super::{Receiver, Sender};
use crate::observe::Name;

/// Makes a lossless broadcast channel with options.
///
/// # Examples
/// ```
/// use levada::broadcast::lossless;
///
/// let (tx, mut rx) = lossless::builder::<u32>(8).named("events").build();
/// tx.try_send(1).unwrap();
/// assert_eq!(rx.try_recv(), Ok(1));
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct Builder<T> {
    capacity: usize,
    name: Name,
    _message: PhantomData<fn(T)>,
}

/// Begins to make a [`lossless`](crate::broadcast::lossless()) channel with options.
///
/// # Examples
/// ```
/// use levada::broadcast::lossless;
///
/// let (_tx, _rx) = lossless::builder::<u32>(8).build();
/// ```
pub fn builder<T>(capacity: usize) -> Builder<T> {
    Builder { capacity, name: Name::none(), _message: PhantomData }
}

impl<T> Builder<T> {
    /// Gives the channel a name, by which the feature `observe` shows it; without the feature the
    /// name is dropped.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast::lossless;
    ///
    /// let (_tx, _rx) = lossless::builder::<u32>(8).named("events").build();
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Name::new(name);
        self
    }

    /// Creates the channel, with one member.
    ///
    /// # Panics
    /// As [`lossless`](crate::broadcast::lossless()).
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast::lossless;
    ///
    /// let (_tx, _rx) = lossless::builder::<u32>(8).build();
    /// ```
    #[track_caller]
    pub fn build(self) -> (Sender<T>, Receiver<T>) {
        let sender = Sender::open(self.capacity, self.name);
        let receiver = sender.subscribe();
        (sender, receiver)
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
