//! Bodies and outputs that are large or slow: what they cost in memory, where they are meanwhile,
//! and how slowly they may come.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::{Notes, Server, read_to_close, until, within};

const MIB: usize = 1 << 20;
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                       Transfer-Encoding: chunked\r\n";

impl Server {
    /// A figure of the system about its memory, in bytes: `VmRSS` is what it has, `VmHWM` the most
    /// that it had.
    fn memory(&self, figure: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)).unwrap();
        let kib = line.trim_matches([':', ' ', '\t', 'k', 'B']);
        kib.parse::<usize>().unwrap() << 10
    }

    /// Begins a request whose body comes in pieces.
    async fn upload(&self, header: &str) -> TcpStream {
        self.send(&format!("{CHUNKED}{header}\r\n")).await
    }

    /// A service with its store in this folder.
    fn at(store: &Path, options: &[&str], command: &[&str]) -> Self {
        Self::start(&[&["--store", store.to_str().unwrap()], options].concat(), command)
    }
}

async fn piece(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.write_all(b"\r\n").await.unwrap();
}

/// The answer to a body of which nothing more comes.
async fn answer(mut stream: TcpStream) -> String {
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    read_to_close(&mut stream).await
}

/// The files of a store's bodies.
fn files(store: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(store.join("bodies")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// No file may be larger than 4 MiB: the system refuses to write on, as it does when the disk is
/// full.
fn with_small_files(levada: &mut Command) {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -f 8192 && exec "$0" "$@""#]).arg(levada.get_program());
    shell.args(levada.get_args()).env("RUST_LOG", "error");
    shell.stdin(Stdio::null()).stdout(Stdio::piped());
    *levada = shell;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_of_a_burst_of_uploads_is_given_back() {
    static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];
    let server = Server::start(&[], &["wc", "-c"]);
    for _ in 0..4 {
        let mut uploads = JoinSet::new();
        for _ in 0..64 {
            let mut stream = server.upload("").await;
            uploads.spawn(async move {
                for _ in 0..128 {
                    piece(&mut stream, &PIECE).await;
                }
                answer(stream).await
            });
        }
        for answer in uploads.join_all().await {
            assert!(
                answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("8388608\n"),
                "{answer}"
            );
        }
    }
    until("the memory of the burst is given back", || server.memory("VmRSS") <= 150 * MIB).await;
}

#[tokio::test]
async fn a_body_of_a_gibibyte_costs_a_small_buffer() {
    const LEN: usize = 1 << 30;
    let server = Server::start(&["--max-body", "1GiB", "--wait", "600"], &["wc", "-c"]);
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let mut stream = server.send(&format!("{head}Content-Length: {LEN}\r\n\r\n")).await;
    let chunk = vec![b'x'; MIB];
    for _ in 0..LEN / MIB {
        stream.write_all(&chunk).await.unwrap();
    }
    let answer = read_to_close(&mut stream).await;
    assert!(answer.ends_with("\r\n\r\n1073741824\n"), "{answer}");
    let most = server.memory("VmHWM");
    assert!(most <= 64 * MIB, "{most} bytes");
}

#[tokio::test]
async fn a_large_output_costs_a_small_buffer() {
    const LEN: usize = 16 * MIB;
    let server = Server::start(&["--wait", "600"], &["head", "-c", "16M", "/dev/zero"]);
    let mut readers = Vec::new();
    // They take as much of the answer as fits into buffers of the system's, and no more.
    for _ in 0..8 {
        let mut stream = server.upload("").await;
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        readers.push(stream);
    }
    server.until_progress(&[("succeeded", 8)]).await;
    // At the same time: a reader that takes nothing for 30 seconds is cut off.
    let answers = join_all(readers.iter_mut().map(async |stream| {
        let mut answer = Vec::new();
        within(stream.read_to_end(&mut answer)).await.unwrap();
        answer
    }));
    for answer in answers.await {
        let head = answer.len().saturating_sub(LEN);
        assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer[..head].ends_with(b"\r\n\r\n"));
        assert!(answer[head..].iter().all(|byte| *byte == 0));
    }
    let most = server.memory("VmHWM");
    assert!(most <= 64 * MIB, "{most} bytes");
}

#[tokio::test]
async fn a_thousand_slow_uploads_cost_small_buffers() {
    const CLIENTS: usize = 1000;
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits }).unwrap();
    let folder = TempDir::new().unwrap();
    let options = ["--queue", "1000", "--max-connections", "1100", "--body-timeout", "10m"];
    let server = Server::at(folder.path(), &options, &["wc", "-c"]);
    let before = server.memory("VmRSS");
    let chunk = vec![b'x'; 100_000];
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = server.upload("").await;
        piece(&mut stream, &chunk).await;
        clients.push(stream);
    }
    // What is in the files is in memory no more.
    until("files", || files(folder.path()).len() == CLIENTS).await;
    let most = server.memory("VmHWM") - before;
    assert!(most <= 150 * MIB, "{most} bytes for {CLIENTS} uploads");
    for stream in &mut clients {
        piece(stream, &chunk).await;
    }
    let mut last = clients.pop().unwrap();
    drop(clients);
    last.write_all(b"0\r\n\r\n").await.unwrap();
    assert!(read_to_close(&mut last).await.ends_with("\r\n\r\n200000\n"));
    until("the files of the others are gone", || files(folder.path()).len() == 1).await;
}

