//! The phase of the end, which everything can see and wait for, and a count of what still runs.
//!
//! ```text
//! Running --> Draining --> Aborting      never back
//! ```
//!
//! [`Shutdown`] is for the few that decide when to stop: the task that listens to the process's signals, and
//! `main`. [`Signal`] is for the many that have to know. Who must not be cut off holds a [`Guard`], under a
//! name; [`drain`](Shutdown::drain) waits until the last guard is gone, and if that takes too long says
//! who was late.
//!
//! ```
//! use levada_work::shutdown::{Shutdown, Signal};
//! use std::time::Duration;
//!
//! /// Takes connections until it is time to stop; each is finished.
//! async fn accept(signal: Signal) {
//!     for connection in 1.. {
//!         tokio::select! {
//!             biased;
//!             () = signal.draining() => return,
//!             () = tokio::time::sleep(Duration::from_millis(10)) => {} // A connection comes in.
//!         }
//!         let guard = signal.track("connection");
//!         tokio::spawn(async move {
//!             tokio::select! {
//!                 () = guard.aborting() => {} // No time left: give up.
//!                 () = tokio::time::sleep(Duration::from_millis(connection)) => {} // Serve it.
//!             }
//!         }); // The guard drops with the task.
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let shutdown = Shutdown::new();
//! let intake = tokio::spawn(accept(shutdown.signal()));
//! tokio::time::sleep(Duration::from_millis(500)).await; // A service waits for SIGTERM here.
//!
//! if let Err(late) = shutdown.drain(Duration::from_secs(30)).await {
//!     eprintln!("{late}"); // "3 still running: 2 connection, 1 writer"
//!     let _ = shutdown.abort(Duration::from_secs(1)).await;
//! }
//! # assert!(shutdown.still_running().is_empty());
//! # assert!(intake.await.is_ok());
//! # }
//! ```
//!
//! # Made of
//! One `watch` holds the phase. Another has no values at all: each guard is one of its receivers, and its
//! [`closed`](levada::watch::Sender::closed) is the moment when none is left.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::pending;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use levada::watch;
use tokio::time::timeout;

/// How far the end has come. Phases only grow.
///
/// # Examples
/// ```
/// use levada_work::shutdown::Phase;
///
/// assert!(Phase::Running < Phase::Draining && Phase::Draining < Phase::Aborting);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// New work is taken.
    Running,
    /// No new work is taken; what was accepted is finished.
    Draining,
    /// What runs is given up.
    Aborting,
}

/// Decides the phase, and waits for the end. Clones are equal.
///
/// When the last one drops, the phase becomes [`Phase::Draining`]: there is nobody left who could say so.
///
/// # Examples
/// ```
/// use levada_work::shutdown::{Phase, Shutdown};
///
/// let shutdown = Shutdown::new();
/// let signal = shutdown.signal();
/// assert_eq!(signal.phase(), Phase::Running);
/// drop(shutdown);
/// assert_eq!(signal.phase(), Phase::Draining);
/// ```
#[derive(Debug, Clone)]
pub struct Shutdown {
    shared: Arc<Control>,
}

#[derive(Debug)]
struct Control {
    phase: watch::Sender<Phase>,
    running: Arc<Running>,
}

/// Sees the phase, and can count as running. Cheap to clone.
///
/// # Examples
/// ```
/// use levada_work::shutdown::Shutdown;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let shutdown = Shutdown::new();
/// let signal = shutdown.signal();
/// let task = tokio::spawn(async move { signal.draining().await });
/// shutdown.advance();
/// assert!(task.await.is_ok());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Signal {
    phase: watch::Receiver<Phase>,
    running: Arc<Running>,
}

/// Something that runs and is waited for, until this drops. It is a [`Signal`] too. A clone counts as another.
///
/// # Examples
/// ```
/// use levada_work::shutdown::Shutdown;
///
/// let shutdown = Shutdown::new();
/// let guard = shutdown.signal().track("writer");
/// assert_eq!(shutdown.still_running().to_string(), "1 still running: 1 writer");
/// drop(guard);
/// assert!(shutdown.still_running().is_empty());
/// ```
#[derive(Debug)]
#[must_use = "it counts as running until it is dropped"]
pub struct Guard {
    signal: Signal,
    name: Cow<'static, str>,
    /// Dropped after [`Drop::drop`] has struck the name out, so that no name is left when none is running.
    _alive: watch::Receiver<()>,
}

