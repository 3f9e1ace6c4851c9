//! How a waiting sender hears of room.

use super::Shared;
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How often a waiting sender says that it waits. Receivers that have not heard it for twice this
/// time are silent.
const WANTED: Duration = Duration::from_secs(1);
/// The first and the longest time after which a waiting sender tries again by itself.
const SHORTEST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_millis(250);

/// What the first of the line listens with. Dropped, it unsubscribes.
pub(super) struct Ear {
    room: Subscriber,
    wanted: Option<Instant>,
}

impl Ear {
    /// Begins to listen. What a receiver says is heard from now on: the server reads this
    /// subscription before what is published next.
    pub(super) async fn open<T>(shared: &Shared<T>) -> Option<Self> {
        let client = shared.connection.client();
        // Without the messages, the sender tries again by itself.
        let room = client.subscribe(shared.subjects.room.clone()).await.ok()?;
        Some(Self { room, wanted: None })
    }

    /// Says that a sender waits, unless it was said a moment ago.
    pub(super) async fn want(&mut self, client: &Client, subject: &str) {
        if self.wanted.is_none_or(|at| at.elapsed() >= WANTED) {
            self.wanted = Some(Instant::now());
            // An error means that the connection is closed, which the next publish reports.
            let _ = client.publish(subject.to_owned(), Bytes::new()).await;
        }
    }

    /// Waits until there may be room, up to this time.
    async fn listen(&mut self, longest: Duration) {
        match timeout(longest, self.room.next()).await {
            // One answer to all that came meanwhile.
            Ok(Some(_)) => while let Some(Some(_)) = self.room.next().now_or_never() {},
            // The connection is closed, which the next publish reports.
            Ok(None) => tokio::time::sleep(longest).await,
            Err(_) => {}
        }
    }
}

/// The times between the tries of a sender that waits.
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(SHORTEST)
    }
}

impl Pause {
    /// At most [`LONGEST`]; a random part is taken off, so that senders do not try in step.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(fastrand::f64().mul_add(-0.25, 1.0));
        self.0 = (self.0 * 2).min(LONGEST);
        pause
    }
}

/// Waits until there may be room.
pub(super) async fn wait(ear: Option<&mut Ear>, pause: &mut Pause) {
    match ear {
        Some(ear) => ear.listen(pause.next()).await,
        None => tokio::time::sleep(pause.next()).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_below_250_ms() {
        let mut pause = Pause::default();
        for at_most in [25, 50, 100, 200, 250, 250, 250] {
            let (pause, at_most) = (pause.next(), Duration::from_millis(at_most));
            assert!(pause <= at_most && pause >= at_most * 3 / 4, "{pause:?}, {at_most:?}");
        }
    }
}
