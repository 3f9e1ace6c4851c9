//! Following a job to its end by its events.

use std::io::BufReader;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::failure::{Done, Failure};
use super::http::{Method, Request, Server};
use super::job::{Job, Progress, path};
use super::sse::{Event, Events};

/// How long a server that has gone is waited for: it may be restarting, and the jobs are on its
/// disk.
const ABSENCE: Duration = Duration::from_secs(60);
/// What is said then.
pub(super) const ABSENT: &str = "the server does not answer; it may be restarting";
/// Between the beginnings of two attempts to see it, and of two requests that wait for something to
/// happen: a server may answer the one before at once.
pub(super) const AGAIN: Duration = Duration::from_millis(500);
/// How often the place of a job in line is looked up: no event says that it has changed.
const PLACE: Duration = Duration::from_secs(3);

/// Receives what happens to a job.
pub(super) trait Watcher {
    /// It is like this now.
    fn job(&mut self, job: &Job);
    /// The command wrote this.
    fn output(&mut self, stream: &str, text: &str);
    /// Whether the place in line is worth a request every [`PLACE`].
    fn wants_place(&self) -> bool;
    /// The server is waited for.
    fn absent(&mut self);
}

/// A server that was there and does not answer.
#[derive(Debug, Default)]
pub(super) struct Absence(Option<Instant>);

impl Absence {
    /// It is there.
    pub(super) fn over(&mut self) {
        self.0 = None;
    }

    /// Excuses a failure, if the server may still come back. Whether this is the first since it was
    /// there.
    pub(super) fn excuse(&mut self, failure: Failure) -> Done<bool> {
        let Failure::Unreachable(_) = failure else { return Err(failure) };
        let first = self.0.is_none();
        let since = *self.0.get_or_insert_with(Instant::now);
        if since.elapsed() > ABSENCE { Err(failure) } else { Ok(first) }
    }
}

/// Asks until there is an answer, while the server may be restarting.
pub(super) fn insist<T>(mut ask: impl FnMut() -> Done<T>) -> Done<T> {
    let mut absence = Absence::default();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(failure) => absence.excuse(failure)?,
        };
        thread::sleep(AGAIN);
    }
}

/// Follows a job to its end, or until a time. Returns the last state that the client saw; unless
/// that is final, it may be out of date.
pub(super) fn follow(
    server: &Server,
    id: &str,
    until: Option<Instant>,
    watcher: &mut impl Watcher,
) -> Done<Job> {
    let mut job = Job { id: id.to_owned(), ..Job::default() };
    let mut absence = Absence::default();
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(job);
        }
        let place = Some(PLACE).filter(|_| watcher.wants_place() && waits(&job));
        let limit = [left, place].into_iter().flatten().min();
        let began = Instant::now();
        match stream(server, limit, &mut job, watcher) {
            Ok(()) if job.is_final() => return Ok(job),
            // It ended early, or it is time to look at the place in line.
            Ok(()) => absence.over(),
            Err(Failure::Unreachable(_)) if left.is_some_and(|left| left <= AGAIN) => {
                return Ok(job);
            }
            Err(failure) => {
                if absence.excuse(failure)? {
                    watcher.absent();
                }
            }
        }
        thread::sleep(AGAIN.saturating_sub(began.elapsed()));
    }
}

fn waits(job: &Job) -> bool {
    matches!(job.state.as_str(), "" | "queued")
}

/// Follows one stream of events until it ends.
fn stream(
    server: &Server,
    limit: Option<Duration>,
    job: &mut Job,
    watcher: &mut impl Watcher,
) -> Done {
    let request = Request { limit, ..Request::default() };
    let answer = server.call(Method::Get, &format!("{}/events", path(&job.id)), request)?;
    let mut events = Events::new(BufReader::new(answer.events()?));
    let mut is_silent = true;
    // A stream that breaks off is one that ends.
    while let Ok(Some(event)) = events.next() {
        is_silent = false;
        if event.name == "output" {
            if let Ok(Output { stream, text }) = serde_json::from_str(&event.data) {
                watcher.output(&stream, &text);
            }
        } else if apply(&event, job) {
            watcher.job(job);
        }
        if job.is_final() {
            break;
        }
    }
    if is_silent {
        // The server's begin with the state. Something in between may keep the events back, or make
        // them up.
        (_, *job) = Job::get(server, &job.id)?;
        watcher.job(job);
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Output {
    stream: String,
    text: String,
}

/// What the events of a job say, all together.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Happened {
    state: Option<String>,
    outcome: Option<String>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    attempt: Option<u32>,
    percent: Option<f64>,
    message: Option<String>,
}

/// Brings the state up to date. Returns whether the event had anything to say about it.
fn apply(event: &Event, job: &mut Job) -> bool {
    if event.name == "state" {
        return match serde_json::from_str(&event.data) {
            Ok(state) => {
                *job = state;
                true
            }
            Err(_) => false,
        };
    }
    let Ok(happened) = serde_json::from_str::<Happened>(&event.data) else { return false };
    match event.name.as_str() {
        "started" => {
            job.state = "running".to_owned();
            (job.progress, job.position) = (None, None);
        }
        "progress" => {
            job.progress = Some(Progress { percent: happened.percent, message: happened.message });
        }
        "retrying" => {
            job.state = "retrying".to_owned();
            (job.exit_code, job.signal) = (happened.exit_code, happened.signal);
            (job.outcome, job.retry_at) = (happened.outcome, None);
        }
        "finished" => {
            job.state = happened.state.unwrap_or_else(|| "failed".to_owned());
            (job.exit_code, job.signal) = (happened.exit_code, happened.signal);
            job.outcome = happened.outcome;
        }
        _ => return false,
    }
    job.attempt = happened.attempt.unwrap_or(job.attempt);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(job: &mut Job, name: &str, data: &str) -> bool {
        apply(&Event { name: name.to_owned(), data: data.to_owned() }, job)
    }

    #[test]
    fn events_change_the_state() {
        let mut job = Job::default();
        assert!(told(&mut job, "state", r#"{"id":"1","state":"queued","position":2}"#));
        assert_eq!((job.state.as_str(), job.position), ("queued", Some(2)));
        assert!(told(&mut job, "started", r#"{"attempt":1,"waited_ms":5}"#));
        assert_eq!((job.state.as_str(), job.attempt, job.position), ("running", 1, None));
        assert!(told(&mut job, "progress", r#"{"percent":40,"message":"half"}"#));
        assert_eq!(job.remark(), "40% half");
        assert!(told(
            &mut job,
            "retrying",
            r#"{"outcome":"failed","exit_code":75,"retry_in_ms":9}"#
        ));
        assert_eq!(job.remark(), "exit 75; attempt 2");
        assert!(told(&mut job, "finished", r#"{"state":"failed","outcome":"failed","signal":9}"#));
        assert!(job.is_final());
        assert_eq!(job.remark(), "signal 9");
        for (name, data) in
            [("lagged", "{}"), ("state", "nonsense"), ("new", "{}"), ("started", "")]
        {
            assert!(!told(&mut job, name, data), "{name}");
        }
    }
}
