//! A channel made with options.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;

use super::protocol::Oversize;
use super::receiving;
use super::{Receiver, Sender};
use crate::observe::Name;

/// Makes a weighted channel with options.
///
/// # Examples
/// ```
/// use levada::mpsc::weighted::{self, Oversize};
///
/// let (tx, mut rx) = weighted::builder(1 << 20, |body: &Vec<u8>| body.len())
///     .oversize(Oversize::Reject)
///     .named("uploads")
///     .build();
/// tx.try_send(vec![0; 1000]).unwrap();
/// assert_eq!((rx.weight(), rx.try_recv().unwrap().len()), (1000, 1000));
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct Builder<T, W> {
    max_weight: usize,
    weigh: W,
    oversize: Oversize,
    name: Name,
    _message: PhantomData<fn(T)>,
}

/// Begins to make a [`weighted`](crate::mpsc::weighted()) channel with options.
///
/// # Examples
/// ```
/// use levada::mpsc::weighted;
///
/// let (_tx, _rx) = weighted::builder(1024, |text: &String| text.len()).build();
/// ```
pub fn builder<T, W>(max_weight: usize, weigh: W) -> Builder<T, W>
where
    W: Fn(&T) -> usize + Send + Sync + 'static,
{
    let oversize = Oversize::default();
    Builder { max_weight, weigh, oversize, name: Name::none(), _message: PhantomData }
}

impl<T, W: Fn(&T) -> usize + Send + Sync + 'static> Builder<T, W> {
    /// What becomes of a message that is heavier than the maximum. Without this call it goes
    /// [`Alone`](Oversize::Alone).
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::weighted::{self, Oversize};
    ///
    /// let (tx, _rx) = weighted::builder(1024, |text: &String| text.len())
    ///     .oversize(Oversize::Reject)
    ///     .build();
    /// assert!(tx.try_send("x".repeat(1025)).is_err());
    /// ```
    pub fn oversize(mut self, oversize: Oversize) -> Self {
        self.oversize = oversize;
        self
    }

    /// Gives the channel a name, by which the feature `observe` shows it; without the feature the
    /// name is dropped.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::weighted;
    ///
    /// let (_tx, _rx) = weighted::builder(1024, |text: &String| text.len()).named("lines").build();
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Name::new(name);
        self
    }

    /// Creates the channel.
    ///
    /// # Panics
    /// As [`weighted`](crate::mpsc::weighted()).
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::weighted;
    ///
    /// let (_tx, _rx) = weighted::builder(1024, |text: &String| text.len()).build();
    /// ```
    #[track_caller]
    pub fn build(self) -> (Sender<T>, Receiver<T>) {
        assert!(self.max_weight > 0, "the maximum weight of a channel cannot be zero");
        let (tx, rx) = receiving::open(self.max_weight, self.weigh, self.oversize, self.name);
        (Sender::new(tx, rx.scale.clone()), Receiver::new(rx))
    }
}

impl<T, W> fmt::Debug for Builder<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max_weight", &self.max_weight)
            .field("oversize", &self.oversize)
            .finish_non_exhaustive()
    }
}
