//! The signals that ask the program to stop: the first one drains, the second one aborts.

use levada_work::shutdown::{Phase, Shutdown};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// From its creation on these signals no longer end the process, nor does SIGXFSZ.
#[derive(Debug)]
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(crate) fn new() -> std::io::Result<Self> {
        // Writing a file beyond the size that this process may make is an error then, as on a full disk, and not the end.
        // The handler stays although nobody listens; commands start without it.
        drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Advances the shutdown with every signal, until it aborts. The program's exit code then.
    ///
    /// # Cancel safety
    /// No signal is lost when the future is dropped.
    pub(crate) async fn advance(&mut self, shutdown: &Shutdown) -> u8 {
        loop {
            // The shell's convention for "ended by signal n" is exit code 128 + n.
            let (name, code) = tokio::select! {
                _ = self.terminate.recv() => ("SIGTERM", 128 + 15),
                _ = self.interrupt.recv() => ("SIGINT", 128 + 2),
            };
            if shutdown.advance() == Phase::Aborting {
                warn!(signal = name, "aborting: running commands are killed");
                return code;
            }
            info!(signal = name, "draining: what runs is finished; a second signal aborts");
        }
    }
}
