//! A channel made with options.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;

use super::protocol::Shared;
use super::{Receiver, Sender};
use crate::observe::Name;
use crate::prim::Arc;
use crate::refs::{Rx, Tx};

/// Makes a rendezvous channel with options.
///
/// # Examples
/// ```
/// use levada::mpsc::rendezvous;
///
/// let (_tx, _rx) = rendezvous::builder::<u32>().named("hand-over").build();
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct Builder<T> {
    name: Name,
    _message: PhantomData<fn(T)>,
}

/// Begins to make a [`rendezvous`](crate::mpsc::rendezvous()) channel with options.
///
/// # Examples
/// ```
/// let (_tx, _rx) = levada::mpsc::rendezvous::builder::<u32>().build();
/// ```
pub fn builder<T>() -> Builder<T> {
    Builder { name: Name::none(), _message: PhantomData }
}

impl<T> Builder<T> {
    /// Gives the channel a name, by which the feature `observe` shows it; without the feature the
    /// name is dropped.
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::mpsc::rendezvous::builder::<u32>().named("hand-over").build();
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Name::new(name);
        self
    }

    /// Creates the channel.
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::mpsc::rendezvous::builder::<u32>().build();
    /// ```
    #[cfg_attr(feature = "observe", track_caller)]
    pub fn build(self) -> (Sender<T>, Receiver<T>) {
        let shared = Arc::new(Shared::new(self.name));
        (Sender::new(Tx::new(&shared)), Receiver::new(Rx::new(shared)))
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}