/// What runs now.
#[derive(Debug)]
struct Running {
    /// Each guard is a receiver.
    alive: watch::Sender<()>,
    names: Mutex<BTreeMap<Cow<'static, str>, usize>>,
}

impl Shutdown {
    /// In [`Phase::Running`].
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::{Phase, Shutdown};
    ///
    /// assert_eq!(Shutdown::new().phase(), Phase::Running);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let running = Running { alive: watch::Sender::new(()), names: Mutex::default() };
        let phase = watch::Sender::new(Phase::Running);
        Self { shared: Arc::new(Control { phase, running: Arc::new(running) }) }
    }

    /// For those who have to know.
    ///
    /// # Examples
    /// ```
    /// let signal = levada_work::shutdown::Shutdown::new().signal();
    /// ```
    #[must_use]
    pub fn signal(&self) -> Signal {
        Signal { phase: self.shared.phase.subscribe(), running: Arc::clone(&self.shared.running) }
    }

    /// The phase now.
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::{Phase, Shutdown};
    ///
    /// assert_eq!(Shutdown::new().phase(), Phase::Running);
    /// ```
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.shared.phase.borrow()
    }

    /// The next phase, which is returned. For a task that listens to the process's signals: the first one drains,
    /// the second one aborts.
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::{Phase, Shutdown};
    ///
    /// let shutdown = Shutdown::new();
    /// assert_eq!(shutdown.advance(), Phase::Draining);
    /// assert_eq!(shutdown.advance(), Phase::Aborting);
    /// assert_eq!(shutdown.advance(), Phase::Aborting);
    /// ```
    pub fn advance(&self) -> Phase {
        let mut reached = Phase::Aborting;
        self.shared.phase.send_if_modified(|phase| {
            reached = match *phase {
                Phase::Running => Phase::Draining,
                Phase::Draining | Phase::Aborting => Phase::Aborting,
            };
            std::mem::replace(phase, reached) != reached
        });
        reached
    }

    /// Drains: sets [`Phase::Draining`] unless it is past, and waits until no [`Guard`] is left.
    ///
    /// It does not abort: [`abort`](Self::abort) does, and another call waits on. A guard may be made
    /// meanwhile; let work that begins other work keep its guard until that has its own.
    ///
    /// # Errors
    /// [`StillRunning`] if guards are left after `limit`. `Duration::MAX` is no limit.
    ///
    /// # Panics
    /// Outside a tokio runtime, or in one without timers.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing; once it was polled, the phase is set.
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::Shutdown;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let shutdown = Shutdown::new();
    /// let guard = shutdown.signal().track("worker");
    /// let late = shutdown.drain(Duration::from_secs(5)).await.unwrap_err();
    /// assert_eq!((late.count(), late.to_string()), (1, "1 still running: 1 worker".into()));
    ///
    /// drop(guard);
    /// assert!(shutdown.drain(Duration::from_secs(5)).await.is_ok());
    /// # }
    /// ```
    pub async fn drain(&self, limit: Duration) -> Result<(), StillRunning> {
        self.end(Phase::Draining, limit).await
    }

    /// Aborts: sets [`Phase::Aborting`], and waits until no [`Guard`] is left.
    ///
    /// Nothing is ended by force: those who wait for [`Signal::aborting`] end themselves.
    ///
    /// # Errors
    /// [`StillRunning`] if guards are left after `limit`. `Duration::MAX` is no limit.
    ///
    /// # Panics
    /// Outside a tokio runtime, or in one without timers.
    ///
    /// # Cancel safety
    /// As [`drain`](Self::drain).
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::Shutdown;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shutdown = Shutdown::new();
    /// let guard = shutdown.signal().track("worker");
    /// tokio::spawn(async move { guard.aborting().await });
    /// assert!(shutdown.abort(Duration::from_secs(5)).await.is_ok());
    /// # }
    /// ```
    pub async fn abort(&self, limit: Duration) -> Result<(), StillRunning> {
        self.end(Phase::Aborting, limit).await
    }

    async fn end(&self, least: Phase, limit: Duration) -> Result<(), StillRunning> {
        self.shared.reach(least);
        let all_gone = self.shared.running.alive.closed();
        match timeout(limit, all_gone).await {
            Ok(()) => Ok(()),
            Err(_elapsed) => match self.still_running() {
                // The last one went in this very moment.
                nobody if nobody.is_empty() => Ok(()),
                late => Err(late),
            },
        }
    }

    /// What runs now, by name.
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::Shutdown;
    ///
    /// let shutdown = Shutdown::new();
    /// let signal = shutdown.signal();
    /// let guards = [signal.track("connection"), signal.track("connection"), signal.track("writer")];
    /// assert_eq!(shutdown.still_running().to_string(), "3 still running: 2 connection, 1 writer");
    /// ```
    #[must_use]
    pub fn still_running(&self) -> StillRunning {
        let names = self.shared.running.names();
        StillRunning { names: names.iter().map(|(name, count)| (name.clone(), *count)).collect() }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Control {
    /// Sets the phase unless it is past.
    fn reach(&self, least: Phase) {
        self.phase.send_if_modified(|phase| {
            let grows = *phase < least;
            *phase = least.max(*phase);
            grows
        });
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.reach(Phase::Draining);
    }
}

impl Signal {
    /// The phase now.
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::{Phase, Shutdown};
    ///
    /// let shutdown = Shutdown::new();
    /// let signal = shutdown.signal();
    /// shutdown.advance();
    /// assert!(signal.phase() >= Phase::Draining);
    /// ```
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits until no new work is to be taken: for [`Phase::Draining`] or a later one.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing; call it again at will.
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::Shutdown;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shutdown = Shutdown::new();
    /// shutdown.advance();
    /// shutdown.signal().draining().await;
    /// # }
    /// ```
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until what runs is to be given up: for [`Phase::Aborting`]. It may never come.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing; call it again at will.
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::Shutdown;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shutdown = Shutdown::new();
    /// shutdown.advance();
    /// shutdown.advance();
    /// shutdown.signal().aborting().await;
    /// # }
    /// ```
    pub async fn aborting(&self) {
        self.reached(Phase::Aborting).await;
    }

    async fn reached(&self, least: Phase) {
        // A receiver of its own: one receiver has one waiting future.
        let mut phase = self.phase.clone();
        if phase.wait_for(|phase| *phase >= least).await.is_err() {
            // Nobody is left who could set it.
            pending::<()>().await;
        }
    }

    /// Counts as running until the guard drops. The names are what [`StillRunning`] lists: keep them few, a
    /// kind of work and not a single one.
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::Shutdown;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shutdown = Shutdown::new();
    /// let guard = shutdown.signal().track("worker");
    /// tokio::spawn(async move {
    ///     let _guard = guard; // Moved into the task, so that it drops with it, also in a panic.
    /// });
    /// assert!(shutdown.drain(std::time::Duration::from_secs(5)).await.is_ok());
    /// # }
    /// ```
    pub fn track(&self, name: impl Into<Cow<'static, str>>) -> Guard {
        let name = name.into();
        // First, so that there is never a name without a receiver that is waited for.
        let alive = self.running.alive.subscribe();
        *self.running.names().entry(name.clone()).or_default() += 1;
        Guard { signal: self.clone(), name, _alive: alive }
    }
}

impl Clone for Guard {
    fn clone(&self) -> Self {
        self.track(self.name.clone())
    }
}

impl Deref for Guard {
    type Target = Signal;

    fn deref(&self) -> &Signal {
        &self.signal
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut names = self.signal.running.names();
        if let Some(count) = names.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                names.remove(&self.name);
            }
        }
    }
}

impl Running {
    fn names(&self) -> MutexGuard<'_, BTreeMap<Cow<'static, str>, usize>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was not over when the time was.
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
    /// How many guards there are.
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

    /// Each name, in alphabetical order, and how many guards have it.
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
