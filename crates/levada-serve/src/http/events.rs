//! What happens, as server-sent events (the HTML standard's `text/event-stream`).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{self, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use futures_util::stream::unfold;
use levada::broadcast::error::{RecvError, TryRecvError};
use levada::{broadcast, watch};
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::app::App;
use super::headers::LAST_EVENT_ID;
use super::lookup::find;
use super::outcome::given_up;
use super::path::Path;
use super::problem::Problem;
use super::queues::overview;
use super::state::JobJson;
use super::utf8::{Decoder, parts};
use crate::job::JobId;
use crate::jobs::active::{JobView, Written};
use crate::jobs::events::{Event, Lost, Reader};
use crate::jobs::pipes::Stream;
use crate::jobs::registry::Job;
use crate::server::Connection;

/// How often a comment shows a silent stream to be alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a browser waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(2);
/// The least time between two `overview` events with a changed state of the queues.
const OVERVIEW: Duration = Duration::from_secs(1);
/// The longest text of one `output` event, in bytes.
const LONGEST_TEXT: usize = 8 * 1024;

/// Keeps nginx, which is known by it, from holding events back until its buffer is full.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(crate) async fn of_all(
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Response {
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
) -> Result<Response, Problem> {
    let job = find(&app, &id).await?;
    let (id, queue) = (job.id(), job.view().record.queue.clone());
    // Subscribe first, then look: an event in between is sent twice rather than not at all.
    let mut reading = Reading::begin(Arc::clone(&app), &headers, Some(id));
    reading.queue = queue;
    if let Job::Active(active) = &job {
        reading.output = Some(active.output());
        app.jobs.lifecycle.watched(active);
        reading.view = Some(active.watch());
    }
    let job = find(&app, &id.to_string()).await?;
    if let Some(problem) = given_up(&app, &job) {
        return Err(problem);
    }
    reading.over = job.view().is_final();
    if reading.over && has_the_end(&app, &headers, job.id()) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    reading.ready.push_front(named("state", &JobJson::of(&job)).retry(RECONNECT));
    Ok(reading.stream())
}

/// Whether the last event that this client has is the end of the job. Without an answer of its own,
/// an `EventSource` comes back for ever.
fn has_the_end(app: &App, headers: &HeaderMap, job: JobId) -> bool {
    let Some(last) = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    // As one who has all but that event: it is the first that is missed.
    let before = last.rsplit_once('-').and_then(|(process, number)| {
        Some(format!("{process}-{}", number.parse::<u64>().ok()?.checked_sub(1)?))
    });
    let missed = app.jobs.reporter.events.subscribe(before.as_deref()).missed;
    let end = missed.iter().rfind(|event| event.job == Some(job));
    end.is_some_and(|end| end.name == "finished" && app.jobs.reporter.events.id(end) == last)
}

/// One reader's place in what happens.
struct Reading {
    app: Arc<App>,
    /// Only what happens to this job, and what it writes.
    job: Option<JobId>,
    /// The queue of that job.
    queue: String,
    ready: VecDeque<sse::Event>,
    /// Events to this number were read at another process.
    until: u64,
    events: broadcast::Receiver<Event>,
    output: Option<broadcast::Receiver<Written>>,
    view: Option<watch::Receiver<JobView>>,
    /// The texts of standard output and standard error.
    decoders: [Decoder; 2],
    /// An event that has come. It is sent after the output that the command wrote before it.
    came: Option<Result<Event, RecvError>>,
    ticks: Interval,
    last_overview: String,
    /// Nothing follows what is ready.
    over: bool,
    /// Nothing follows what has happened by now.
    last: bool,
    /// The service shuts down, and the job still runs.
    draining: bool,
}

