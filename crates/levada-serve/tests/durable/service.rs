//! A service that is killed and started again on the same store, and what its commands left behind.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::support::{levada, within};

/// Says that it runs, does what the first line of its input says, and gives back the rest.
const SCRIPT: &str = r#"
read -r number action
echo "$GENERATION $LEVADA_ATTEMPT $number" >> "$PLACE/runs/$LEVADA_JOB_ID"
case $action in
    slow) sleep 0.1 ;;
    again) [ "$LEVADA_ATTEMPT" -ge 2 ] || exit 75 ;;
    never) exit 75 ;;
    broken) [ -e "$PLACE/mended/$number" ] || exit 3 ;;
esac
echo "$number"
cat
"#;

const CONFIG: &str = r#"
max_running = 4

[defaults]
workers = 3
wait = "2s"
# It is the test that kills the service, and no job.
retry = { max_interruptions = 1000 }

[queue.default]
command = ["sh", "job.sh"]
capacity = 16

[queue.finish]
command = ["sh", "job.sh"]
capacity = 100
on_disconnect = "finish"
priority = 1

[queue.again]
command = ["sh", "job.sh"]
capacity = 30

[queue.again.retry]
max_attempts = 3
backoff = "20ms"
max_backoff = "50ms"
"#;

pub(crate) const QUEUES: [&str; 3] = ["default", "finish", "again"];

/// Where a store is, and what else outlives a process.
#[derive(Debug)]
pub(crate) struct Place(TempDir);

/// One run of a command, as it told it itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) generation: u64,
    pub(crate) attempt: u64,
    /// What its input said, unless that ended with the service before it was here.
    pub(crate) number: Option<u64>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        fs::write(place.path().join("job.sh"), SCRIPT).unwrap();
        fs::write(place.path().join("levada.toml"), CONFIG).unwrap();
        fs::create_dir(place.path().join("runs")).unwrap();
        fs::create_dir(place.path().join("mended")).unwrap();
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Lets the next run of a broken job succeed.
    pub(crate) fn mend(&self, number: u64) {
        fs::write(self.path().join("mended").join(number.to_string()), "").unwrap();
    }

    /// The runs of a job so far.
    pub(crate) fn runs(&self, id: &str) -> Vec<Run> {
        read_runs(&self.path().join("runs").join(id))
    }

    /// The runs of all jobs, by id.
    pub(crate) fn all_runs(&self) -> BTreeMap<String, Vec<Run>> {
        let entries = fs::read_dir(self.path().join("runs")).unwrap();
        entries
            .map(|entry| {
                let path = entry.unwrap().path();
                let id = path.file_name().unwrap().to_str().unwrap().to_owned();
                (id, read_runs(&path))
            })
            .collect()
    }

    /// The files of large inputs and outputs.
    pub(crate) fn bodies(&self) -> usize {
        fs::read_dir(self.path().join("store/bodies")).unwrap().count()
    }

    /// What the services said on their standard error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap()
    }

    /// The processes that one of the services or its commands left.
    #[cfg(target_os = "linux")]
    pub(crate) fn processes(&self) -> Vec<PathBuf> {
        let ours = format!("PLACE={}\0", self.path().display()).into_bytes();
        let processes = fs::read_dir("/proc").unwrap();
        let environments = processes.map(|entry| entry.unwrap().path().join("environ"));
        // Whatever has no environment, or one that is none of our business, is not of us.
        environments
            .filter(|path| {
                let environment = fs::read(path).unwrap_or_default();
                environment.windows(ours.len()).any(|part| part == ours)
            })
            .collect()
    }
}

fn read_runs(path: &Path) -> Vec<Run> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let run = |line: &str| {
        let words: Vec<Option<u64>> = line.split(' ').map(|word| word.parse().ok()).collect();
        let [Some(generation), Some(attempt), number] = words[..] else { panic!("{line:?}") };
        Run { generation, attempt, number }
    };
    text.lines().map(run).collect()
}

/// One process of the service.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Service {
    /// A service of this place.
    pub(crate) fn start(place: &Place, generation: u64) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(place.path().join("log"));
        let mut command = levada();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--config", "levada.toml"])
            .args(["--store", "store"])
            .current_dir(place.path())
            .env("PLACE", place.path())
            .env("GENERATION", generation.to_string())
            .env("RUST_LOG", "error")
            .stderr(log.unwrap());
        Self::spawn(command)
    }

    /// Whatever this command starts.
    pub(crate) fn spawn(command: std::process::Command) -> Self {
        let mut command = Command::from(command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Where it listens, as soon as it does; `None` if it ended before.
    ///
    /// # Cancel safety
    /// When the future is dropped, part of the answer may be lost: then this is not called again.
    pub(crate) async fn address(&mut self) -> Option<SocketAddr> {
        let mut line = String::new();
        within(self.stdout.read_line(&mut line)).await.unwrap();
        let address = line.strip_prefix("levada: listening on http://")?;
        Some(address.trim_end().parse().unwrap())
    }

    /// SIGKILL, before it has ended.
    pub(crate) async fn kill(mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the service ended by itself");
        self.child.start_kill().unwrap();
        within(self.child.wait()).await.unwrap();
    }

    /// SIGTERM, and SIGKILL if it has not ended by then.
    pub(crate) async fn stop_within(mut self, time: Duration) {
        self.terminate();
        match timeout(time, self.child.wait()).await {
            Ok(status) => assert!(status.unwrap().success()),
            // Now, whether it has ended a moment ago or not.
            Err(_) => self.child.kill().await.unwrap(),
        }
    }

    /// How it ends, by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        within(self.child.wait()).await.unwrap()
    }

    /// SIGTERM.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        self.terminate();
        within(self.child.wait()).await.unwrap()
    }

    fn terminate(&self) {
        let id = Pid::from_raw(self.id().cast_signed()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
    }
}
