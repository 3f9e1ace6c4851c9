//! The service as a process that gets SIGTERM.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use levada::watch;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::{JoinHandle, JoinSet};

use crate::client::{Account, EventReader, submit, try_request};
use crate::service::Limits;
use crate::{enough_to_lag, large_value, within_deadline};

struct Process {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    errors: JoinHandle<String>,
    address: SocketAddr,
    directory: TempDir,
}

impl Process {
    async fn start(executable: &Path, stop_seconds: u32) -> Self {
        let directory = tempfile::tempdir().expect("there is a directory");
        let mut child = Command::new(executable)
            .args(["127.0.0.1:0".as_ref(), file(&directory).as_os_str()])
            .arg(stop_seconds.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let mut stderr = child.stderr.take().expect("it is piped");
        let errors = tokio::spawn(async move {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.expect("it is text");
            text
        });
        let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = next_line(&mut output).await;
        let address = line.strip_prefix("listening on http://").expect("its first line");
        let address = address.parse().expect("an address");
        Self { child, output, errors, address, directory }
    }

    fn terminate(&self) {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(id.expect("it runs"), Signal::TERM).expect("it can get signals");
    }

    /// Its exit status, last line, errors and rows.
    async fn wait(mut self) -> (ExitStatus, String, String, Vec<String>) {
        let status = self.child.wait().await.expect("it can be waited for");
        let mut last = String::new();
        while let Some(line) = self.output.next_line().await.expect("it is text") {
            last = line;
        }
        let errors = self.errors.await.expect("the task does not panic");
        let text = fs::read_to_string(file(&self.directory)).expect("the file is there");
        (status, last, errors, text.lines().map(str::to_owned).collect())
    }
}

fn file(directory: &TempDir) -> PathBuf {
    directory.path().join("readings.txt")
}

async fn next_line(output: &mut Lines<BufReader<ChildStdout>>) -> String {
    output.next_line().await.expect("it is text").expect("the process runs")
}

/// Builds the example, unless `cargo xtask test` has, and returns the path of its executable.
async fn executable() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", "classic_service", "--message-format", "json"])
        // As `cargo xtask test` builds it: with the packages that the workspace's folder selects.
        .arg("--all-features")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .await
        .expect("cargo starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).expect("cargo writes text");
    let mut paths = messages.lines().filter_map(|line| line.split_once("\"executable\":\""));
    let path =
        paths.next_back().and_then(|(_, path)| path.split_once('"')).expect("it has a path").0;
    assert!(Path::new(path).ends_with("examples/classic_service"), "{path}");
    path.into()
}

/// Fills the connection of a reader that does not read.
async fn fill(address: SocketAddr) -> usize {
    let rows = enough_to_lag(Limits::default().events.min(64));
    for _ in 0..rows {
        submit(address, &format!("large {}", large_value())).await;
    }
    rows
}

/// What clients sent, and whether the service accepted it.
type Sent = Arc<Mutex<HashMap<String, bool>>>;

/// Sends readings until the service refuses because it stops, or does not accept connections.
async fn load(address: SocketAddr, sensor: usize, sent: Sent, accepted: watch::Sender<usize>) {
    for n in 0.. {
        let reading = format!("s{sensor} {n}");
        sent.lock().expect("no panic").insert(reading.clone(), false);
        match try_request(address, "POST", "/readings", &reading).await {
            Ok(answer) if answer.status == 202 => {
                sent.lock().expect("no panic").insert(reading, true);
                accepted.send_modify(|count| *count += 1);
            }
            Ok(answer) if answer.body == "the queue is full" => {}
            Ok(answer) => {
                assert_eq!((answer.status, &*answer.body), (503, "the service is stopping"));
                return;
            }
            Err(_connection) => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_ends_in_time_and_writes_every_accepted_reading_once() {
    let executable = executable().await;
    within_deadline(async {
        // Enough for all but the slow reader, which keeps it for as long as it may.
        let process = Process::start(&executable, 5).await;
        let address = process.address;
        let _slow = EventReader::open(address).await; // It never reads.
        let mut fast = EventReader::open(address).await;
        let fast = tokio::spawn(async move {
            let mut account = Account::default();
            while let Some(event) = fast.next().await {
                account.add(&event);
            }
            account // The stream has ended.
        });
        let filled = fill(address).await;

        let (sent, accepted) = (Sent::default(), watch::Sender::new(0));
        let mut clients = JoinSet::new();
        for sensor in 0..4 {
            clients.spawn(load(address, sensor, Arc::clone(&sent), accepted.clone()));
        }
        accepted.subscribe().wait_for(|count| *count >= 200).await.expect("clients run");
        process.terminate();
        clients.join_all().await;

        // Without a limit the slow reader would keep it for ever; the deadline is far off.
        let (status, last, errors, rows) = process.wait().await;
        assert!(status.success(), "{errors}");
        assert_eq!(errors, "after 5s: 2 still running: 1 event reader, 1 server\n");
        assert!(last.starts_with(&format!("{} readings written in ", rows.len())), "{last}");

        let mut written: HashMap<&str, usize> = HashMap::new();
        for row in &rows {
            let (_commit, reading) = row.split_once(' ').expect("a row has a commit");
            *written.entry(reading).or_default() += 1;
        }
        assert_eq!(written.remove(&*format!("large {}", large_value())), Some(filled));
        for (reading, accepted) in &*sent.lock().expect("no panic") {
            let times = written.remove(&**reading).unwrap_or(0);
            // Without an answer, a client cannot know; with one, it is there once.
            assert!(times == 1 || (times == 0 && !accepted), "{reading}: {times} times");
        }
        assert!(written.is_empty(), "never sent: {written:?}");

        let account = fast.await.expect("it does not panic");
        assert_eq!(account.received + account.missed, rows.len() as u64, "{account:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn second_sigterm_does_not_wait_for_readers() {
    let executable = executable().await;
    within_deadline(async {
        let mut process = Process::start(&executable, 3600).await;
        let _slow = EventReader::open(process.address).await;
        let filled = fill(process.address).await;

        process.terminate();
        let line = next_line(&mut process.output).await;
        assert_eq!(line, "stopping: a second signal does not wait for the rest");
        process.terminate();

        let (status, last, errors, rows) = process.wait().await;
        assert!(status.success(), "{errors}");
        assert!(errors.contains("1 event reader, 1 server"), "{errors}");
        assert!(last.starts_with(&format!("{filled} readings written in ")), "{last}");
        assert_eq!(rows.len(), filled);
    })
    .await;
}