impl Reading {
    fn begin(app: Arc<App>, headers: &HeaderMap, job: Option<JobId>) -> Self {
        let last_id = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
        let Reader { missed, lost, until, events } = app.jobs.reporter.events.subscribe(last_id);
        let lost = lost.map(|lost| lagged(lost.filter(|_| job.is_none())));
        let mut ready: VecDeque<_> = lost.into_iter().collect();
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
            until,
            events,
            output: None,
            view: None,
            decoders: Default::default(),
            came: None,
            ticks,
            last_overview,
            over: false,
            last: false,
            draining: false,
        }
    }

    fn stream(self) -> Response {
        let events = unfold(self, async |mut reading| {
            Some((Ok::<_, Infallible>(reading.next().await?), reading))
        });
        let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("ka"));
        // What is between must neither keep events nor hold them back to compress them.
        let active = [
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
            (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
        ];
        (active, events).into_response()
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
            self.last = self.last || (self.draining && !self.goes_on().await);
            if self.came.is_none() && !self.last {
                self.wait().await;
            } else if let Some(written) = self.output.as_mut().and_then(now) {
                self.wrote(written);
            } else {
                let came = self.came.take().or_else(|| now(&mut self.events));
                self.tell(came.unwrap_or(Err(RecvError::Closed))).await;
            }
        }
    }

    /// Waits until something happens.
    async fn wait(&mut self) {
        let watch_all = self.job.is_none();
        tokio::select! {
            biased;
            () = self.app.jobs.shutdown.draining(), if !self.draining => self.draining = true,
            written = written(&mut self.output) => self.wrote(written),
            () = given_up_on(&mut self.view), if !self.last => self.last = true,
            came = self.events.recv() => self.came = Some(came),
            _ = self.ticks.tick(), if watch_all => {
                let overview = self.overview_text();
                if overview != self.last_overview {
                    let event = self.overview();
                    self.ready.push_back(event);
                }
            }
        }
    }

    fn wrote(&mut self, written: Result<Written, RecvError>) {
        match written {
            Ok(written) => self.say(&written),
            Err(RecvError::Lagged(missed)) => {
                self.finish_texts();
                self.ready.push_back(lagged(Some(missed)));
            }
            Err(RecvError::Closed) => self.output = None,
        }
    }

    async fn tell(&mut self, came: Result<Event, RecvError>) {
        match came {
            Ok(event) => self.happened(&event),
            Err(RecvError::Lagged(missed)) => self.missed(missed).await,
            Err(RecvError::Closed) => {
                self.finish_texts();
                self.over = true;
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
        if event.number <= self.until {
            return;
        }
        if self.job.is_none() || event.job == self.job {
            if matches!(event.name, "retrying" | "finished") {
                self.finish_texts();
            }
            self.ready.push_back(render(&self.app, event));
            self.over = self.job.is_some() && event.name == "finished";
        }
    }

    /// This reader was too slow. A reader of one job gets the job's current state.
    async fn missed(&mut self, missed: u64) {
        let Some(id) = self.job else { return self.ready.push_back(lagged(Some(missed))) };
        self.ready.push_back(lagged(None));
        if let Ok(job) = find(&self.app, &id.to_string()).await {
            self.over = job.view().is_final();
            if self.over {
                self.finish_texts();
            }
            self.ready.push_back(named("state", &JobJson::of(&job)));
        }
    }

    fn say(&mut self, written: &Written) {
        let text = self.decoders[written.stream as usize].text(&written.bytes);
        self.say_text(written.stream, &text);
    }

    /// Nothing more is written in this run, or it is not known what: what is left of a character is
    /// all there is of it.
    fn finish_texts(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let text = self.decoders[stream as usize].finish();
            self.say_text(stream, &text);
        }
    }

    fn say_text(&mut self, stream: Stream, text: &str) {
        for part in parts(text, LONGEST_TEXT) {
            let (job, queue) = (self.job, &self.queue);
            let data = json!({ "job": job, "queue": queue, "stream": stream, "text": part });
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

/// What a command wrote. Never resolves if `output` is `None`.
async fn written(output: &mut Option<broadcast::Receiver<Written>>) -> Result<Written, RecvError> {
    match output {
        Some(output) => output.recv().await,
        None => std::future::pending().await,
    }
}

/// When nothing more becomes of the job in this process, although it has not ended.
async fn given_up_on(view: &mut Option<watch::Receiver<JobView>>) {
    if let Some(view) = view
        && view.wait_for(|view| view.abandoned.is_some()).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// What there is by now.
fn now<T: Clone>(of: &mut broadcast::Receiver<T>) -> Option<Result<T, RecvError>> {
    match of.try_recv() {
        Ok(value) => Some(Ok(value)),
        Err(TryRecvError::Lagged(missed)) => Some(Err(RecvError::Lagged(missed))),
        Err(TryRecvError::Empty | TryRecvError::Closed) => None,
    }
}

fn render(app: &App, event: &Event) -> sse::Event {
    sse::Event::default().id(app.jobs.reporter.events.id(event)).event(event.name).data(&event.data)
}

/// An event without an id: the events after it go on counting.
fn named(name: &'static str, data: &impl serde::Serialize) -> sse::Event {
    let data = serde_json::to_string(data).expect("strings and numbers are valid JSON");
    sse::Event::default().event(name).data(data)
}

/// Says how many events this reader missed. Of one job that is not known: others have missed
/// events, too.
fn lagged(missed: Lost) -> sse::Event {
    named("lagged", &json!({ "missed": missed }))
}
