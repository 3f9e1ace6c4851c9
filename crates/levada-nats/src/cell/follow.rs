//! The task of a cell: it folds what the server pushes and answers into the local value.
//!
//! It alone changes the local value, so that the order of revisions needs no lock. It waits for
//! nothing but all of its events at once, so that none of them holds up another.

use super::{CHECKED_EVERY, KEY, State};
use crate::Codec;
use crate::bucket::{Bucket, Entry, Event, Feed, Position, Pushed, ReadError};
use crate::codec::CodecError;
use async_nats::datetime::DateTime;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use levada::{mpsc, oneshot, watch};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What a message of the server was, of those that the cell took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Value,
    Unreadable,
    Deleted,
}

/// The newest message that the cell took.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    /// Its revision.
    pub(super) accepted: u64,
    /// The revision of the value that is shown: less than `accepted` if that one is no value.
    pub(super) shown: u64,
    /// The value that is shown, encoded.
    pub(super) bytes: Bytes,
    pub(super) content: Content,
}

/// What a call of the cell learned from the server.
pub(super) enum Told<T> {
    Wrote { revision: u64, bytes: Bytes, value: T, done: oneshot::Sender<()> },
    Read { entry: Entry, done: oneshot::Sender<()> },
}

pub(super) struct Follower<T> {
    pub(super) feed: Feed,
    pub(super) bucket: Bucket,
    pub(super) codec: Arc<dyn Codec<T>>,
    pub(super) value: watch::Sender<T>,
    pub(super) newest: watch::Sender<Newest>,
    pub(super) state: watch::Sender<State>,
    pub(super) told: mpsc::Receiver<Told<T>>,
    /// When the stream was created whose revisions these are.
    pub(super) created: DateTime,
}

type Answer = Result<Checked, ReadError>;

/// What a comparison with the server found.
enum Checked {
    /// Nothing newer.
    Same,
    Newer(Entry),
    /// The stream has no message. Its last one had this revision.
    Empty(u64),
    /// The stream is another one.
    Replaced(DateTime, Box<Checked>),
}

/// What the task knows about the server.
struct Server {
    connected: bool,
    closed: bool,
    /// Whether the server has answered, or pushed, since it was last in doubt.
    confirmed: bool,
    has_bucket: bool,
    failures: u32,
    /// The comparison that is under way.
    check: Option<BoxFuture<'static, Answer>>,
    /// When the next one is due.
    due: Instant,
}

