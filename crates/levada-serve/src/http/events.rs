//! What happens, as server-sent events (the HTML standard's `text/event-stream`).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{self, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use levada::broadcast;
use levada::broadcast::error::RecvError;
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::App;
use super::jobs::find;
use super::path::Path;
use super::problem::Problem;
use super::queues::overview;
use super::state::JobState;
use crate::jobs::feed::{Event, Lost, Reader};
use crate::jobs::live::Written;
use crate::jobs::record::{JobId, Record};
use crate::jobs::service::Job;
use crate::server::Connection;

/// How often a comment shows a silent stream to be alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(2);
/// How often the state of the queues is told, at most.
const OVERVIEW: Duration = Duration::from_secs(1);
/// The longest text of one `output` event, in bytes.
const LONGEST_TEXT: usize = 8 * 1024;

type Events = Sse<KeepAliveStream>;
type KeepAliveStream = axum::response::sse::KeepAliveStream<
    std::pin::Pin<Box<dyn Stream<Item = Result<sse::Event, Infallible>> + Send>>,
>;

pub(crate) async fn of_all(
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Events {
    connection.set_endless();
    let mut reading = Reading::begin(app, &headers, None);
    let overview = reading.overview();
    reading.ready.push_front(overview.retry(RECONNECT));
    reading.stream()
}

pub(crate) async fn of_job(
    State(app): State<Arc<App>>,
    Path(id): Path,
    headers: HeaderMap,
) -> Result<Events, Problem> {
    let job = find(&app, &id).await?;
    let Record { id, queue, .. } = job.view().record;
    // First listen, then look: what happens in between is told twice rather than not at all.
    let mut reading = Reading::begin(Arc::clone(&app), &headers, Some(id));
    reading.queue = queue;
    if let Job::Live(live) = &job {
        reading.output = Some(live.output());
    }
    let job = find(&app, &id.to_string()).await?;
    reading.over = job.view().is_final();
    reading.ready.push_front(named("state", &JobState::of(&job)).retry(RECONNECT));
    Ok(reading.stream())
}

/// One reader's place in what happens.
struct Reading {
    app: Arc<App>,
    /// Only what happens to this job, and what it writes.
    job: Option<JobId>,
    /// The queue of that job.
    queue: String,
    ready: VecDeque<sse::Event>,
    events: broadcast::Receiver<Event>,
    output: Option<broadcast::Receiver<Written>>,
    ticks: Interval,
    last_overview: String,
    /// Nothing follows what is ready.
    over: bool,
    /// The service shuts down, and the job still runs.
    draining: bool,
}

impl Reading {
    fn begin(app: Arc<App>, headers: &HeaderMap, job: Option<JobId>) -> Self {
        let last_id = headers.get("last-event-id").and_then(|value| value.to_str().ok());
        let Reader { missed, lost, events } = app.jobs.feed.subscribe(last_id);
        let mut ready: VecDeque<_> = lost.map(lagged).into_iter().collect();
        let missed = missed.iter().filter(|event| job.is_none() || event.job == job);
        ready.extend(missed.map(|event| render(&app, event)));
        let mut ticks = interval(OVERVIEW);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (queue, last_overview) = (String::new(), String::new());
        Self {
            app,
            job,
            queue,
            ready,
            events,
            output: None,
            ticks,
            last_overview,
            over: false,
            draining: false,
        }
    }

    fn stream(self) -> Events {
        let events = unfold(self, async |mut reading| Some((Ok(reading.next().await?), reading)));
        let events: std::pin::Pin<Box<dyn Stream<Item = _> + Send>> = Box::pin(events);
        Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("ka"))
    }

    /// The next event, or `None` when there are no more.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            if self.draining && !self.goes_on().await {
                // What has happened by now is still told.
                let event = self.events.try_recv().ok()?;
                self.happened(&event);
                continue;
            }
            let watch_all = self.job.is_none();
            tokio::select! {
                biased;
                () = self.app.jobs.shutdown.draining(), if !self.draining => self.draining = true,
                written = written(&mut self.output) => match written {
                    Ok(written) => self.say(&written),
                    Err(RecvError::Lagged(missed)) => self.ready.push_back(lagged(Some(missed))),
                    Err(RecvError::Closed) => self.output = None,
                },
                event = self.events.recv() => match event {
                    Ok(event) => self.happened(&event),
                    Err(RecvError::Lagged(missed)) => self.missed(missed).await,
                    Err(RecvError::Closed) => return None,
                },
                _ = self.ticks.tick(), if watch_all => {
                    let overview = self.overview_text();
                    if overview != self.last_overview {
                        let event = self.overview();
                        self.ready.push_back(event);
                    }
                }
            }
        }
    }

    /// Whether something follows although the service shuts down: the job is one that still ends.
    async fn goes_on(&self) -> bool {
        let Some(id) = self.job else { return false };
        match find(&self.app, &id.to_string()).await {
            Ok(job) => self.app.jobs.runs_while_draining(job.view().record.state),
            Err(_) => false,
        }
    }

    fn happened(&mut self, event: &Event) {
        if self.job.is_none() || event.job == self.job {
            self.ready.push_back(render(&self.app, event));
            self.over = self.job.is_some() && event.name == "finished";
        }
    }

    /// This reader was too slow. That of a job is told how the job is now.
    async fn missed(&mut self, missed: u64) {
        self.ready.push_back(lagged(Some(missed)));
        let Some(id) = self.job else { return };
        if let Ok(job) = find(&self.app, &id.to_string()).await {
            self.ready.push_back(named("state", &JobState::of(&job)));
            self.over = job.view().is_final();
        }
    }

    fn say(&mut self, written: &Written) {
        for part in written.bytes.chunks(LONGEST_TEXT) {
            let text = String::from_utf8_lossy(part);
            let (job, queue, stream) = (self.job, &self.queue, written.stream);
            let data = json!({ "job": job, "queue": queue, "stream": stream, "text": text });
            self.ready.push_back(named("output", &data));
        }
    }

    fn overview(&mut self) -> sse::Event {
        self.last_overview = self.overview_text();
        named("queues", &overview(&self.app))
    }

    /// What an overview says, apart from what changes by itself.
    fn overview_text(&self) -> String {
        let mut overview = serde_json::to_value(overview(&self.app)).unwrap_or_default();
        overview["uptime_seconds"] = json!(0);
        overview.to_string()
    }
}

/// What a command wrote; never, if nobody asks for that.
async fn written(output: &mut Option<broadcast::Receiver<Written>>) -> Result<Written, RecvError> {
    match output {
        Some(output) => output.recv().await,
        None => std::future::pending().await,
    }
}

fn render(app: &App, event: &Event) -> sse::Event {
    sse::Event::default().id(app.jobs.feed.id(event)).event(event.name).data(&event.data)
}

/// An event without an id: the events after it go on counting.
fn named(name: &'static str, data: &impl serde::Serialize) -> sse::Event {
    let data = serde_json::to_string(data).expect("strings and numbers are valid JSON");
    sse::Event::default().event(name).data(data)
}

/// Says how many events this reader missed.
fn lagged(missed: Lost) -> sse::Event {
    named("lagged", &json!({ "missed": missed }))
}
