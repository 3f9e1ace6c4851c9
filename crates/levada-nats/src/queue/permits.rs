//! How many do something at once.

use levada::mpsc;
use std::time::Duration;
use tokio::time::timeout;

/// Permits for something that only so many tasks do at once: those of a channel, through which no
/// message goes.
pub(super) struct Permits {
    permits: mpsc::Sender<()>,
    _open: mpsc::Receiver<()>,
}

impl Permits {
    pub(super) fn new(at_once: usize) -> Self {
        let (permits, _open) = mpsc::channel(at_once);
        Self { permits, _open }
    }

    /// Waits for a permit, up to this time: those that have one may not be polled.
    pub(super) async fn wait(&self, patience: Duration) -> Option<mpsc::Permit<'_, ()>> {
        // It would fail if the receiver were gone, which stands beside it.
        timeout(patience, self.permits.reserve()).await.ok()?.ok()
    }
}
