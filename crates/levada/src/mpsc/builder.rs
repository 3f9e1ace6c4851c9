//! A channel made with options.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;

use super::{Receiver, Sender, UnboundedReceiver, UnboundedSender, sender, unbounded};
use crate::observe::Name;

/// Makes a bounded channel with options.
///
/// # Examples
/// ```
/// let (tx, mut rx) = levada::mpsc::builder::<u32>(8).named("jobs").build();
/// tx.try_send(1).unwrap();
/// assert_eq!(rx.try_recv(), Ok(1));
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct Builder<T> {
    capacity: usize,
    name: Name,
    _message: PhantomData<fn(T)>,
}

/// Begins to make a [`channel`](super::channel) for this many messages, with options.
///
/// # Examples
/// ```
/// let (_tx, _rx) = levada::mpsc::builder::<u32>(8).build();
/// ```
pub fn builder<T>(capacity: usize) -> Builder<T> {
    Builder { capacity, name: Name::none(), _message: PhantomData }
}

/// Makes an unbounded channel with options.
///
/// # Examples
/// ```
/// let (tx, mut rx) = levada::mpsc::unbounded_builder().named("events").build();
/// tx.send(1).unwrap();
/// assert_eq!(rx.try_recv(), Ok(1));
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct UnboundedBuilder<T> {
    name: Name,
    _message: PhantomData<fn(T)>,
}

/// Begins to make an [`unbounded_channel`](super::unbounded_channel) with options.
///
/// # Examples
/// ```
/// let (_tx, _rx) = levada::mpsc::unbounded_builder::<u32>().build();
/// ```
pub fn unbounded_builder<T>() -> UnboundedBuilder<T> {
    UnboundedBuilder { name: Name::none(), _message: PhantomData }
}

impl<T> UnboundedBuilder<T> {
    /// Gives the channel a name, by which the feature `observe` shows it; without the feature the
    /// name is dropped.
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::mpsc::unbounded_builder::<u32>().named("events").build();
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Name::new(name);
        self
    }

    /// Creates the channel.
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::mpsc::unbounded_builder::<u32>().build();
    /// ```
    #[track_caller]
    pub fn build(self) -> (UnboundedSender<T>, UnboundedReceiver<T>) {
        unbounded::open(self.name)
    }
}

impl<T> fmt::Debug for UnboundedBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedBuilder").finish_non_exhaustive()
    }
}

impl<T> Builder<T> {
    /// Gives the channel a name, by which the feature `observe` shows it; without the feature the
    /// name is dropped.
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::mpsc::builder::<u32>(8).named("jobs").build();
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Name::new(name);
        self
    }

    /// Creates the channel.
    ///
    /// # Panics
    /// As [`channel`](super::channel).
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::mpsc::builder::<u32>(8).build();
    /// ```
    #[track_caller]
    pub fn build(self) -> (Sender<T>, Receiver<T>) {
        sender::open(self.capacity, self.name)
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
