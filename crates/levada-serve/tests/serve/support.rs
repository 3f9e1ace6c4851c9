//! A running server, a client, and questions to the system about processes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Longer than anything here takes on the slowest machine; only a failing test waits for it.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) type Http = Client<HttpConnector, Full<Bytes>>;

/// `levada serve`, running. Dropping it aborts it.
pub(crate) struct Server {
    child: Child,
    /// Where its jobs are kept, unless an option says where.
    _store: TempDir,
    pub(crate) address: SocketAddr,
    client: Http,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Server {
    /// Starts the server with these options in front of this command, and waits for its address.
    /// Its store is on disk and empty, unless the options say otherwise.
    pub(crate) fn start<S: AsRef<std::ffi::OsStr>>(options: &[&str], command: &[S]) -> Self {
        Self::start_as(options, command, |_| {})
    }

    /// The same, in a process that is changed like this before it starts.
    pub(crate) fn start_as<S: AsRef<std::ffi::OsStr>>(
        options: &[&str],
        command: &[S],
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let store = TempDir::new().unwrap();
        let mut levada = levada();
        levada.arg("serve");
        if !options.contains(&"--listen") {
            levada.args(["--listen", "127.0.0.1:0"]);
        }
        if !options.contains(&"--store") {
            levada.arg("--store").arg(store.path());
        }
        levada.args(options);
        if !command.is_empty() {
            levada.arg("--").args(command);
        }
        levada.env("RUST_LOG", "error").stdin(Stdio::null()).stdout(Stdio::piped());
        change(&mut levada);
        let mut child = levada.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("levada: listening on http")
            .and_then(|line| line.trim_start_matches('s').strip_prefix("://"))
            .unwrap_or_else(|| panic!("unexpected first line {line:?}"));
        let address = address.trim_end().parse().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { child, _store: store, address, client }
    }

    /// The same, with a shell script as the command.
    pub(crate) fn script(options: &[&str], script: &str) -> Self {
        Self::start(options, &["sh", "-c", script])
    }

    /// The same, with this configuration as its file `levada.toml`.
    pub(crate) fn configured(notes: &Notes, options: &[&str], config: &str) -> Self {
        std::fs::write(notes.path("levada.toml"), config).unwrap();
        let file = notes.at("levada.toml");
        let none: &[&str] = &[];
        Self::start(&[&["--config", &file], options].concat(), none)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A request that can run in a task of its own.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Bytes>,
    ) -> impl Future<Output = Result<Answer, hyper_util::client::legacy::Error>> + Send + 'static
    {
        self.request_with(method, path, &[], body)
    }

    /// The same, with these headers.
    pub(crate) fn request_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> impl Future<Output = Result<Answer, hyper_util::client::legacy::Error>> + Send + 'static
    {
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let client = self.client.clone();
        async move {
            let (head, body) = client.request(request).await?.into_parts();
            let body = body.collect().await.expect("the answer ends early").to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        }
    }

    /// The answer to a request with these headers.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        within(self.request_with(method, path, headers, body)).await.unwrap()
    }

    /// Submits a job and does not wait for it. Its id.
    pub(crate) async fn submit(&self, body: impl Into<Bytes>) -> String {
        self.submit_to("/", body).await
    }

