//! A channel made with options.
#![forbid(unsafe_code)]

use core::fmt;
use std::borrow::Cow;

use super::{Receiver, Sender, channel_at};
use crate::observe::Name;
use crate::storage::latest::Version;

/// Makes a watch channel with options.
///
/// # Examples
/// ```
/// let (tx, rx) = levada::watch::builder::<u32>(1).named("limit").build();
/// tx.send(2).unwrap();
/// assert_eq!(*rx.borrow(), 2);
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct Builder<T> {
    init: T,
    name: Name,
}

/// Begins to make a [`channel`](super::channel) with its first value, with options.
///
/// # Examples
/// ```
/// let (_tx, _rx) = levada::watch::builder::<u32>(1).build();
/// ```
pub fn builder<T>(init: T) -> Builder<T> {
    Builder { init, name: Name::none() }
}

impl<T> Builder<T> {
    /// Gives the channel a name, by which the feature `observe` shows it; without the feature the
    /// name is dropped.
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::watch::builder::<u32>(1).named("limit").build();
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Name::new(name);
        self
    }

    /// Creates the channel.
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::watch::builder::<u32>(1).build();
    /// ```
    #[track_caller]
    pub fn build(self) -> (Sender<T>, Receiver<T>) {
        channel_at(self.init, Version::INITIAL, self.name)
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}
