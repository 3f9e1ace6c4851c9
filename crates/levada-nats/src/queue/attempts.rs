//! The attempts of one send: when the next one may begin, and when there is none.

use super::Shared;
use super::error::Cause;
use super::line::Place;
use super::listen::{self, Ear, Pause};
use super::publish::{Doubt, Outcome};
use crate::connection::State;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use levada::watch;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// An attempt that is under way at the deadline is awaited for this time, so that its end is known.
const GRACE: Duration = Duration::from_secs(1);

/// The latest deadline. Timers end before the end of `Instant`.
const LATEST: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The attempts of one send. They go on until its deadline.
pub(super) struct Attempts<'a, T> {
    shared: &'a Shared<T>,
    deadline: Instant,
    state: watch::Receiver<State>,
    pub(super) doubt: Doubt,
    /// Why the message is not in the queue, if it certainly is not.
    reason: Reason,
    /// There is one attempt, however short the time is.
    is_first_attempt: bool,
    place: Option<Place<'a>>,
    /// Between attempts while the queue is full, and after other answers.
    for_room: Pause,
    for_server: Pause,
    /// How often in a row the server said that there is no such stream.
    missing: u32,
}

#[derive(Clone, Copy)]
enum Reason {
    Full,
    Disconnected,
}

impl<'a, T> Attempts<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>, within: Duration) -> Self {
        Self {
            shared,
            deadline: Instant::now() + within.min(LATEST),
            state: shared.connection.state(),
            doubt: Doubt::default(),
            reason: Reason::Full,
            is_first_attempt: true,
            place: None,
            for_room: Pause::default(),
            for_server: Pause::default(),
            missing: 0,
        }
    }

    /// Waits until it is worth to try: the sender's turn, and a connection. The answer is to be
    /// awaited until the instant that this returns.
    pub(super) async fn ready(&mut self) -> Result<Instant, Cause> {
        let deadline = self.last_attempt();
        if !self.is_first_attempt && Instant::now() >= deadline {
            return Err(self.overdue());
        }
        if !self.is_unhindered() {
            // In a box, so that the future of a send that need not wait is small.
            let ready = timeout_at(deadline, Box::pin(self.is_ready())).await;
            ready.unwrap_or_else(|_| Err(self.overdue()))?;
        }
        self.is_first_attempt = false;
        Ok(self.deadline + GRACE)
    }

    fn is_unhindered(&self) -> bool {
        let in_line = self.place.is_some() || !self.shared.senders.line.is_empty();
        !in_line && self.state.borrow().is_connected()
    }

    async fn is_ready(&mut self) -> Result<(), Cause> {
        if self.place.is_none() && !self.shared.senders.line.is_empty() {
            self.enter();
        }
        let is_first = match &mut self.place {
            Some(place) => place.turn().await,
            None => false,
        };
        // Without a connection nothing is handed to the client, which would send it much later.
        if !self.state.borrow_and_update().is_connected() {
            self.reason = Reason::Disconnected;
        }
        let usable = |state: &State| state.is_connected() || state.is_closed();
        let state = self.state.wait_for(usable).await.map(|state| *state);
        if !state.is_ok_and(State::is_connected) {
            return Err(self.refused(Cause::Disconnected));
        }
        if is_first && let Some(place) = &mut self.place {
            if place.ear.is_none() {
                place.ear = Ear::open(self.shared).await;
            }
            if let Some(ear) = &mut place.ear {
                let client = self.shared.connection.client();
                ear.want(client, &self.shared.subjects.wanted).await;
            }
        }
        Ok(())
    }

    /// When the last attempt may begin: at the deadline, or before the server forgets the id of a
    /// message that it may have. It would store the message again.
    fn last_attempt(&self) -> Instant {
        let window = self.shared.duplicate_window / 4 * 3;
        let known = self.doubt.since.and_then(|since| since.checked_add(window));
        known.map_or(self.deadline, |known| known.min(self.deadline))
    }

    /// The message is in the queue.
    pub(super) fn accepted(&mut self) {
        if let Some(place) = self.place.take() {
            place.accepted();
        }
        self.reason = Reason::Full;
        self.for_room = Pause::default();
        self.for_server = Pause::default();
        self.missing = 0;
    }

    /// There was no room for so many.
    pub(super) fn were_too_many(&mut self) {
        self.reason = Reason::Full;
    }

    /// Waits as this outcome demands, or says why there is no other attempt.
    pub(super) async fn after<A>(&mut self, outcome: Outcome<A>) -> Result<(), Cause> {
        let waited = timeout_at(self.last_attempt(), Box::pin(self.wait_after(outcome))).await;
        waited.unwrap_or_else(|_| Err(self.overdue()))
    }

    async fn wait_after<A>(&mut self, outcome: Outcome<A>) -> Result<(), Cause> {
        match outcome {
            Outcome::Full => self.wait_for_room().await,
            Outcome::NoResponders => self.look_for_stream().await?,
            Outcome::Refused(reason) => return Err(self.refused(Cause::Refused(reason))),
            Outcome::NotNow => {
                self.reason = Reason::Disconnected;
                sleep(self.for_server.next()).await;
            }
            Outcome::Unknown => {
                self.reason = Reason::Disconnected;
                self.shared.connection.check().await;
                sleep(self.for_server.next()).await;
            }
            Outcome::Duplicate | Outcome::Interrupted | Outcome::Accepted(_) => {}
        }
        Ok(())
    }

    /// What is returned at the deadline.
    fn overdue(&self) -> Cause {
        self.refused(match self.reason {
            Reason::Full => Cause::Full,
            Reason::Disconnected => Cause::Disconnected,
        })
    }

    /// An earlier copy may be in the queue, although the last one was refused.
    fn refused(&self, cause: Cause) -> Cause {
        if self.doubt.since.is_some() { Cause::Unknown } else { cause }
    }

    fn enter(&mut self) {
        self.reason = Reason::Full;
        self.place = Some(self.shared.senders.line.enter());
    }

    async fn wait_for_room(&mut self) {
        self.missing = 0;
        self.reason = Reason::Full;
        match &mut self.place {
            None => self.enter(),
            Some(place) => {
                if place.refused() {
                    listen::wait(place.ear.as_mut(), &mut self.for_room).await;
                }
            }
        }
    }

    /// Nothing answers: tells a stream without a leader from one that was deleted.
    async fn look_for_stream(&mut self) -> Result<(), Cause> {
        self.reason = Reason::Disconnected;
        if is_gone(self.shared).await {
            self.missing += 1;
            // A leader of the cluster that was elected just now may not have read all streams.
            if self.missing == 2 {
                return Err(Cause::NoStream);
            }
        } else {
            self.missing = 0;
        }
        sleep(self.for_server.next()).await;
        Ok(())
    }
}

/// Whether the server says that there is no such stream.
pub(super) async fn is_gone<T>(shared: &Shared<T>) -> bool {
    match shared.connection.jetstream().get_stream(&shared.subjects.stream).await {
        Ok(_) => false,
        Err(error) => matches!(
            error.kind(),
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND
        ),
    }
}
