//! A channel made with options.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;

use super::{Receiver, Sender, Serve};
use crate::mpmc;

/// Makes a channel of lanes with options.
///
/// # Examples
/// ```
/// use levada::mpmc::lanes::{self, Serve};
///
/// let serve = Serve::Weighted([8, 1]);
/// let (tx, rx) = lanes::builder([16, 64]).serve(serve).named("jobs").build();
/// tx.lane(1).try_send(1).unwrap();
/// assert_eq!(rx.try_recv(), Ok(1));
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct Builder<T, const N: usize> {
    capacities: [usize; N],
    serve: Serve<N>,
    name: Option<Cow<'static, str>>,
    _message: PhantomData<fn(T)>,
}

/// Begins to make a channel of [`lanes`](crate::mpmc::lanes()) with these capacities, with options.
///
/// # Examples
/// ```
/// let (_tx, _rx) = levada::mpmc::lanes::builder::<u32, 2>([16, 64]).build();
/// ```
pub fn builder<T, const N: usize>(capacities: [usize; N]) -> Builder<T, N> {
    Builder { capacities, serve: Serve::Strict, name: None, _message: PhantomData }
}

impl<T, const N: usize> Builder<T, N> {
    /// How the lanes are served. Without this call it is [`Serve::Strict`].
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::lanes::{self, Serve};
    ///
    /// let (_tx, _rx) = lanes::builder::<u32, 2>([16, 64]).serve(Serve::Weighted([8, 1])).build();
    /// ```
    pub fn serve(mut self, serve: Serve<N>) -> Self {
        self.serve = serve;
        self
    }

    /// Gives the channel a name, by which the feature `observe` shows its lanes, with their number
    /// behind it; without the feature the name is dropped.
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::mpmc::lanes::builder::<u32, 2>([16, 64]).named("jobs").build();
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Creates the channel.
    ///
    /// # Panics
    /// As [`lanes`](crate::mpmc::lanes()).
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::mpmc::lanes::builder::<u32, 2>([16, 64]).build();
    /// ```
    #[track_caller]
    pub fn build(self) -> (Sender<T, N>, Receiver<T, N>) {
        let mut senders = Vec::with_capacity(N);
        let mut receivers = Vec::with_capacity(N);
        for (lane, capacity) in self.capacities.into_iter().enumerate() {
            let mut builder = mpmc::builder(capacity);
            if cfg!(feature = "observe")
                && let Some(name) = &self.name
            {
                builder = builder.named(format!("{name}/{lane}"));
            }
            let (tx, rx) = builder.build();
            senders.push(tx);
            receivers.push(rx);
        }
        let senders = senders.try_into().expect("one for each lane");
        let receivers = receivers.try_into().expect("one for each lane");
        (Sender::new(senders), Receiver::new(receivers, self.serve))
    }
}

impl<T, const N: usize> fmt::Debug for Builder<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("capacities", &self.capacities)
            .field("serve", &self.serve)
            .finish_non_exhaustive()
    }
}
