//! One server process.

use crate::builder::{Builder, Tls};
use crate::ports::Port;
use crate::process::Process;
use crate::program::program;
use crate::request::{greets, monitor};
use crate::tls::Certificates;
use crate::wait::until;
use rustix::process::Signal;
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// How much of its log a failed test shows.
const TAIL: usize = 60;

const CONFIG: &str = "server.conf";

/// A NATS server in a process of its own, with a port and a folder that it keeps over restarts.
///
/// It ends when this is dropped, or when the process that started it ends, in whichever way. If a
/// test panics, the end of the server's log is shown.
#[derive(Debug)]
pub struct Server {
    settings: Builder,
    dir: TempDir,
    port: Port,
    monitor: Port,
    certificates: Option<Certificates>,
    /// Nothing while it is killed.
    process: Mutex<Option<Process>>,
}

impl Server {
    /// Starts one node with JetStream.
    ///
    /// # Panics
    ///
    /// As [`Builder::start`].
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Settings for a server that differs from that of [`start`](Self::start).
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(settings: Builder) -> Self {
        let dir = TempDir::with_prefix("levada-nats-").expect("a temporary folder");
        let (port, monitor) = (Port::free(), Port::free());
        let needs_certificates = settings.tls != Tls::Off;
        let certificates = needs_certificates.then(|| Certificates::make(dir.path()));
        let text = settings.text(dir.path(), (port.number, monitor.number), certificates.as_ref());
        fs::write(dir.path().join(CONFIG), text).expect("the folder can be written");
        let process = Mutex::new(None);
        let server = Self { settings, dir, port, monitor, certificates, process };
        server.run();
        server
    }

    /// Where clients connect: `nats://127.0.0.1:PORT`, or `tls://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme =
            if self.certificates.is_some() { "tls://localhost" } else { "nats://127.0.0.1" };
        format!("{scheme}:{}", self.port())
    }

    /// The files with which clients connect to a server with TLS.
    ///
    /// # Panics
    ///
    /// If it has no TLS.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("a server that was built with `tls`")
    }

    /// The port for clients, which is the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The server's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// The process id.
    ///
    /// # Panics
    ///
    /// If the server is killed.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.with_process(|process| process.id())
    }

    /// What the server has logged, over all its restarts.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("log")).unwrap_or_default()).into_owned()
    }

    /// Kills it with SIGKILL and waits for its end. What it stored remains.
    pub fn kill(&self) {
        // Its drop kills.
        drop(self.process().take());
    }

    /// Starts it again on the same port and folder, and waits until it answers. A server that runs
    /// is killed first.
    ///
    /// # Panics
    ///
    /// If it does not start, with its log.
    pub async fn restart(&self) {
        self.respawn();
        self.ready().await;
    }

    /// As [`restart`](Self::restart), without waiting.
    pub fn respawn(&self) {
        self.kill();
        self.run();
    }

    /// Stops it with SIGSTOP: connections stay open, and nothing answers.
    ///
    /// # Panics
    ///
    /// If the server is killed.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues it after [`pause`](Self::pause).
    ///
    /// # Panics
    ///
    /// If the server is killed.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Puts it in lame duck mode: it says so to clients, hands its leaderships over, closes the
    /// connections one by one over thirty seconds, and ends.
    ///
    /// # Panics
    ///
    /// If the server is killed.
    pub fn lame_duck(&self) {
        self.signal(Signal::USR2);
    }

    /// What its monitoring says under `path`, for example `/jsz?consumers=true` or `/connz`.
    ///
    /// # Errors
    ///
    /// If the server does not answer within ten seconds, or answers with an error.
    pub async fn monitor(&self, path: &str) -> io::Result<Value> {
        monitor(self.monitor.number, path).await
    }

    /// Waits until it greets clients and JetStream is ready.
    ///
    /// # Panics
    ///
    /// If the process ends or does not answer, with its log.
    pub async fn ready(&self) {
        until("a server that answers", async || {
            self.assert_runs();
            greets(self.port()).await?;
            let path = if self.settings.jetstream { "/healthz" } else { "/varz" };
            self.monitor(path).await
        })
        .await;
    }

    /// Waits until it greets clients.
    pub(crate) async fn greets_clients(&self) {
        until("a server that greets", async || {
            self.assert_runs();
            greets(self.port()).await
        })
        .await;
    }

    /// Whether it is neither killed nor paused.
    pub(crate) fn is_answering(&self) -> bool {
        self.process().as_ref().is_some_and(|process| !process.is_paused())
    }

    /// Panics with the log if the process has ended by itself.
    fn assert_runs(&self) {
        let ended = self.process().as_mut().map(Process::ended);
        match ended {
            Some(Ok(None)) => {}
            other => panic!("{} has ended: {other:?}\n{}", self.name(), self.tail()),
        }
    }

    fn run(&self) {
        let log = OpenOptions::new().append(true).create(true).open(self.path("log"));
        let log: File = log.expect("the log can be written");
        let program = program(&self.settings.version);
        let config = self.path(CONFIG).display().to_string();
        let process = Process::start(&program, &["--config", &config], &log);
        *self.process() = Some(process.expect("the server's program starts"));
    }

    fn signal(&self, signal: Signal) {
        self.with_process(|process| process.signal(signal)).expect("the server runs");
    }

    fn with_process<T>(&self, call: impl FnOnce(&mut Process) -> T) -> T {
        call(self.process().as_mut().expect("the server is killed; `restart` comes first"))
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// The end of its log.
    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the log of {} at {}:\n{}", self.name(), self.url(), self.tail());
        }
    }
}