impl<T: Send + Sync + 'static> Follower<T> {
    pub(super) async fn run(mut self) {
        let mut server = Server {
            connected: true,
            closed: false,
            confirmed: true,
            has_bucket: true,
            failures: 0,
            check: None,
            due: Instant::now(),
        };
        while !server.closed {
            tokio::select! {
                told = self.told.recv() => match told {
                    Some(told) => self.take_told(told, &mut server),
                    None => return,
                },
                event = self.feed.next() => self.take_event(event, &mut server),
                answer = answered(&mut server.check) => self.take_answer(answer, &mut server),
                () = sleep_until(server.due), if server.check.is_none() => {
                    let known = (self.created, self.newest.borrow().accepted);
                    server.check = Some(Box::pin(check(self.bucket.clone(), known)));
                }
            }
            self.show_state(&server);
        }
    }

    fn take_told(&mut self, told: Told<T>, server: &mut Server) {
        let done = match told {
            Told::Wrote { revision, bytes, value, done } => {
                if revision > self.newest.borrow().accepted {
                    self.show(revision, bytes, value);
                }
                done
            }
            Told::Read { entry, done } => {
                self.fold(entry.revision, entry.value);
                done
            }
        };
        server.is_there();
        // The call may have been cancelled.
        let _ = done.send(());
    }

    fn take_event(&mut self, event: Event, server: &mut Server) {
        match event {
            Event::Subscribed => server.check_now(),
            Event::Pushed(pushed) => {
                let newest = pushed.into_iter().filter(|pushed| pushed.key == KEY);
                let newest = newest.max_by_key(|pushed| pushed.revision);
                if let Some(Pushed { revision, value, .. }) = newest {
                    server.is_there();
                    self.fold(revision, value);
                }
            }
            Event::Connection(state) => {
                server.connected = state.is_connected();
                server.closed = state.is_closed();
                server.confirmed &= server.connected;
                if server.connected {
                    // What was pushed meanwhile is missing, and an answer to the check that is
                    // under way goes to the former connection.
                    server.check_now();
                }
            }
        }
    }

    fn take_answer(&mut self, answer: Answer, server: &mut Server) {
        server.check = None;
        match answer {
            Ok(checked) => {
                server.is_there();
                self.take_checked(checked);
                server.due = Instant::now() + part_of(CHECKED_EVERY);
            }
            Err(ReadError::NoBucket) => {
                server.has_bucket = false;
                server.confirmed = true;
                server.due = Instant::now() + part_of(CHECKED_EVERY);
            }
            Err(ReadError::NoAnswer(error)) => {
                tracing::debug!(%error, "no answer about {}", self.bucket.stream_name());
                server.confirmed = false;
                server.due = Instant::now() + part_of(pause(server.failures));
                server.failures = server.failures.saturating_add(1);
            }
        }
    }

    fn take_checked(&mut self, checked: Checked) {
        match checked {
            Checked::Same => {}
            Checked::Newer(entry) => self.fold(entry.revision, entry.value),
            Checked::Empty(last) => self.empty(last),
            Checked::Replaced(created, checked) => {
                tracing::warn!("{} was deleted and made again", self.bucket.stream_name());
                self.created = created;
                // The former revisions say nothing about the new ones.
                let newest = Newest { accepted: 0, ..self.newest.borrow().clone() };
                self.publish(newest);
                self.take_checked(*checked);
            }
        }
    }

    /// Takes what the server has, if it is newer.
    fn fold(&mut self, revision: u64, value: Option<Bytes>) {
        if revision <= self.newest.borrow().accepted {
            return;
        }
        let Some(bytes) = value else {
            tracing::warn!("the key of {} was deleted", self.bucket.stream_name());
            return self.keep(revision, Content::Deleted);
        };
        match decode(&*self.codec, &bytes) {
            Ok(value) => self.show(revision, bytes, value),
            Err(error) => {
                let stream = self.bucket.stream_name();
                tracing::error!(%error, revision, "{stream} holds bytes that are no value");
                self.keep(revision, Content::Unreadable);
            }
        }
    }

    /// Takes that the stream, whose last sequence was this one, has no message.
    fn empty(&self, last: u64) {
        let newest = self.newest.borrow().clone();
        // Otherwise the answer is older than what is known.
        let counts = last >= newest.accepted;
        if counts && newest.content != Content::Deleted {
            tracing::warn!("the key of {} was purged", self.bucket.stream_name());
            self.keep(last, Content::Deleted);
        }
    }

    fn show(&self, revision: u64, bytes: Bytes, value: T) {
        // The value first: a reader that takes the revision before the value never takes an older
        // value for that revision. An error means that the cell, which has a receiver, is gone.
        let sent = catch_unwind(AssertUnwindSafe(|| self.value.send(value)));
        if sent.is_err() {
            // The drop of the value before, or a waker. The new value is in place.
            tracing::error!(revision, "a panic while {} was shown", self.bucket.stream_name());
        }
        self.publish(Newest {
            accepted: revision,
            shown: revision,
            bytes,
            content: Content::Value,
        });
    }

    /// Keeps the value that is shown, although the newest message is another.
    fn keep(&self, revision: u64, content: Content) {
        let newest = self.newest.borrow().clone();
        self.publish(Newest { accepted: revision, content, ..newest });
    }

    fn publish(&self, newest: Newest) {
        // As for the value.
        let _ = self.newest.send(newest);
    }

    fn show_state(&self, server: &Server) {
        let state = if server.closed {
            State::Closed
        } else if !server.connected || !server.confirmed {
            State::Stale
        } else if !server.has_bucket {
            State::NoBucket
        } else {
            match self.newest.borrow().content {
                Content::Value => State::Current,
                Content::Unreadable => State::Unreadable,
                Content::Deleted => State::Deleted,
            }
        };
        if *self.state.borrow() != state {
            // As for the value.
            let _ = self.state.send(state);
        }
    }
}

impl Server {
    /// The bucket has just answered.
    fn is_there(&mut self) {
        self.has_bucket = true;
        self.confirmed = true;
        self.failures = 0;
    }

    fn check_now(&mut self) {
        self.check = None;
        self.due = Instant::now();
    }
}

/// Compares with the server. `known` is when the stream was created and the newest revision.
async fn check(bucket: Bucket, known: (DateTime, u64)) -> Answer {
    let (created, accepted) = known;
    let position = bucket.position().await?;
    if position.created == created {
        return compare(&bucket, position, accepted).await;
    }
    let checked = compare(&bucket, position, 0).await?;
    Ok(Checked::Replaced(position.created, Box::new(checked)))
}

async fn compare(bucket: &Bucket, position: Position, accepted: u64) -> Answer {
    // A stream that was purged has no key, and its last sequence stays.
    if position.keys == 0 {
        return Ok(Checked::Empty(position.last));
    }
    if position.last <= accepted {
        return Ok(Checked::Same);
    }
    let last = bucket.last(KEY).await?;
    Ok(last.map_or(Checked::Empty(position.last), Checked::Newer))
}

async fn answered(check: &mut Option<BoxFuture<'static, Answer>>) -> Answer {
    match check {
        Some(check) => check.await,
        None => pending().await,
    }
}

/// A panic of the codec does not end the task, and with it the cell.
fn decode<T: 'static>(codec: &dyn Codec<T>, bytes: &Bytes) -> Result<T, CodecError> {
    let decoded = catch_unwind(AssertUnwindSafe(|| codec.decode(bytes)));
    decoded.unwrap_or_else(|_| Err("the codec panicked".into()))
}

/// The pause after so many failures, in a row.
fn pause(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.min(8)).min(CHECKED_EVERY)
}

/// Half to all of it, so that many cells do not ask at the same time.
fn part_of(pause: Duration) -> Duration {
    pause.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
}
