//! `levada submit`: gives the server one job or several, follows them to their ends, and takes
//! their output.

mod interrupt;
mod many;
mod patience;
mod view;

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;

use self::interrupt::Followed;
use self::patience::Patience;
use self::view::View;
use super::failure::{Done, Failure};
use super::follow::{follow, insist};
use super::http::{Method, Request, Server, segment};
use super::job::Job;
use super::result::{Sink, ask, deliver, not_over, still};
use super::text::clean;
use super::{code, write};
use crate::cli::submit::SubmitArgs;

/// Where the input of a job comes from.
#[derive(Debug, Clone)]
enum Input {
    Stdin,
    File(PathBuf),
    Text(String),
}

pub(super) fn run(args: &SubmitArgs) -> Done {
    let offer = Offer { args, server: Server::new(&args.server)?, followed: Followed::watched() };
    let inputs = inputs(args);
    if args.output_dir.is_some() || inputs.len() > 1 {
        return many::run(&offer, &inputs);
    }
    let sink = args.output.clone().map_or(Sink::Stdout, Sink::File);
    sink.check().map_err(not_submitted)?;
    let mut view = View::of_one(args);
    let done = offer.one(&inputs[0], sink, &mut view);
    view.clear();
    done
}

/// Nothing becomes a job whose output has no place.
fn not_submitted(failure: Failure) -> Failure {
    match failure {
        Failure::Here { code, message } => {
            Failure::Here { code, message: format!("{message}; nothing was submitted") }
        }
        failure => failure,
    }
}

fn inputs(args: &SubmitArgs) -> Vec<Input> {
    let file = |path: &PathBuf| {
        if path == Path::new("-") { Input::Stdin } else { Input::File(path.clone()) }
    };
    match (&args.data, &args.file) {
        (Some(text), _) => vec![Input::Text(text.clone())],
        (None, Some(path)) => vec![file(path)],
        (None, None) if args.files.is_empty() => vec![Input::Stdin],
        (None, None) => args.files.iter().map(file).collect(),
    }
}

/// What all jobs of one command line have in common.
#[derive(Debug)]
struct Offer<'a> {
    args: &'a SubmitArgs,
    server: Server,
    followed: Followed,
}

impl Offer<'_> {
    /// One job from its input to its output.
    fn one(&self, input: &Input, sink: Sink, view: &mut View) -> Done {
        let body = input.read(self.args.server.quiet)?;
        let (raw, id) = self.accepted(&body, view)?;
        let done = if self.args.no_wait {
            view.clear();
            write::line(&if self.args.server.json { raw.into() } else { clean(&id) })
        } else {
            self.output(&id, sink, view)
        };
        done.map_err(|failure| failure.of_job(&id))
    }

    /// Waits for the end of a job that was accepted, and takes its output.
    fn output(&self, id: &str, sink: Sink, view: &mut View) -> Done {
        let Self { args, server, followed } = self;
        let until = args.wait.and_then(|wait| Instant::now().checked_add(wait));
        view.accepted(id);
        followed.insert(id);
        let job = follow(server, id, until, view);
        followed.remove(id);
        let job = job?;
        if args.server.json {
            return self.told(id, sink, view);
        }
        if !job.is_final() {
            return Err(still(id, &Job::get(server, id).map_or(job, |(_, job)| job)));
        }
        let answer =
            insist(|| ask(server, id, Duration::ZERO)).map_err(|failure| match failure {
                Failure::Problem(mut problem) => {
                    if view.has_shown(&problem.stderr_tail) {
                        problem.stderr_tail.clear();
                    }
                    Failure::Problem(problem)
                }
                failure => failure,
            })?;
        view.clear();
        if answer.status == 202 {
            // It has been run again in the meantime.
            return Err(not_over(answer, id, false));
        }
        let sink = match sink {
            Sink::Stdout => view.shown().map_or(Sink::Stdout, Sink::Shown),
            sink => sink,
        };
        deliver(answer, id, sink)
    }

    /// With `--json`: the state at the end, and the exit code of the same job without. The output
    /// is only wanted in a file.
    fn told(&self, id: &str, sink: Sink, view: &View) -> Done {
        let server = &self.server;
        let (raw, job) = insist(|| Job::get(server, id))?;
        view.clear();
        write::line(&raw)?;
        if !job.is_final() {
            return Err(Failure::Told { code: code::NOT_NOW });
        }
        match (job.state.as_str(), sink) {
            ("succeeded", Sink::File(path)) => {
                deliver(insist(|| ask(server, id, Duration::ZERO))?, id, Sink::File(path))
            }
            ("succeeded", _) => Ok(()),
            _ => match insist(|| ask(server, id, Duration::ZERO)) {
                // It has been run again in the meantime.
                Ok(_) => Err(Failure::Told { code: code::NOT_NOW }),
                Err(failure) => Err(Failure::Told { code: failure.code() }),
            },
        }
    }

    /// Gives the server the job, as patiently as was asked for. Its state as it came, and its id.
    fn accepted(&self, body: &[u8], view: &View) -> Done<(String, String)> {
        let args = self.args;
        // If a request breaks off, the client cannot know whether the job was accepted. A second
        // request with the same key finds the same job.
        let key = args.key.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
        let mut patience = Patience::new(args.retry, args.max_wait);
        loop {
            match self.submit(body, &key) {
                Ok(job) => return Ok(job),
                Err(failure) => {
                    let Some(pause) = patience.pause(&failure) else { return Err(failure) };
                    view.waits(&failure, pause);
                    thread::sleep(pause);
                }
            }
        }
    }

    fn submit(&self, body: &[u8], key: &str) -> Done<(String, String)> {
        let Self { args, server, .. } = self;
        let mut headers =
            vec![("idempotency-key", key.to_owned()), ("prefer", "respond-async".to_owned())];
        if let Some(kind) = &args.content_type {
            headers.push(("content-type", kind.clone()));
        }
        let path = format!("/q/{}", segment(&args.queue));
        let request = Request { headers, body: Some(body), limit: None };
        match server.call(Method::Post, &path, request) {
            Ok(answer) => {
                if answer.status == 202 {
                    let (raw, Job { id, .. }) = answer.json()?;
                    return Ok((raw, id));
                }
                // With a key of before, the job may be over.
                let (id, _) = answer.job_id()?;
                self.state(id)
            }
            Err(Failure::Problem(problem)) if problem.is_outcome() && problem.job_id.is_some() => {
                self.state(problem.job_id.unwrap_or_default())
            }
            Err(failure) => Err(failure),
        }
    }

    /// The state of a job as it came, and its id.
    fn state(&self, id: String) -> Done<(String, String)> {
        match insist(|| Job::get(&self.server, &id)) {
            Ok((raw, _)) => Ok((raw, id)),
            Err(failure) => Err(failure.of_job(&id)),
        }
    }
}

impl Input {
    fn read(&self, quiet: bool) -> Done<Vec<u8>> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::File(path) => fs::read(path).map_err(|error| Failure::file("read", path, &error)),
            Self::Stdin => {
                let mut stdin = io::stdin().lock();
                if stdin.is_terminal() && !quiet {
                    write::note("levada: reading the input from the terminal; Ctrl-D ends it");
                }
                let mut bytes = Vec::new();
                let read = stdin.read_to_end(&mut bytes);
                read.map_err(|error| Failure::Here {
                    code: code::IO,
                    message: format!("cannot read standard input: {error}"),
                })?;
                Ok(bytes)
            }
        }
    }

    /// What to call it.
    fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::File(path) => clean(&path.display().to_string()).into_owned(),
            Self::Text(_) => "text".to_owned(),
        }
    }
}
