//! Shutdown by watch: one phase, which everything that must end is waiting on.
//!
//! ```text
//! Running --first signal--> Draining --second signal--> Aborting
//! ```

use levada::watch;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// How far the shutdown has come. Phases only ever grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Jobs are accepted.
    Running,
    /// No job is accepted; those that were are finished and answered.
    Draining,
    /// Every running command is killed. Carries the program's exit code.
    Aborting(u8),
}

/// The phase, to be changed by signals and waited for by everyone.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown {
    phase: watch::Sender<Phase>,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self { phase: watch::Sender::new(Phase::Running) }
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    pub(crate) fn is_aborting(&self) -> bool {
        *self.phase.borrow() >= Phase::Aborting(0)
    }

    /// Waits until no more jobs are accepted.
    pub(crate) async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until everything is to be killed, and returns the program's exit code.
    pub(crate) async fn aborting(&self) -> u8 {
        match self.reached(Phase::Aborting(0)).await {
            Phase::Aborting(code) => code,
            phase => unreachable!("{phase:?} comes before Aborting"),
        }
    }

    async fn reached(&self, least: Phase) -> Phase {
        let mut phase = self.phase.subscribe();
        *phase.wait_for(|phase| *phase >= least).await.expect("self keeps the sender")
    }

    /// One more request to stop; `code` is the exit code in case it is the one that aborts.
    pub(crate) fn advance(&self, code: u8) {
        self.phase.send_modify(|phase| {
            *phase = match *phase {
                Phase::Running => Phase::Draining,
                Phase::Draining => Phase::Aborting(code),
                aborting @ Phase::Aborting(_) => aborting,
            }
        });
    }
}

/// The signals that ask the program to stop. From its creation on they no longer end the process.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Advances `shutdown` with every signal, until it is dropped.
    pub(crate) async fn advance(mut self, shutdown: Shutdown) {
        loop {
            // The shell's convention for "ended by signal n" is exit code 128 + n.
            let (name, code) = tokio::select! {
                _ = self.terminate.recv() => ("SIGTERM", 128 + 15),
                _ = self.interrupt.recv() => ("SIGINT", 128 + 2),
            };
            if shutdown.is_draining() {
                warn!(signal = name, "aborting: running commands are killed");
            } else {
                info!(signal = name, "draining: finishing accepted jobs; a second signal aborts");
            }
            shutdown.advance(code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_only_grow() {
        let shutdown = Shutdown::new();
        assert!(!shutdown.is_draining());
        shutdown.advance(143);
        shutdown.draining().await;
        assert!(shutdown.is_draining());
        shutdown.advance(130);
        shutdown.advance(143);
        assert_eq!(shutdown.aborting().await, 130, "the second signal decides");
        shutdown.draining().await;
    }
}
