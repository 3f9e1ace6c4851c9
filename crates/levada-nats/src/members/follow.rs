//! The task of [`Members`](super::Members): it folds pushes and lists into the roster.

use super::fold::Fold;
use super::roster::Roster;
use crate::bucket::{Bucket, Event, Feed, ReadError};
use futures_util::future::BoxFuture;
use levada::watch;
use std::collections::HashSet;
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The most time between two lists.
const LISTED_EVERY: Duration = Duration::from_secs(5);

/// The shortest pause before the next list.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

type Answer = Result<HashSet<String>, ReadError>;

pub(super) struct Follower {
    pub(super) feed: Feed,
    pub(super) bucket: Bucket,
    pub(super) fold: Fold,
    pub(super) roster: watch::Sender<Roster>,
}

/// What the task knows about the server.
struct Server {
    connected: bool,
    closed: bool,
    /// Whether the last list was answered.
    answers: bool,
    /// The list that is under way.
    list: Option<BoxFuture<'static, Answer>>,
    /// When the next one is due.
    due: Instant,
}

impl Follower {
    pub(super) async fn run(mut self) {
        let due = Instant::now();
        let mut server = Server { connected: true, closed: false, answers: true, list: None, due };
        while !server.closed {
            tokio::select! {
                event = self.feed.next() => self.take_event(event, &mut server),
                answer = answered(&mut server.list) => self.take_answer(answer, &mut server),
                () = sleep_until(server.due), if server.list.is_none() => {
                    server.list = Some(Box::pin(list(self.bucket.clone())));
                }
            }
            let roster = self.fold.roster(server.connected && server.answers);
            if *self.roster.borrow() != roster {
                // An error means that there is no receiver.
                let _ = self.roster.send(roster);
            }
        }
    }

    fn take_event(&mut self, event: Event, server: &mut Server) {
        let now = Instant::now();
        match event {
            Event::Subscribed => server.list_now(now),
            Event::Pushed(pushed) => {
                for pushed in pushed {
                    match pushed.value {
                        Some(text) => self.fold.renewed(&pushed.key, &text, pushed.ttl, now),
                        None => self.fold.removed(&pushed.key, now),
                    }
                }
                self.plan(server, now);
            }
            Event::Connection(state) => {
                server.closed = state.is_closed();
                if state.is_connected() && !server.connected {
                    self.fold.distrust(now);
                }
                server.connected = state.is_connected();
                if server.connected {
                    server.list_now(now);
                }
            }
        }
    }

    fn take_answer(&mut self, answer: Answer, server: &mut Server) {
        let now = Instant::now();
        server.list = None;
        match answer {
            Ok(keys) => {
                if !server.answers {
                    self.fold.distrust(now);
                }
                server.answers = true;
                self.fold.listed(&keys, now);
            }
            Err(error) => {
                tracing::debug!(?error, "no list of {}", self.bucket.stream_name());
                server.answers = false;
            }
        }
        server.due = now + LISTED_EVERY.mul_f64(fastrand::f64().mul_add(0.5, 0.5));
        self.plan(server, now);
    }

    /// Brings the next list forward if a member is to be looked up before.
    fn plan(&self, server: &mut Server, now: Instant) {
        if let Some(due) = self.fold.due() {
            server.due = server.due.min(due.max(now + SHORTEST_PAUSE));
        }
    }
}

impl Server {
    fn list_now(&mut self, now: Instant) {
        self.list = None;
        self.due = now;
    }
}

/// The keys of the bucket, which is made again if it was deleted.
async fn list(bucket: Bucket) -> Answer {
    match bucket.keys().await {
        Err(ReadError::NoBucket) => {
            let made = bucket.make().await;
            made.map_err(|error| ReadError::NoAnswer(Box::new(error)))?;
            bucket.keys().await
        }
        answer => answer,
    }
}

async fn answered(list: &mut Option<BoxFuture<'static, Answer>>) -> Answer {
    match list {
        Some(list) => list.await,
        None => pending().await,
    }
}
