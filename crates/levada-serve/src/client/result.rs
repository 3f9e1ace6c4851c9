//! `levada result`, and the delivery of any output.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::failure::{Done, Failure, Unreachable};
use super::follow::{AGAIN, insist};
use super::http::{Answer, LONGEST_POLL, Method, Request, Server};
use super::job::{Job, path};
use super::text::clean;
use super::{code, write};
use crate::cli::result::ResultArgs;

/// Where an output goes.
#[derive(Debug, Clone)]
pub(super) enum Sink {
    Stdout,
    File(PathBuf),
    /// Standard output, where this much was shown as it came.
    Shown(Vec<u8>),
}

impl Sink {
    /// Whether a file can be written, before anything is done for its content. Nothing of it
    /// changes.
    pub(super) fn check(&self) -> Done {
        let Self::File(path) = self else { return Ok(()) };
        let checked = match fs::metadata(path) {
            // Opening a pipe or a device can wait, and the other side can see it.
            Ok(it) if !it.is_file() && !it.is_dir() => Ok(()),
            Ok(_) => File::options().write(true).open(path).map(drop),
            Err(error) if error.kind() == ErrorKind::NotFound => match File::create_new(path) {
                Ok(_) => fs::remove_file(path),
                // A link that leads to no file yet.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        checked.map_err(|error| Failure::file("write", path, &error))
    }
}

pub(super) fn run(args: &ResultArgs) -> Done {
    let server = Server::new(&args.server)?;
    let sink = args.output.clone().map_or(Sink::Stdout, Sink::File);
    sink.check()?;
    if args.stderr {
        let answer = server.get(&format!("{}/stderr", path(&args.id)))?.of_job(&args.id)?;
        return deliver(answer, &args.id, sink);
    }
    // What no clock can count has no end.
    let until = Instant::now().checked_add(args.wait.unwrap_or_default());
    let wait = || {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        ask(&server, &args.id, left.unwrap_or(LONGEST_POLL))
    };
    let mut began = Instant::now();
    let mut answer = wait()?;
    while answer.status == 202 {
        if until.is_some_and(|until| until <= Instant::now()) {
            return Err(not_over(answer, &args.id, args.server.json));
        }
        thread::sleep(AGAIN.saturating_sub(began.elapsed()));
        began = Instant::now();
        answer = insist(wait)?;
    }
    deliver(answer, &args.id, sink)
}

/// Asks for a job's output, and waits a while for its end.
pub(super) fn ask(server: &Server, id: &str, wait: Duration) -> Done<Answer> {
    // The server counts whole seconds.
    let seconds = wait.min(LONGEST_POLL).as_millis().div_ceil(1000);
    let headers = vec![("prefer", format!("wait={seconds}"))];
    let request = Request { headers, ..Request::default() };
    server.call(Method::Get, &format!("{}/result", path(id)), request)?.of_job(id)
}

/// The answer has the state of a job in place of its output.
pub(super) fn not_over(answer: Answer, id: &str, json: bool) -> Failure {
    match answer.json::<Job>() {
        Err(failure) => failure,
        Ok((raw, _)) if json => {
            write::line(&raw).err().unwrap_or(Failure::Told { code: code::NOT_NOW })
        }
        Ok((_, job)) => still(id, &job),
    }
}

/// The job has not ended yet.
pub(super) fn still(id: &str, job: &Job) -> Failure {
    let state = clean(&job.state);
    let state = if state.is_empty() { "in an unknown state".into() } else { state };
    let remark = match job.remark() {
        remark if remark.is_empty() => remark,
        remark => format!(" ({remark})"),
    };
    let message = format!("the job has not ended; it is {state}{remark}");
    Failure::Here { code: code::NOT_NOW, message }.of_job(id)
}

/// Writes the rest of an answer, byte for byte.
pub(super) fn deliver(answer: Answer, id: &str, sink: Sink) -> Done {
    let url = answer.url().to_string();
    let reader = answer.reader();
    let copied = match sink {
        Sink::Stdout => {
            copy(reader, &mut io::stdout().lock()).map_err(|error| error.map_write(None))
        }
        Sink::Shown(shown) => {
            // What was shown may have gaps, or may not be what was written: then all of it is
            // written.
            let mut reader = reader;
            let mut first = vec![0; shown.len()];
            let out = &mut io::stdout().lock();
            let read = fill(&mut reader, &mut first).map_err(Broken::Read);
            read.and_then(|read| {
                let again = if first == shown { &[][..] } else { &first[..read] };
                if !again.is_empty() {
                    write::note("levada: the live output was incomplete; the full output follows:");
                }
                out.write_all(again).map_err(Broken::Write)?;
                copy(reader, out)
            })
            .map_err(|error| error.map_write(None))
        }
        Sink::File(path) => File::create(&path)
            .map_err(Broken::Write)
            .and_then(|mut file| copy(reader, &mut file))
            .map_err(|error| error.map_write(Some(&path))),
    };
    copied.map_err(|broken| match broken {
        Ok(failure) => failure,
        Err(error) => Failure::Unreachable(Unreachable {
            message: format!("the output from {url} broke off: {error}"),
            advice: String::new(),
            sent: true,
        })
        .of_job(id),
    })
}

/// Which end of a copy failed.
enum Broken {
    Read(io::Error),
    Write(io::Error),
}

impl Broken {
    /// What cannot be written is said in the words of where it was to be written.
    fn map_write(self, to: Option<&Path>) -> Result<Failure, io::Error> {
        match self {
            Self::Read(error) => Err(error),
            Self::Write(error) => Ok(match to {
                None => Failure::output(&error),
                Some(path) => Failure::file("write", path, &error),
            }),
        }
    }
}

/// `io::copy` does not say which end failed.
fn copy(mut from: impl Read, to: &mut impl Write) -> Result<(), Broken> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return to.flush().map_err(Broken::Write),
            Ok(read) => to.write_all(&buffer[..read]).map_err(Broken::Write)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Broken::Read(error)),
        }
    }
}

/// Reads until the buffer is full, or there is no more.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
