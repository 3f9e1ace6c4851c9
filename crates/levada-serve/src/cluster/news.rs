//! What reaches all processes: events, and requests to stop a job.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Stream};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use levada::{mpsc, oneshot};
use levada_nats::{Connection, Durability, OpenError};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use super::ends::{Ends, LAST};
use super::following::{Error, Following};
use super::held::HeldJobs;
use super::wire::Wire;
use crate::job::JobId;
use crate::jobs::events::{Event, JobEvent};
use crate::jobs::service::Jobs;
use crate::sync::lock;

/// How many events the cluster keeps for readers that come back.
const KEPT: i64 = 100_000;
/// How many of them a front end has at its start.
const AT_START: u64 = 1_024;
/// How many events wait to be published; more are dropped, and the log says so.
const OUTBOX: usize = 4_096;
const PAUSE: Duration = Duration::from_secs(1);
/// For how long the event of an end is published again while the servers do not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An event as the stream has it.
#[derive(Debug, Serialize, Deserialize)]
struct Published {
    name: String,
    job: Option<JobId>,
    data: Box<serde_json::value::RawValue>,
}

/// An event on its way to the stream, under an id if it may be published twice.
type Posted = (Option<String>, String);

/// Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct News {
    connection: Connection,
    stream: Stream,
    outbox: mpsc::Sender<Posted>,
    /// Taken by the task that publishes.
    posted: Arc<Mutex<Option<mpsc::Receiver<Posted>>>>,
    pub(super) ends: Ends,
}

/// The names of events, which readers know as constants.
const NAMES: [&str; 6] = ["accepted", "started", "progress", "retrying", "finished", "rejected"];

impl News {
    pub(super) async fn open(
        connection: &Connection,
        durability: Durability,
    ) -> Result<Self, OpenError> {
        let name = connection.namespace();
        let config = Config {
            name: format!("{name}_service_events"),
            subjects: vec![format!("{name}.events")],
            discard: DiscardPolicy::Old,
            max_messages: KEPT,
            num_replicas: if durability == Durability::Replicated { 3 } else { 1 },
            ..Config::default()
        };
        let stream = connection.open_stream(config).await?;
        let (outbox, posted) = mpsc::builder(OUTBOX).named("cluster events").build();
        let posted = Arc::new(Mutex::new(Some(posted)));
        let ends = Ends::default();
        Ok(Self { connection: connection.clone(), stream, outbox, posted, ends })
    }

    /// Names the numbering of the events: another one after the stream was made anew.
    pub(super) fn numbering(&self) -> String {
        format!("{:x}", self.stream.cached_info().created.unix_timestamp_nanos())
    }

    fn events(&self) -> String {
        format!("{}.events", self.connection.namespace())
    }

    fn stops(&self) -> String {
        format!("{}.stop", self.connection.namespace())
    }

    /// Has an event published. It does not wait: what is too much for the servers is dropped.
    pub(super) fn emit(&self, event: &JobEvent<'_>) {
        let data = serde_json::value::to_raw_value(event).expect("strings and numbers are JSON");
        let published = Published { name: event.name().to_owned(), job: event.job(), data };
        let text = serde_json::to_string(&published).expect("strings and numbers are JSON");
        // The process that recorded an end tells of it, and a front end does if that one died.
        let id = match event {
            JobEvent::Finished { job, revision, .. } => Some(format!("{job}-{revision}")),
            _ => None,
        };
        if self.outbox.try_send((id, text)).is_err() {
            debug!(event = event.name(), "an event is not published: too many wait");
        }
    }

    /// Publishes what is emitted, in its order, for ever.
    pub(super) async fn publish(self) {
        let Some(mut posted) = lock(&self.posted).take() else { return };
        let mut batch = Vec::new();
        while posted.recv_many(&mut batch, 256).await > 0 {
            let mut acks = Vec::new();
            for (id, text) in batch.drain(..) {
                acks.push(self.publish_one(id, text));
            }
            // In their order: each is sent when it is polled first.
            join_all(acks).await;
        }
    }

    async fn publish_one(&self, id: Option<String>, text: String) {
        let mut headers = HeaderMap::new();
        // The servers take an event with an id once, however often it is sent.
        let attempts_until = Instant::now() + if id.is_some() { PATIENCE } else { Duration::ZERO };
        if let Some(id) = id {
            headers.insert(NATS_MESSAGE_ID, id);
        }
        let (jetstream, text) = (self.connection.jetstream(), Bytes::from(text));
        loop {
            let sent = jetstream.publish_with_headers(self.events(), headers.clone(), text.clone());
            let stored = match sent.await {
                Ok(ack) => ack.await.map(drop),
                Err(error) => Err(error),
            };
            match stored {
                Ok(()) => return,
                Err(_) if Instant::now() < attempts_until => sleep(PAUSE).await,
                Err(error) => return warn!(%error, "an event may not be published"),
            }
        }
    }

