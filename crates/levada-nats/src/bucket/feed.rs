//! What a bucket pushes, for as long as the connection lives.

use super::Bucket;
use super::push::{Pushed, parse};
use crate::State;
use async_nats::Subscriber;
use futures_util::{FutureExt, StreamExt};
use levada::watch;
use std::time::Duration;
use tokio::time::sleep;

/// The most pushes in one event.
const MANY: usize = 1024;

/// The pauses between attempts to subscribe.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Something that concerns a bucket.
#[derive(Debug)]
pub(crate) enum Event {
    /// The subscription is made. What was pushed before is missing.
    Subscribed,
    /// What was pushed, in its order.
    Pushed(Vec<Pushed>),
    /// The connection is another.
    Connection(State),
}

/// The pushes of a bucket.
pub(crate) struct Feed {
    bucket: Bucket,
    state: watch::Receiver<State>,
    pushes: Option<Subscriber>,
    pause: Duration,
}

impl Feed {
    pub(crate) fn new(bucket: Bucket) -> Self {
        let mut state = bucket.connection().state();
        // The first event says that it is connected.
        state.mark_changed();
        Self { bucket, state, pushes: None, pause: SHORTEST }
    }

    /// The next event. After [`State::Closed`] there is none.
    ///
    /// # Cancel safety
    /// A future that is dropped has taken no event.
    pub(crate) async fn next(&mut self) -> Event {
        let Some(pushes) = &mut self.pushes else { return self.subscribe().await };
        tokio::select! {
            biased;
            changed = self.state.changed() => match changed {
                Ok(()) => Event::Connection(*self.state.borrow_and_update()),
                Err(_) => Event::Connection(State::Closed),
            },
            message = pushes.next() => {
                let Some(message) = message else {
                    self.pushes = None;
                    return self.subscribe().await;
                };
                let (stream, prefix) = (self.bucket.stream_name(), &self.bucket.shared.prefix);
                let mut pushed: Vec<_> = parse(&message, stream, prefix).into_iter().collect();
                for _ in 1..MANY {
                    // What has already arrived is one event: only the newest of it counts.
                    let Some(Some(message)) = pushes.next().now_or_never() else { break };
                    pushed.extend(parse(&message, stream, prefix));
                }
                Event::Pushed(pushed)
            }
        }
    }

    async fn subscribe(&mut self) -> Event {
        loop {
            if self.state.borrow().is_closed() {
                return Event::Connection(State::Closed);
            }
            let client = self.bucket.connection().client();
            match client.subscribe(self.bucket.shared.pushes.clone()).await {
                Ok(pushes) => {
                    self.pushes = Some(pushes);
                    self.pause = SHORTEST;
                    return Event::Subscribed;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot subscribe to {}", self.bucket.shared.pushes);
                    let part = fastrand::f64().mul_add(0.5, 0.5);
                    sleep(self.pause.mul_f64(part)).await;
                    self.pause = (self.pause * 2).min(LONGEST);
                }
            }
        }
    }
}
