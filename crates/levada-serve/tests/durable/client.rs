//! A client that works on while services come and go, and records their answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use futures_util::future::join;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::TokioExecutor;
use levada::watch;
use tokio::time::{sleep, timeout};

use crate::ledger::Job;
use crate::service::Place;
use crate::support::{Answer, Http, within};

/// How much a client does once nothing is killed any more.
const LAST_STEPS: usize = 30;

/// The service that runs, as far as is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) generation: u64,
    pub(crate) address: SocketAddr,
    /// It is not killed.
    pub(crate) is_last: bool,
}

/// Connections to one service.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    address: SocketAddr,
    pool: Http,
}

impl Line {
    /// Each request on a connection of its own: one that the service is about to close would look
    /// like its death.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::holding(address, 0)
    }

    /// Requests share connections.
    pub(crate) fn kept_alive(address: SocketAddr) -> Self {
        Self::holding(address, usize::MAX)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn holding(address: SocketAddr, idle: usize) -> Self {
        let mut pool = Pool::builder(TokioExecutor::new());
        // What is sent is sent once.
        let pool = pool.retry_canceled_requests(false).pool_max_idle_per_host(idle).build_http();
        Self { address, pool }
    }

    /// `None` if the service died before it had answered.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Option<Answer> {
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).unwrap();
        let answered = async {
            let (head, body) = self.pool.request(request).await.ok()?.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            Some(Answer { status: head.status, headers: head.headers, body })
        };
        within(answered).await
    }

    pub(crate) async fn get(&self, path: &str) -> Option<Answer> {
        self.send("GET", path, &[], Bytes::new()).await
    }
}

/// What came of a request.
enum Reply {
    Answer(Answer),
    /// The service died, or was dead.
    Lost,
    /// The client did not wait.
    Left,
}

pub(crate) struct Client {
    place: Arc<Place>,
    targets: watch::Receiver<Option<Target>>,
    target: Target,
    line: Line,
    rng: Rng,
    numbers: Arc<AtomicU64>,
    jobs: Vec<Job>,
}

impl Client {
    /// Works until the last service has got its share, and returns all that it sent.
    pub(crate) async fn work(
        place: Arc<Place>,
        mut targets: watch::Receiver<Option<Target>>,
        rng: Rng,
        numbers: Arc<AtomicU64>,
    ) -> Vec<Job> {
        let target = within(targets.wait_for(Option::is_some)).await.unwrap().unwrap();
        let line = Line::new(target.address);
        let mut client = Self { place, targets, target, line, rng, numbers, jobs: Vec::new() };
        let mut last_steps = 0;
        while last_steps < LAST_STEPS {
            let current = (*client.targets.borrow()).unwrap();
            client.turn_to(current);
            client.step().await;
            last_steps += usize::from(client.target.is_last);
        }
        client.settle().await;
        client.jobs
    }

    fn turn_to(&mut self, target: Target) {
        if target.generation != self.target.generation {
            self.line = Line::new(target.address);
            self.target = target;
        }
    }

    async fn step(&mut self) {
        match self.rng.u8(..12) {
            0..5 => {
                // ORDERING: Relaxed, no pair: only hands out numbers.
                let number = self.numbers.fetch_add(1, Ordering::Relaxed);
                self.jobs.push(Job::new(number, &mut self.rng));
                self.submit(self.jobs.len() - 1).await;
            }
            5 => {
                if let Some(index) = self.choose(|job| job.key.is_some()) {
                    self.submit(index).await;
                }
            }
            6..8 => {
                if let Some(index) = self.choose(|job| job.id.is_some()) {
                    self.look(index).await;
                }
            }
            8..10 => {
                // Mostly one that can be.
                let too_late = self.rng.u8(..8) == 0;
                let known = |job: &Job| job.id.is_some() && job.seal.is_some() == too_late;
                if let Some(index) = self.choose(known) {
                    self.cancel(index).await;
                }
            }
            _ => {
                let unsuccessful = |job: &Job| matches!(job.end(), Some("failed" | "cancelled"));
                if let Some(index) = self.choose(unsuccessful) {
                    self.run_again(index).await;
                }
            }
        }
    }

    /// One of the jobs of late.
    fn choose(&mut self, of: impl Fn(&Job) -> bool) -> Option<usize> {
        let late = self.jobs.iter().enumerate().rev().take(40);
        let free = late.filter(|(_, job)| job.leave_until <= self.target.generation && of(job));
        let indexes: Vec<_> = free.map(|(index, _)| index).collect();
        self.rng.choice(indexes)
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
        stays: bool,
    ) -> Reply {
        let patience = Duration::from_millis(self.rng.u64(..30));
        let sending = self.line.send(method, path, headers, body);
        let answer = if stays {
            sending.await
        } else {
            match timeout(patience, sending).await {
                Ok(answer) => answer,
                Err(_) => return Reply::Left,
            }
        };
        if let Some(answer) = answer {
            return Reply::Answer(answer);
        }
        let generation = self.target.generation;
        assert!(!self.target.is_last, "{method} {path}: no answer, and nothing was killed");
        let newer = |target: &Option<Target>| target.unwrap().generation > generation;
        let target = within(self.targets.wait_for(newer)).await.unwrap().unwrap();
        self.turn_to(target);
        Reply::Lost
    }

