//! What runs, by name, and whether more may begin.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use levada::watch;

/// What runs now. Whether new work may begin is decided, and the work counted, under one lock: so a
/// drain that has begun sees all that began before, and nothing begins after it.
#[derive(Debug)]
pub(super) struct Running {
    /// Each guard is a receiver.
    pub(super) alive: watch::Sender<()>,
    work: Mutex<Work>,
}

#[derive(Debug, Default)]
struct Work {
    names: BTreeMap<Cow<'static, str>, usize>,
    /// No new work begins. Set before the phase becomes [`Phase::Draining`](super::Phase).
    is_closed: bool,
}

impl Running {
    pub(super) fn new() -> Self {
        let (alive, _) = watch::builder(()).named("running work").build();
        Self { alive, work: Mutex::default() }
    }

    /// Counts work until the receiver is dropped and the name [struck out](Self::strike_out).
    pub(super) fn begin(&self, name: Cow<'static, str>) -> watch::Receiver<()> {
        self.count(&mut self.work(), name)
    }

    /// As [`begin`](Self::begin), unless it is [closed](Self::close).
    pub(super) fn try_begin(&self, name: Cow<'static, str>) -> Option<watch::Receiver<()>> {
        let mut work = self.work();
        (!work.is_closed).then(|| self.count(&mut work, name))
    }

    fn count(&self, work: &mut Work, name: Cow<'static, str>) -> watch::Receiver<()> {
        *work.names.entry(name).or_default() += 1;
        self.alive.subscribe()
    }

    /// To be called before the receiver is dropped: then no name is left when none is running.
    pub(super) fn strike_out(&self, name: &str) {
        let names = &mut self.work().names;
        if let Some(count) = names.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                names.remove(name);
            }
        }
    }

    pub(super) fn close(&self) {
        self.work().is_closed = true;
    }

    pub(super) fn still_running(&self) -> StillRunning {
        let names = &self.work().names;
        StillRunning { names: names.iter().map(|(name, count)| (name.clone(), *count)).collect() }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// New work was refused: the shutdown drains or aborts.
///
/// # Examples
/// ```
/// use levada_work::shutdown::{Shutdown, ShuttingDown};
///
/// let shutdown = Shutdown::new();
/// let signal = shutdown.signal();
/// shutdown.advance();
/// assert_eq!(signal.try_track("connection").err(), Some(ShuttingDown));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShuttingDown;

impl fmt::Display for ShuttingDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shutdown has begun: no new work is taken")
    }
}

impl Error for ShuttingDown {}

/// The work that runs, or that still ran when the limit of a drain had passed.
///
/// # Examples
/// ```
/// use levada_work::shutdown::Shutdown;
///
/// let shutdown = Shutdown::new();
/// let guard = shutdown.signal().track("writer");
/// let still = shutdown.still_running();
/// assert_eq!(still.names().collect::<Vec<_>>(), [("writer", 1)]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillRunning {
    names: Vec<(Cow<'static, str>, usize)>,
}

impl StillRunning {
    /// The number of guards.
    ///
    /// # Examples
    /// ```
    /// let shutdown = levada_work::shutdown::Shutdown::new();
    /// assert_eq!(shutdown.still_running().count(), 0);
    /// ```
    #[must_use]
    pub fn count(&self) -> usize {
        self.names.iter().map(|(_, count)| count).sum()
    }

    /// Whether there is no guard.
    ///
    /// # Examples
    /// ```
    /// let shutdown = levada_work::shutdown::Shutdown::new();
    /// assert!(shutdown.still_running().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names, in alphabetical order, each with its number of guards.
    ///
    /// # Examples
    /// ```
    /// let shutdown = levada_work::shutdown::Shutdown::new();
    /// for (name, count) in shutdown.still_running().names() {
    ///     eprintln!("{name}: {count}");
    /// }
    /// ```
    pub fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names.iter().map(|(name, count)| (&**name, *count))
    }
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} still running", self.count())?;
        for (position, (name, count)) in self.names().enumerate() {
            write!(f, "{}{count} {name}", if position == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}

impl Error for StillRunning {}