    /// Waits until what was emitted is published, but not for long.
    pub(super) async fn flush(&self) {
        let empty = async {
            while self.outbox.capacity() < self.outbox.max_capacity() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = timeout(PAUSE, empty).await;
    }

    /// Passes the events of all processes on to the readers of this one, for ever. Says when those
    /// are passed on that were there at the start.
    pub(super) async fn read(
        self,
        jobs: Arc<Jobs>,
        held: Arc<HeldJobs>,
        wire: Arc<Wire>,
        caught_up: oneshot::Sender<()>,
    ) {
        let (mut next, mut caught_up) = (None, Some(caught_up));
        loop {
            let Err(error) = self.read_from(&jobs, &held, &wire, &mut next, &mut caught_up).await;
            warn!(%error, "cannot read the events of the cluster");
            sleep(PAUSE).await;
        }
    }

    async fn read_from(
        &self,
        jobs: &Jobs,
        held: &HeldJobs,
        wire: &Wire,
        next: &mut Option<u64>,
        caught_up: &mut Option<oneshot::Sender<()>>,
    ) -> Result<Infallible, Error> {
        let mut following = match *next {
            Some(start_sequence) => {
                let start = DeliverPolicy::ByStartSequence { start_sequence };
                Following::from(&self.stream, self.events(), start).await?
            }
            None => self.follow_the_last(wire).await?,
        };
        loop {
            if following.pending == 0
                && let Some(caught_up) = caught_up.take()
            {
                // An error means that the start was given up.
                let _ = caught_up.send(());
            }
            let (number, message) = following.next().await?;
            *next = Some(number + 1);
            let Ok(published) = serde_json::from_slice::<Published>(&message.payload) else {
                warn!(number, "an event of another version is not shown");
                continue;
            };
            let Some(name) = NAMES.into_iter().find(|name| *name == published.name) else {
                continue;
            };
            if let Some(id) = published.job.filter(|id| !held.has(*id))
                && name == "progress"
                && let Some(job) = jobs.registry.find_active(id)
                && let Ok(progress) = serde_json::from_str(published.data.get())
            {
                job.show_progress(progress);
            }
            if let (Some(job), "finished") = (published.job, name) {
                self.ends.finished(job);
            }
            let data = published.data.get().into();
            jobs.reporter.events.pass_on(Event { number, name, job: published.job, data });
        }
    }

    /// The last events: those with which the last ends are compared, and as many as a reader that
    /// comes back expects.
    async fn follow_the_last(&self, wire: &Wire) -> Result<Following, Error> {
        let last = wire.records().get_info().await?.state.last_timestamp;
        let start = DeliverPolicy::ByStartTime { start_time: last - LAST * 2 };
        let following = Following::from(&self.stream, self.events(), start).await?;
        if following.pending >= AT_START {
            return Ok(following);
        }
        let last = self.stream.get_info().await?.state.last_sequence;
        let start_sequence = last.saturating_sub(AT_START) + 1;
        let start = DeliverPolicy::ByStartSequence { start_sequence };
        Following::from(&self.stream, self.events(), start).await
    }

    /// Asks the worker that has a job to stop it.
    pub(super) fn ask_to_stop(&self, job: JobId) {
        let (client, subject) = (self.connection.client().clone(), self.stops());
        tokio::spawn(async move {
            let bytes = job.to_bytes().to_vec();
            if let Err(error) = client.publish(subject, bytes.into()).await {
                warn!(%job, %error, "cannot tell the workers to stop a job");
            }
        });
    }

    /// Stops jobs of this process when others ask for it, for ever.
    pub(super) async fn stop(self, jobs: Arc<Jobs>) {
        loop {
            match self.connection.client().subscribe(self.stops()).await {
                Ok(mut asked) => {
                    while let Some(message) = asked.next().await {
                        let Ok(bytes) = message.payload.as_ref().try_into() else { continue };
                        let id = JobId::from_bytes(bytes);
                        if let Some(job) = jobs.registry.find_active(id)
                            && job.stop_run()
                        {
                            info!(job = %id, "another process asks to stop the job");
                        }
                    }
                }
                Err(error) => warn!(%error, "cannot listen for cancellations"),
            }
            sleep(PAUSE).await;
        }
    }
}