    async fn submit(&mut self, index: usize) {
        let job = &self.jobs[index];
        let path = format!("/q/{}", job.queue);
        let key = job.key.clone().unwrap_or_default();
        let mut headers = vec![("Idempotency-Key", key.as_str())];
        headers.retain(|(_, value)| !value.is_empty());
        if self.rng.bool() {
            headers.push(("Prefer", "respond-async"));
        }
        let (body, generation) = (job.input(), self.target.generation);
        let (stays, twice) = (self.rng.u8(..8) > 0, job.key.is_some() && self.rng.u8(..3) == 0);
        let (line, again) = (self.line.clone(), body.clone());
        let twin =
            async { if twice { line.send("POST", &path, &headers, again).await } else { None } };
        let (reply, twin) = join(self.send("POST", &path, &headers, body, stays), twin).await;
        let (job, place) = (&mut self.jobs[index], &self.place);
        if let Some(id) = twin.as_ref().and_then(|answer| answer.headers.get("levada-job-id")) {
            job.is_named(id.to_str().unwrap());
        }
        match reply {
            Reply::Lost => {}
            Reply::Left => job.hang_up(),
            Reply::Answer(answer) if answer.status == 202 => {
                job.is_named(answer.header("levada-job-id"));
            }
            Reply::Answer(answer) if answer.status == 200 => {
                assert_eq!(answer.body, job.output(), "{job:?}");
                job.is_named(answer.header("levada-job-id"));
                job.has_ended(place, generation, "succeeded", None);
            }
            Reply::Answer(answer) => {
                let state = match kind_of(&answer).as_str() {
                    // With a key it may have been accepted before.
                    "queue-full" | "draining" => return job.refused = job.key.is_none(),
                    "command-failed" => "failed",
                    "cancelled" => "cancelled",
                    // A command that fails while the service drains may have been stopped with
                    // it: the job runs again in the next one.
                    "interrupted" => return job.is_named(answer.header("levada-job-id")),
                    _ => panic!("{answer:?} to {job:?}"),
                };
                job.is_named(answer.header("levada-job-id"));
                job.has_ended(place, generation, state, None);
            }
        }
    }

    async fn look(&mut self, index: usize) {
        let path = format!("/jobs/{}", self.jobs[index].id.as_ref().unwrap());
        let wait = [("Prefer", "wait=1")];
        let headers = if self.rng.bool() { &wait[..] } else { &[] };
        let generation = self.target.generation;
        let reply = self.send("GET", &path, headers, Bytes::new(), true).await;
        let (Reply::Answer(answer), job) = (reply, &mut self.jobs[index]) else { return };
        assert_eq!(answer.status, 200, "a job is lost: {answer:?} to {job:?}");
        let seen = answer.json();
        let state = seen["state"].as_str().unwrap().to_owned();
        if ["queued", "running", "retrying"].contains(&state.as_str()) {
            assert!(job.seal.is_none(), "it had ended: {seen}, {job:?}");
            return;
        }
        job.has_ended(&self.place, generation, &state, Some(seen));
        if state == "succeeded" {
            let path = format!("{path}/result");
            let reply = self.send("GET", &path, &[], Bytes::new(), true).await;
            let Reply::Answer(answer) = reply else { return };
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.body, self.jobs[index].output());
        }
    }

    async fn cancel(&mut self, index: usize) {
        let job = &mut self.jobs[index];
        let had_ended = job.seal.is_some();
        if !had_ended {
            job.ask_to_cancel();
        }
        let path = format!("/jobs/{}", job.id.as_ref().unwrap());
        let (stays, generation) = (self.rng.u8(..4) > 0, self.target.generation);
        let reply = self.send("DELETE", &path, &[], Bytes::new(), stays).await;
        let job = &mut self.jobs[index];
        match reply {
            Reply::Lost => {}
            Reply::Left => {
                job.cancel_at_large = true;
                job.leave_until = generation + 1;
            }
            Reply::Answer(answer) => match answer.status.as_u16() {
                200 if !had_ended => {
                    job.has_ended(&self.place, generation, "cancelled", Some(answer.json()));
                }
                202 if !had_ended => {}
                409 => {}
                _ => panic!("{answer:?} to {job:?}"),
            },
        }
    }

    async fn run_again(&mut self, index: usize) {
        let job = &mut self.jobs[index];
        let path = format!("/jobs/{}/retry", job.id.as_ref().unwrap());
        let before = job.ask_again(&self.place);
        let (stays, generation) = (self.rng.u8(..4) > 0, self.target.generation);
        let reply = self.send("POST", &path, &[], Bytes::new(), stays).await;
        let job = &mut self.jobs[index];
        match reply {
            Reply::Lost => {}
            Reply::Left => job.leave_until = generation + 1,
            Reply::Answer(answer) => match answer.status.as_u16() {
                202 => job.is_to_run_again(),
                503 if ["queue-full", "draining"].contains(&kind_of(&answer).as_str()) => {
                    job.stays(before);
                }
                _ => panic!("{answer:?} to {job:?}"),
            },
        }
    }

    /// Asks until every job with a key has a name.
    async fn settle(&mut self) {
        for index in 0..self.jobs.len() {
            while self.jobs[index].key.is_some() && self.jobs[index].id.is_none() {
                self.submit(index).await;
                // A queue that is full is so for a while.
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

/// The end of the type of a problem.
fn kind_of(answer: &Answer) -> String {
    let problem = answer.json();
    problem["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
}
