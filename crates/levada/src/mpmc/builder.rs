//! A channel made with options.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;

use super::Overflow;
use super::{Receiver, Sender, UnboundedReceiver, UnboundedSender, sender, unbounded};
use crate::observe::Name;
use crate::queue::policy::{OnEvicted, Policy};

/// Makes a bounded channel with options.
///
/// # Examples
/// ```
/// let (tx, rx) = levada::mpmc::builder::<u32>(8).named("jobs").build();
/// tx.try_send(1).unwrap();
/// assert_eq!(rx.try_recv(), Ok(1));
/// ```
#[must_use = "a builder makes nothing until `build` is called"]
pub struct Builder<T> {
    capacity: usize,
    name: Name,
    overflow: Option<Overflow>,
    on_evicted: Option<OnEvicted<T>>,
}

/// Begins to make a [`channel`](super::channel) for this many messages, with options.
///
/// # Examples
/// ```
/// let (_tx, _rx) = levada::mpmc::builder::<u32>(8).build();
/// ```
pub fn builder<T>(capacity: usize) -> Builder<T> {
    Builder { capacity, name: Name::none(), overflow: None, on_evicted: None }
}

/// Makes an unbounded channel with options.
///
/// # Examples
/// ```
/// let (tx, rx) = levada::mpmc::unbounded_builder().named("events").build();
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
/// let (_tx, _rx) = levada::mpmc::unbounded_builder::<u32>().build();
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
    /// let (_tx, _rx) = levada::mpmc::unbounded_builder::<u32>().named("events").build();
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Name::new(name);
        self
    }

    /// Creates the channel.
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::mpmc::unbounded_builder::<u32>().build();
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
    /// let (_tx, _rx) = levada::mpmc::builder::<u32>(8).named("jobs").build();
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Name::new(name);
        self
    }

    /// Sets what happens to a message for which there is no room.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, Overflow};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (tx, rx) = mpmc::builder(1).overflow(Overflow::EvictOldest).build();
    /// assert!(tx.send("stale").await.is_ok());
    /// assert!(tx.send("fresh").await.is_ok(), "it does not wait");
    /// assert_eq!(rx.recv().await, Some("fresh"));
    /// # }
    /// ```
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = Some(overflow);
        self
    }

    /// Sets a function that gets each message that is evicted or discarded by a policy, and that no
    /// caller gets back: of all sends but `offer` and `force_send`. Without it they are dropped.
    ///
    /// It runs where the sender runs, once for each message, after the message that was sent is in
    /// the channel, and outside every lock: it may use the channel, and its panic is the sender's.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::{self, Overflow};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::sync::Arc;
    ///
    /// let lost = Arc::new(AtomicU32::new(0));
    /// let sum = Arc::clone(&lost);
    /// let (tx, _rx) = mpmc::builder(1)
    ///     .overflow(Overflow::DiscardIncoming)
    ///     .on_evicted(move |amount| {
    ///         sum.fetch_add(amount, Ordering::Relaxed);
    ///     })
    ///     .build();
    /// assert!(tx.try_send(10).is_ok());
    /// assert!(tx.try_send(20).is_ok());
    /// assert_eq!(lost.load(Ordering::Relaxed), 20);
    /// ```
    pub fn on_evicted(mut self, on_evicted: impl Fn(T) + Send + Sync + 'static) -> Self {
        self.on_evicted = Some(Box::new(on_evicted));
        self
    }

    /// Creates the channel.
    ///
    /// # Panics
    /// As [`channel`](super::channel).
    ///
    /// # Examples
    /// ```
    /// let (_tx, _rx) = levada::mpmc::builder::<u32>(8).build();
    /// ```
    #[track_caller]
    pub fn build(self) -> (Sender<T>, Receiver<T>) {
        let (tx, rx) = sender::open(self.capacity, self.name);
        if self.overflow.is_some() || self.on_evicted.is_some() {
            let overflow = self.overflow.unwrap_or_default();
            tx.queue().start_with_policy(Policy::new(overflow, self.on_evicted));
        }
        (tx, rx)
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