#[tokio::test]
async fn the_file_of_an_upload_is_that_of_its_job() {
    let folder = TempDir::new().unwrap();
    let server = Server::at(folder.path(), &[], &["cat"]);
    let mut stream = server.upload("Prefer: respond-async\r\n").await;
    let body: Vec<u8> = (0..3 * MIB).map(|number| (number % 251) as u8).collect();
    let (first, second) = body.split_at(2 * MIB + 77);
    piece(&mut stream, first).await;
    until("a file", || files(folder.path()).len() == 1).await;
    let inode = |file: &Path| fs::metadata(file).unwrap().ino();
    let file = files(folder.path()).pop().unwrap();
    let before = inode(&file);
    piece(&mut stream, second).await;
    let answer = answer(stream).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert_eq!(inode(&file), before);
    assert!(fs::read(&file).unwrap() == body);
    let id = server.get("/jobs").await.json()["jobs"][0]["id"].as_str().unwrap().to_owned();
    let job = server.until_job(&id, "succeeded").await;
    assert_eq!(
        (&job["input_bytes"], &job["output_bytes"]),
        (&body.len().into(), &body.len().into())
    );
    assert!(server.get(&format!("/jobs/{id}/result")).await.body == body);
    assert_eq!(files(folder.path()).len(), 2, "one for the input, one for the output");
}

#[tokio::test]
async fn an_upload_that_comes_to_nothing_leaves_no_file() {
    let folder = TempDir::new().unwrap();
    let mut server =
        Server::at(folder.path(), &["--body-timeout", "2", "--max-body", "1MiB"], &["cat"]);
    let large = vec![b'x'; 500_000];
    let begin = async |server: &Server| {
        let mut stream = server.upload("").await;
        piece(&mut stream, &large).await;
        until("a file", || files(folder.path()).len() == 1).await;
        stream
    };
    let none = || until("no file", || files(folder.path()).is_empty());

    drop(begin(&server).await);
    none().await;
    let mut broken = begin(&server).await;
    broken.write_all(b"no chunk\r\n").await.unwrap();
    assert!(read_to_close(&mut broken).await.starts_with("HTTP/1.1 400 "));
    none().await;
    let mut larger = begin(&server).await;
    piece(&mut larger, &large).await;
    piece(&mut larger, &large).await;
    assert!(read_to_close(&mut larger).await.starts_with("HTTP/1.1 413 "));
    none().await;
    let mut silent = begin(&server).await;
    assert!(read_to_close(&mut silent).await.starts_with("HTTP/1.1 408 "));
    none().await;

    // Killed in the middle, the next process removes it.
    let _half = begin(&server).await;
    server.signal(Signal::KILL);
    server.exit().await;
    assert_eq!(files(folder.path()).len(), 1);
    let server = Server::at(folder.path(), &[], &["cat"]);
    assert_eq!(files(folder.path()).len(), 0);
    assert_eq!(server.post("still here").await.text(), "still here");
}