    /// The same, to the queue at this path.
    pub(crate) async fn submit_to(&self, path: &str, body: impl Into<Bytes>) -> String {
        let answer = self.ask("POST", path, &[("Prefer", "respond-async")], body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.header("levada-job-id").to_owned()
    }

    /// The state of a job.
    pub(crate) async fn job(&self, id: &str) -> Value {
        let answer = self.get(&format!("/jobs/{id}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Waits until a job is in this state.
    pub(crate) async fn until_job(&self, id: &str, state: &str) -> Value {
        let start = Instant::now();
        loop {
            let job = self.job(id).await;
            if job["state"] == state {
                return job;
            }
            assert!(start.elapsed() < LONG, "expected {state}, got {job}");
            pause().await;
        }
    }

    /// Waits until a job has ended, however it did.
    pub(crate) async fn until_ended(&self, id: &str) -> Value {
        let start = Instant::now();
        loop {
            let job = self.job(id).await;
            if job["expires_at"].is_string() {
                return job;
            }
            assert!(start.elapsed() < LONG, "expected the end, got {job}");
            pause().await;
        }
    }

    pub(crate) async fn post(&self, body: impl Into<Bytes>) -> Answer {
        within(self.request("POST", "/", body)).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        within(self.request("GET", path, "")).await.unwrap()
    }

    /// A connection of our own.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection of our own on which this was sent.
    pub(crate) async fn send(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// A client of which the server has this request's head, has taken a place for it, and waits
    /// for the body.
    pub(crate) async fn begin(&self, content_length: usize) -> TcpStream {
        let head =
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue";
        let head = format!("{head}\r\nContent-Length: {content_length}\r\n\r\n");
        let mut stream = self.send(&head).await;
        let mut go_on = [0; 25];
        within(stream.read_exact(&mut go_on)).await.unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream
    }

    /// The state of this queue.
    pub(crate) async fn queue(&self, name: &str) -> Value {
        let answer = self.get(&format!("/q/{name}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Waits until the state of a queue includes this.
    pub(crate) async fn until_queue(&self, name: &str, member: &str, value: impl Into<Value>) {
        let (start, value) = (Instant::now(), value.into());
        loop {
            let queue = self.queue(name).await;
            if queue[member] == value {
                return;
            }
            assert!(start.elapsed() < LONG, "expected {member} {value}, got {queue}");
            pause().await;
        }
    }

    /// The state of the first queue.
    pub(crate) async fn progress(&self) -> Value {
        self.get("/queues").await.json()["queues"][0].clone()
    }

    /// Waits until the totals include these.
    pub(crate) async fn until_progress(&self, expected: &[(&str, u64)]) {
        let start = Instant::now();
        loop {
            let progress = self.progress().await;
            if expected.iter().all(|(name, number)| progress[name] == *number) {
                return;
            }
            assert!(start.elapsed() < LONG, "expected {expected:?}, got {progress}");
            pause().await;
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid(self.child.id()), signal).unwrap();
    }

    /// Waits until the server has ended.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < LONG, "the server does not end");
            pause().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            // The second signal kills what runs, so that a failed test leaves nothing behind.
            self.signal(Signal::TERM);
            self.signal(Signal::INT);
            self.child.wait().unwrap();
        }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    /// The problem, which must be of this status and kind.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["type"], format!("urn:levada:problem:{kind}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem
    }

    /// `Retry-After` in seconds, which must be within its documented bounds.
    pub(crate) fn retry_after(&self) -> u64 {
        let seconds = self.header("retry-after").parse().unwrap();
        assert!((1..=300).contains(&seconds), "{seconds}");
        seconds
    }
}

/// The command of a queue that is a shell script, as a configuration has it.
pub(crate) fn sh(script: &str) -> String {
    // What JSON makes of a script is a string of TOML as well.
    format!("command = {}", serde_json::json!(["sh", "-c", script]))
}

/// The binary under test.
pub(crate) fn levada() -> Command {
    reset_ignored_signals();
    Command::new(env!("CARGO_BIN_EXE_levada"))
}

/// Gives programs that the tests start the default action of signals that the tests were started to
/// ignore, by nohup or in the background of a script: a signal that a process handles has its
/// default action in the programs that it starts.
fn reset_ignored_signals() {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_io().build().unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.map_or(0, |mask| u64::from_str_radix(mask.trim(), 16).unwrap());
        for kind in [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit()] {
            if ignored & (1 << (kind.as_raw_value() - 1)) != 0 {
                let _within = runtime.enter();
                drop(signal(kind).unwrap());
            }
        }
        runtime
    });
}

/// Reads until the other side has closed the connection.
pub(crate) async fn read_to_close(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes)).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LONG, future).await.expect("took too long")
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LONG, "waited in vain: {what}");
        pause().await;
    }
}

/// Between two looks at something that changes by itself.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(number.try_into().unwrap()).unwrap()
}

/// Whether the process is there and more than a zombie that its parent has not reaped.
pub(crate) fn alive(number: u32) -> bool {
    if cfg!(target_os = "linux") {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{number}/stat")) else {
            return false;
        };
        let (_, after_name) = stat.rsplit_once(") ").unwrap();
        return !after_name.starts_with('Z');
    }
    rustix::process::test_kill_process(pid(number)).is_ok()
}

/// A directory of files by which commands and tests tell each other things.
pub(crate) struct Notes(TempDir);

impl Notes {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path for use in a script.
    pub(crate) fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str) {
        std::fs::write(self.path(name), "").unwrap();
    }

    /// A script that waits until there is such a file.
    pub(crate) fn wait_for(&self, name: &str) -> String {
        format!("while [ ! -e {} ]; do sleep 0.01; done", self.at(name))
    }

    /// What was written there so far.
    pub(crate) fn read(&self, name: &str) -> String {
        read(&self.path(name))
    }

    /// Waits for this many process ids, one on each line.
    pub(crate) async fn pids(&self, name: &str, count: usize) -> Vec<u32> {
        let path = self.path(name);
        until("process ids", || {
            let text = read(&path);
            text.ends_with('\n') && text.lines().count() >= count
        })
        .await;
        read(&path).lines().map(|line| line.trim().parse().unwrap()).collect()
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Waits until none of these processes is alive.
pub(crate) async fn until_dead(pids: &[u32]) {
    assert!(!pids.is_empty());
    until("processes to end", || !pids.iter().any(|pid| alive(*pid))).await;
}
