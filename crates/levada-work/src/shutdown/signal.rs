//! The receiving side of a shutdown: a task waits for a phase, or counts as running.

use std::borrow::Cow;
use std::future::pending;
use std::ops::Deref;
use std::sync::Arc;

use levada::watch;

use super::Phase;
use super::running::{Running, ShuttingDown};

/// Observes the phase, and creates guards for work that runs. Cheap to clone.
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

/// Counts as running work: [`drain`](super::Shutdown::drain) and
/// [`abort`](super::Shutdown::abort) wait until the last guard is dropped. It dereferences to a
/// [`Signal`]. A clone counts as another guard.
///
/// # Examples
/// ```
/// use levada_work::shutdown::{Shutdown, ShuttingDown};
///
/// # fn main() -> Result<(), ShuttingDown> {
/// let shutdown = Shutdown::new();
/// let guard = shutdown.signal().try_track("writer")?;
/// assert_eq!(shutdown.still_running().to_string(), "1 still running: 1 writer");
/// drop(guard);
/// assert!(shutdown.still_running().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it counts as running until it is dropped"]
pub struct ShutdownGuard {
    signal: Signal,
    name: Cow<'static, str>,
    /// Dropped after [`Drop::drop`] has struck the name out, so that no name is left when none is
    /// running.
    _alive: watch::Receiver<()>,
}

impl Signal {
    pub(super) fn new(phase: watch::Receiver<Phase>, running: Arc<Running>) -> Self {
        Self { phase, running }
    }

    /// The current phase.
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

    /// Waits for [`Phase::Draining`] or a later phase: no new work is to be accepted.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing, and the method may be called again.
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

    /// Waits for [`Phase::Aborting`], which may never come: running work is to be given up.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing, and the method may be called again.
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
            // No `Shutdown` is left that could set it.
            pending::<()>().await;
        }
    }

    /// Registers work that a drain waits for, unless a drain has begun. The work counts as running
    /// until the guard is dropped.
    ///
    /// [`StillRunning`](super::StillRunning) lists the names, so use one name for each kind of
    /// work, not for each piece.
    ///
    /// # Errors
    /// [`ShuttingDown`] if the phase is not [`Phase::Running`], or is about to change.
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::Shutdown;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let shutdown = Shutdown::new();
    /// let signal = shutdown.signal();
    /// let guard = signal.try_track("worker")?;
    /// tokio::spawn(async move {
    ///     let _guard = guard; // Moved into the task, so that it drops with it, also in a panic.
    /// });
    /// shutdown.drain(Duration::from_secs(5)).await?;
    /// assert!(signal.try_track("worker").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_track(
        &self,
        name: impl Into<Cow<'static, str>>,
    ) -> Result<ShutdownGuard, ShuttingDown> {
        let name = name.into();
        let alive = self.running.try_begin(name.clone()).ok_or(ShuttingDown)?;
        Ok(ShutdownGuard { signal: self.clone(), name, _alive: alive })
    }

    /// As [`try_track`](Self::try_track), but also succeeds during and after a drain.
    ///
    /// Use it only in code that the program waits for before it [drains](super::Shutdown::drain),
    /// such as a worker of a [pool](crate::pool) that is drained first. Elsewhere the call may come
    /// when the drain is over, and then nothing waits for the work: use
    /// [`try_track`](Self::try_track), or the [guard](ShutdownGuard::track) of the work that starts
    /// it.
    ///
    /// # Examples
    /// ```
    /// use levada_work::pool::Pool;
    /// use levada_work::shutdown::Shutdown;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let shutdown = Shutdown::new();
    /// let signal = shutdown.signal();
    /// let (jobs, workers) = Pool::new(2).start(move |job: u32| {
    ///     let report = signal.track("report"); // The pool is drained first.
    ///     tokio::spawn(async move {
    ///         println!("job {job} is done");
    ///         drop(report);
    ///     });
    ///     async {}
    /// });
    /// jobs.send(1).await?;
    /// shutdown.advance();
    /// workers.drain(Duration::from_secs(5)).await?;
    /// shutdown.drain(Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn track(&self, name: impl Into<Cow<'static, str>>) -> ShutdownGuard {
        let name = name.into();
        let alive = self.running.begin(name.clone());
        ShutdownGuard { signal: self.clone(), name, _alive: alive }
    }
}

impl ShutdownGuard {
    /// Registers work that this work starts, under a name of its own. It is never refused: a drain
    /// waits for this guard, and then for the new one.
    ///
    /// # Examples
    /// ```
    /// use levada_work::shutdown::Shutdown;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let shutdown = Shutdown::new();
    /// let connection = shutdown.signal().try_track("connection")?;
    /// tokio::spawn(async move {
    ///     connection.draining().await;
    ///     let answer = connection.track("answer");
    ///     drop(connection);
    ///     tokio::spawn(async move { drop(answer) });
    /// });
    /// shutdown.drain(Duration::from_secs(5)).await?; // The answer is out, too.
    /// # Ok(())
    /// # }
    /// ```
    pub fn track(&self, name: impl Into<Cow<'static, str>>) -> Self {
        self.signal.track(name)
    }
}

impl Clone for ShutdownGuard {
    fn clone(&self) -> Self {
        self.track(self.name.clone())
    }
}

impl Deref for ShutdownGuard {
    type Target = Signal;

    fn deref(&self) -> &Signal {
        &self.signal
    }
}

impl Drop for ShutdownGuard {
    fn drop(&mut self) {
        self.signal.running.strike_out(&self.name);
    }
}
