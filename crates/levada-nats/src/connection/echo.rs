//! A message to itself: whether a connection is alive, and what the server has read.

use super::Connection;
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

/// How long a request takes at most if the options do not say so. They always do.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why no echo came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoEcho {
    /// The connection is closed.
    Closed,
    /// Nothing came back for as long as a request may take.
    Silence,
}

impl Connection {
    /// How long a request may take.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.client().timeout().unwrap_or(PATIENCE)
    }

    /// Waits until the server has read everything that was handed over before. The client's
    /// `flush` waits only until it is written.
    pub(crate) async fn echo(&self) -> Result<(), NoEcho> {
        let client = self.client();
        let inbox = client.new_inbox();
        let echo = async {
            let mut echo = client.subscribe(inbox.clone()).await.ok()?;
            client.publish(inbox, Bytes::new()).await.ok()?;
            echo.next().await
        };
        match timeout(self.request_timeout(), echo).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(NoEcho::Closed),
            Err(_) => Err(NoEcho::Silence),
        }
    }

    /// Makes the connection anew if nothing comes back over it. One task at a time asks; another
    /// one does not wait for it.
    ///
    /// The client itself notices after two of its pings without an answer. This is for when an
    /// answer is overdue.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) async fn check(&self) {
        // ORDERING: Acquire pairs with the Release store in `drop`: checks follow each other.
        if self.shared.is_checked.swap(true, Ordering::Acquire) {
            return;
        }
        let checked = Checked(self.clone());
        // In a task of its own, as this future may not be polled again.
        let _ = tokio::spawn(checked.run()).await;
    }
}

/// A check that is under way.
struct Checked(Connection);

impl Checked {
    async fn run(self) {
        let connection = &self.0;
        let mut state = connection.state();
        if !state.borrow_and_update().is_connected() {
            return;
        }
        tokio::select! {
            echo = connection.echo() => if echo != Err(NoEcho::Silence) { return },
            // It was lost, and is made anew already.
            _ = state.changed() => return,
        }
        tracing::warn!("the NATS server does not answer: reconnecting");
        // An error means that the connection is closed.
        let _ = connection.client().force_reconnect().await;
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        // ORDERING: Release pairs with the Acquire swap in `check`.
        self.0.shared.is_checked.store(false, Ordering::Release);
    }
}
