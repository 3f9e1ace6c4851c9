//! A front end or a worker: a process.

use crate::clock::Clock;
use crate::http::{Answer, Call, send};
use crate::sse::Events;
use levada_nats_test::{Process, until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much of its log a failed test shows.
const TAIL: usize = 40;

/// The states in which a job stays.
const ENDS: [&str; 3] = ["succeeded", "failed", "cancelled"];

/// One process of the service. It ends with the test. If the test panics, the end of its log is
/// shown.
#[derive(Debug)]
pub(crate) struct Member {
    name: String,
    log: PathBuf,
    arguments: Vec<String>,
    /// That of the system, if it has none.
    clock: Option<Clock>,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    process: Option<Process>,
    /// How often it was started.
    starts: u64,
    /// Where its log begins since the last start.
    log_from: usize,
}

impl Member {
    /// Starts `levada` with these arguments, and does not wait. Its log is in the folder `dir`.
    pub(crate) fn spawn(name: &str, dir: &Path, arguments: &[&str]) -> Self {
        Self::spawn_with(name, dir, arguments, None)
    }

    /// The same with a clock of its own.
    pub(crate) fn spawn_with(
        name: &str,
        dir: &Path,
        arguments: &[&str],
        clock: Option<Clock>,
    ) -> Self {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        let log = dir.join(format!("{name}.log"));
        let (name, running) = (name.to_owned(), Mutex::default());
        let member = Self { name, log, arguments, clock, running };
        member.respawn();
        member
    }

    /// Kills it if it runs, starts it, and does not wait.
    pub(crate) fn respawn(&self) {
        self.kill();
        let levada = std::env::var("LEVADA").expect("LEVADA is not set: run `cargo xtask nats`");
        let log = OpenOptions::new().append(true).create(true).open(&self.log).unwrap();
        let clock = self.clock.as_ref().map(Clock::variables);
        let mut arguments = vec!["RUST_LOG=info", "NO_COLOR=1", "RUST_BACKTRACE=1"];
        arguments.extend(clock.iter().flatten().map(String::as_str));
        arguments.push(&levada);
        arguments.extend(self.arguments.iter().map(String::as_str));
        let mut running = self.running();
        running.log_from = usize::try_from(log.metadata().unwrap().len()).unwrap();
        running.starts += 1;
        running.process = Some(Process::start(Path::new("env"), &arguments, &log).unwrap());
    }

    /// Starts it again, and waits until it answers.
    pub(crate) async fn restart(&self) {
        self.respawn();
        self.ready().await;
    }

    /// Waits until it answers, and returns where.
    pub(crate) async fn ready(&self) -> SocketAddr {
        let what = format!("an answer of {}", self.name);
        until(&what, async || {
            if let Some(status) = self.ended() {
                panic!("{} has ended: {status}\n{}", self.name, self.tail());
            }
            let address = self.address().ok_or_else(|| io::Error::other("no address yet"))?;
            let answer = send(address, &Call::get("/ready")).await?;
            if answer.status == 200 { Ok(address) } else { Err(io::Error::other(answer.text())) }
        })
        .await
    }

    /// Where it listens, once it has said so.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let log = self.log();
        let url = log.lines().find_map(|line| line.split_once("levada: listening on http://"))?.1;
        Some(url.trim().parse().unwrap())
    }

    /// What it has written since its last start.
    pub(crate) fn log(&self) -> String {
        let from = self.running().log_from;
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(log.get(from..).unwrap_or_default()).into_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running().process.as_ref().expect("it runs").id()
    }

    /// Kills it with SIGKILL, and waits for its end.
    pub(crate) fn kill(&self) {
        // Its drop kills.
        if let Some(process) = self.running().process.take()
            && self.clock.is_some()
        {
            let pid = process.id();
            drop(process);
            Clock::sweep(pid);
        }
    }

    /// Its clock.
    ///
    /// # Panics
    /// If it has none of its own.
    pub(crate) fn clock(&self) -> &Clock {
        self.clock.as_ref().expect("a clock of its own")
    }

    /// Begins its shutdown.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Stops it with SIGSTOP. Its commands go on.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues it after [`pause`](Self::pause).
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// How it ended by itself, if it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.running().process.as_mut().and_then(|process| process.ended().unwrap())
    }

    /// Waits until it ends by itself.
    pub(crate) async fn exit(&self) -> ExitStatus {
        until(&format!("the end of {}", self.name), async || self.ended().ok_or(self.tail())).await
    }

    /// Sends a request, which has to be answered.
    pub(crate) async fn send(&self, call: Call) -> Answer {
        let address = self.ready().await;
        let answer = send(address, &call).await;
        answer.unwrap_or_else(|error| panic!("{}: {error}: {call:?}\n{}", self.name, self.tail()))
    }

    pub(crate) async fn get(&self, path: impl Into<String>) -> Answer {
        self.send(Call::get(path)).await
    }

    /// As [`get`](Self::get), also while it is not ready.
    pub(crate) async fn get_any(&self, path: &str) -> Answer {
        let address = self.address().unwrap_or_else(|| panic!("{} does not listen", self.name));
        send(address, &Call::get(path)).await.unwrap()
    }

    /// Has a job accepted, and returns its id.
    pub(crate) async fn submit(&self, input: &str) -> String {
        self.submit_to("/", input).await
    }

    /// The same in the queue of this path.
    pub(crate) async fn submit_to(&self, path: &str, input: &str) -> String {
        let call = Call::post(path, input.to_owned()).without_waiting();
        let answer = self.send(call).await.expect(202);
        answer.job().unwrap().to_owned()
    }

    /// A job, as soon as it is in one of these states.
    pub(crate) async fn job(&self, id: &str, states: &[&str]) -> Value {
        let what = format!("{states:?} of {id} at {}", self.name);
        until(&what, async || {
            let answer = self.get(format!("/jobs/{id}")).await;
            let job = answer.json();
            let is_there = states.contains(&job["state"].as_str().unwrap_or_default());
            if is_there { Ok(job) } else { Err(answer.text()) }
        })
        .await
    }

    /// A job, as soon as it has ended.
    pub(crate) async fn ended_job(&self, id: &str) -> Value {
        self.job(id, &ENDS).await
    }

    /// The output of a job that succeeds.
    pub(crate) async fn result(&self, id: &str) -> String {
        let call = Call::get(format!("/jobs/{id}/result")).header("Prefer", "wait=30");
        self.send(call).await.expect(200).text()
    }

    /// Reads the events at this path, after the one with the id `last`.
    pub(crate) async fn events(&self, path: &str, last: Option<&str>) -> Events {
        Events::open(self.ready().await, path, last).await.unwrap()
    }

    fn signal(&self, signal: Signal) {
        self.running().process.as_mut().expect("it runs").signal(signal).unwrap();
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of what it has written, over all its starts.
    pub(crate) fn tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the log of {}:\n{}", self.name, self.tail());
        }
    }
}