#[tokio::test]
async fn a_repeated_upload_leaves_no_second_file() {
    let folder = TempDir::new().unwrap();
    let server = Server::at(folder.path(), &[], &["wc", "-c"]);
    let send = async |pieces: &[&[u8]]| {
        let mut stream = server.upload("Idempotency-Key: key\r\n").await;
        for bytes in pieces {
            piece(&mut stream, bytes).await;
        }
        answer(stream).await
    };
    let body = vec![b'x'; 300_000];
    assert!(send(&[&body]).await.ends_with("\r\n\r\n300000\n"));
    // The same body is the same request, however it comes.
    assert!(send(&[&body[..1], &body[1..]]).await.ends_with("\r\n\r\n300000\n"));
    assert!(send(&[&body, b"x"]).await.starts_with("HTTP/1.1 422 "));
    server.until_progress(&[("succeeded", 1), ("rejected", 1)]).await;
    until("the files of the others are gone", || files(folder.path()).len() == 1).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_for_a_file_is_refused_and_no_other() {
    let folder = TempDir::new().unwrap();
    let store = folder.path().to_str().unwrap();
    let server = Server::start_as(&["--store", store], &["wc", "-c"], with_small_files);
    let mut stream = server.upload("").await;
    for _ in 0..42 {
        piece(&mut stream, &vec![b'x'; 100_000]).await;
    }
    let answer = read_to_close(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains(":body-too-large"), "{answer}");
    assert!(answer.contains("File too large"), "{answer}");
    until("no file", || files(folder.path()).is_empty()).await;
    assert_eq!(server.get("/ready").await.status, 200);
    assert_eq!(server.post(vec![b'x'; 3 * MIB]).await.text(), "3145728\n");
}

#[tokio::test]
async fn a_job_whose_output_is_too_large_for_a_file_is_run_again() {
    let (folder, notes) = (TempDir::new().unwrap(), Notes::new());
    let store = folder.path().to_str().unwrap();
    // Less of it at the second attempt.
    let script = "head -c $((6 / LEVADA_ATTEMPT))M /dev/zero";
    let config = notes.at("levada.toml");
    let queue = crate::support::sh(script);
    fs::write(&config, format!("[queue.default]\n{queue}\nretry.backoff = \"10ms\"\n")).unwrap();
    let none: &[&str] = &[];
    let server = Server::start_as(&["--store", store, "--config", &config], none, with_small_files);
    let answer = server.post("").await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 3 * MIB));
    let job = server.job(answer.header("levada-job-id")).await;
    assert_eq!(job["attempt"], 2, "{job}");
    assert_eq!(server.get("/ready").await.status, 200);
}

#[tokio::test]
async fn an_upload_that_goes_on_is_not_cut_off() {
    let server = Server::start(&["--body-timeout", "0.5"], &["wc", "-c"]);
    let mut stream = server.upload("").await;
    for _ in 0..20 {
        piece(&mut stream, &[b'x'; 1000]).await;
        sleep(Duration::from_millis(100)).await;
    }
    assert!(answer(stream).await.ends_with("\r\n\r\n20000\n"));
}

#[tokio::test]
async fn a_trickle_is_cut_off() {
    let drip = async |options: &[&str]| {
        let server = Server::start(&[&["--body-timeout", "0.5"], options].concat(), &["wc", "-c"]);
        let mut stream = server.upload("").await;
        // Never silent for as long as it may be.
        for _ in 0..15 {
            // Once it is cut off, it cannot be written to.
            let sent = stream.write_all(b"1\r\nx\r\n").await;
            sleep(Duration::from_millis(100)).await;
            if sent.is_err() {
                break;
            }
        }
        drop(stream.write_all(b"0\r\n\r\n").await);
        let mut answer = String::new();
        drop(within(stream.read_to_string(&mut answer)).await);
        answer
    };
    let cut = drip(&[]).await;
    assert!(cut.starts_with("HTTP/1.1 408 "), "{cut}");
    assert!(cut.contains("the minimum is 500 bytes per second"), "{cut}");
    let whole = drip(&["--body-min-rate", "0"]).await;
    assert!(whole.ends_with("\r\n\r\n15\n"), "{whole}");
    let whole = drip(&["--body-min-rate", "1"]).await;
    assert!(whole.ends_with("\r\n\r\n15\n"), "{whole}");
}
