//! A running server, the tools, and what they wrote.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes on the slowest machine; only a failing test waits for it.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// `levada serve` with a shell script as its command. Dropping it aborts it; its store is in a
/// directory of its own, which it can be started in again.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    directory: TempDir,
    options: Vec<String>,
    script: String,
}

impl Server {
    pub(crate) fn script(options: &[&str], script: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        let (child, address) = start(directory.path(), &options, script);
        Self { child, address, directory, options, script: script.to_owned() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A file that the script finds in its working directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn open(&self, gate: &str) {
        std::fs::write(self.file(gate), "").unwrap();
    }

    /// Stops it in order, and starts it again at another address. `meanwhile` is what happens when
    /// it starts no other job any more.
    pub(crate) fn restart(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.signal(Signal::TERM);
        until("the server to close its door", || TcpStream::connect(&self.address).is_err());
        meanwhile(self);
        until("the server to end", || self.child.try_wait().unwrap().is_some());
        (self.child, self.address) = start(self.directory.path(), &self.options, &self.script);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// A tool that asks this server.
    pub(crate) fn levada<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = levada();
        command.args(args).env("LEVADA_SERVER", self.url()).current_dir(self.directory.path());
        command
    }

    /// Runs a tool that asks this server.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Ran {
        run(&mut self.levada(args), b"")
    }

    /// Gives it a job, and returns its id at once.
    pub(crate) fn give(&self, input: &str) -> String {
        let ran = self.run(&["submit", "--no-wait", "--data", input]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.line()
    }

    /// How a job is.
    pub(crate) fn state(&self, id: &str) -> Value {
        let ran = self.run(&["status", "--json", id]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json().remove(0)
    }

    pub(crate) fn until_state(&self, id: &str, state: &str) {
        until(state, || self.state(id)["state"] == state);
    }

    /// A script's words for waiting for a gate.
    pub(crate) const GATE: &'static str =
        "gate() { while [ ! -e \"$1\" ]; do sleep 0.02; done; }\n";
}

fn start(directory: &Path, options: &[String], script: &str) -> (Child, String) {
    let mut child = levada()
        .args(["serve", "--listen", "127.0.0.1:0", "--store", "store"])
        .args(options)
        .args(["--", "sh", "-c", script])
        .current_dir(directory)
        .env("RUST_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("levada: listening on http://");
    (child, address.unwrap_or_else(|| panic!("unexpected first line {line:?}")).to_owned())
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

/// The binary under test, with nothing in its environment that matters to it.
pub(crate) fn levada() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_levada"));
    for name in ["LEVADA_SERVER", "LEVADA_TOKEN", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

/// A tool that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// The only line of standard output.
    pub(crate) fn line(&self) -> String {
        let (line, rest) = self.text().split_once('\n').unwrap();
        assert_eq!(rest, "", "{self:?}");
        line.to_owned()
    }

    /// The JSON of each line of standard output.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[track_caller]
    pub(crate) fn says(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {:?}", self.err);
        }
    }
}

pub(crate) fn run(command: &mut Command, input: &[u8]) -> Ran {
    Running::start(command, input).end()
}

/// A tool that runs.
pub(crate) struct Running {
    child: Child,
    out: JoinHandle<Vec<u8>>,
    err: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command, input: &[u8]) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
        // One that does not read it is no failure.
        thread::spawn(move || drop(stdin.write_all(&input)));
        let mut stdout = child.stdout.take().unwrap();
        let out = thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, out, err, said: String::new() }
    }

    /// Waits until it says this.
    pub(crate) fn until_said(&mut self, word: &str) {
        while !self.said.contains(word) {
            let read = self.err.read_line(&mut self.said).unwrap();
            assert_ne!(read, 0, "{word:?} is not in {:?}", self.said);
        }
    }

    pub(crate) fn end(mut self) -> Ran {
        let mut child = self.child;
        let (mut err, mut said) = (self.err, std::mem::take(&mut self.said));
        let rest = thread::spawn(move || {
            err.read_to_string(&mut said).unwrap();
            said
        });
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > LONG {
                child.kill().unwrap();
                panic!("it does not end; it said {:?}", rest.join());
            }
            thread::sleep(Duration::from_millis(5));
        };
        let code = status.code().unwrap_or_else(|| panic!("it ended by {status}"));
        Ran { code, out: self.out.join().unwrap(), err: rest.join().unwrap() }
    }
}

/// Waits until the condition holds.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LONG, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A server that answers each request with what `answer` makes of its head, and hangs up. Returns
/// its address.
pub(crate) fn fake(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (head, _) = request(&mut stream);
            // A client that has gone is no failure.
            drop(stream.write_all(answer(&head).as_bytes()));
        }
    });
    format!("http://{address}")
}

/// Reads a request: its head, and all of it.
pub(crate) fn request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let mut some = [0; 4096];
        let read = stream.read(&mut some).unwrap();
        assert_ne!(read, 0, "the request ends early");
        bytes.extend_from_slice(&some[..read]);
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.parse().unwrap());
    let mut rest = vec![0; (end + length).saturating_sub(bytes.len())];
    stream.read_exact(&mut rest).unwrap();
    bytes.extend(rest);
    (head, bytes)
}

/// The answer that has the output of this job.
pub(crate) fn output(id: &str, body: &str) -> String {
    of_job(id, answer("200 OK", "text/plain", body))
}

/// The same answer, which names this job.
pub(crate) fn of_job(id: &str, answer: String) -> String {
    answer.replacen("\r\n", &format!("\r\nLevada-Job-Id: {id}\r\n"), 1)
}

/// An answer with this body.
pub(crate) fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
