//! The phase of a shutdown, which any task can see and wait for, and a count of the work that still
//! runs.
//!
//! ```text
//! Running --> Draining --> Aborting      never back
//! ```
//!
//! [`Shutdown`] decides when to stop: the task that handles the process's signals has one, and
//! `main`. [`Signal`] is for all tasks that react. Work that must not be cut off holds a named
//! [`ShutdownGuard`]; [`drain`](Shutdown::drain) waits until the last guard is dropped, and if its
//! limit passes first, returns the names of the work that still runs.
//!
//! ```
//! use levada_work::shutdown::{Shutdown, Signal};
//! use std::time::Duration;
//!
//! /// Accepts connections until the drain begins; each of them is finished.
//! async fn accept(signal: Signal) {
//!     for connection in 1.. {
//!         tokio::select! {
//!             biased;
//!             () = signal.draining() => return,
//!             () = tokio::time::sleep(Duration::from_millis(10)) => {} // A connection comes in.
//!         }
//!         // A drain may have begun since `select!` took the connection, and may even be over.
//!         let Ok(guard) = signal.try_track("connection") else { return };
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
//! # Work that begins during a drain
//! Checking the phase and then calling [`track`](Signal::track) are two steps. A drain can fit in
//! between: it finds no guard, and completes before the work begins.
//! [`try_track`](Signal::try_track) is one step: either the drain waits for the guard, or no guard
//! is given out. Work that starts other work creates guards from [its
//! own](ShutdownGuard::track): they are never refused, since the drain waits for the first guard
//! anyway.
//!
//! # Made of
//! One `watch` holds the phase. A second one carries no values: each guard is one of its receivers,
//! and [`closed`](levada::watch::Sender::closed) completes when none is left.

mod running;
mod signal;

pub use self::running::{ShuttingDown, StillRunning};
pub use self::signal::{ShutdownGuard, Signal};

use std::sync::Arc;
use std::time::Duration;

use levada::watch;
use tokio::time::timeout;

use self::running::Running;

/// The phase of a shutdown. It never goes back.
///
/// # Examples
/// ```
/// use levada_work::shutdown::Phase;
///
/// assert!(Phase::Running < Phase::Draining && Phase::Draining < Phase::Aborting);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// New work is accepted.
    Running,
    /// No new work is accepted; accepted work is finished.
    Draining,
    /// Running work is given up.
    Aborting,
}

/// Sets the phase, and waits for the end of running work. All clones control the same shutdown.
///
/// When the last clone is dropped, the phase becomes [`Phase::Draining`], since nothing could set
/// it any more.
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

impl Shutdown {
    /// Creates a shutdown in [`Phase::Running`].
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::{Phase, Shutdown};
    ///
    /// assert_eq!(Shutdown::new().phase(), Phase::Running);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let running = Arc::new(Running::new());
        let (phase, _) = watch::builder(Phase::Running).named("shutdown").build();
        Self { shared: Arc::new(Control { phase, running }) }
    }

    /// Returns the receiving side, for tasks that react to the phase.
    ///
    /// # Examples
    /// ```
    /// let signal = levada_work::shutdown::Shutdown::new().signal();
    /// ```
    #[must_use]
    pub fn signal(&self) -> Signal {
        Signal::new(self.shared.phase.subscribe(), Arc::clone(&self.shared.running))
    }

    /// The current phase.
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

    /// Enters the next phase and returns it. For the task that handles the process's signals: the
    /// first signal drains, the second aborts.
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
        self.shared.running.close();
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

    /// Drains: sets [`Phase::Draining`], unless the phase is later already, and waits until no
    /// [`ShutdownGuard`] is left.
    ///
    /// From the first poll on, [`Signal::try_track`] refuses, and only a guard can create guards.
    /// So after `Ok`, no work that was tracked in these two ways runs or begins.
    ///
    /// When the limit passes, nothing is aborted: call [`abort`](Self::abort) for that, or this
    /// method again to continue waiting.
    ///
    /// # Errors
    /// [`StillRunning`] if guards are left after `limit`. `Duration::MAX` is no limit.
    ///
    /// # Panics
    /// Outside a tokio runtime, or in one without timers.
    ///
    /// # Cancel safety
    /// The phase is set at the first poll. Dropping the future changes nothing else.
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

    /// Aborts: sets [`Phase::Aborting`], and waits until no [`ShutdownGuard`] is left.
    ///
    /// No task is ended by force: tasks wait for [`Signal::aborting`] and end themselves.
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
                none if none.is_empty() => Ok(()),
                late => Err(late),
            },
        }
    }

    /// The work that runs now, by name.
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
        self.shared.running.still_running()
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
        self.running.close();
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
