//! `levada cancel` and `levada retry`.

use serde::Deserialize;

use super::failure::{Done, Failure};
use super::http::{Method, Request, Server, segment};
use super::job::{Job, path};
use super::text::clean;
use super::{code, report, write};
use crate::cli::cancel::CancelArgs;
use crate::cli::retry::RetryArgs;

pub(super) fn cancel(args: &CancelArgs) -> Done {
    let server = Server::new(&args.server)?;
    each(&args.ids, args.server.json, |id| {
        let answer = server.call(Method::Delete, &path(id), Request::default())?;
        let done = if answer.status == 202 { "is being stopped" } else { "cancelled" };
        let (raw, job) = answer.json::<Job>()?;
        tell(args.server.json, &raw, &format!("{} {done}", clean(&job.id)))
    })
}

pub(super) fn retry(args: &RetryArgs) -> Done {
    let server = Server::new(&args.server)?;
    if args.all_failed {
        return retry_all(args, &server);
    }
    each(&args.ids, args.server.json, |id| {
        let path = format!("{}/retry", path(id));
        let empty = Request { body: Some(b""), ..Request::default() };
        let (raw, job) = server.call(Method::Post, &path, empty)?.json::<Job>()?;
        tell(args.server.json, &raw, &format!("{} {}", clean(&job.id), clean(&job.state)))
    })
}

/// The answer of `POST /q/{queue}/retry`.
#[derive(Debug, Deserialize)]
struct Retried {
    retried: u64,
    left: u64,
}

fn retry_all(args: &RetryArgs, server: &Server) -> Done {
    let path = format!("/q/{}/retry", segment(&args.queue));
    let empty = Request { body: Some(b""), ..Request::default() };
    let (raw, Retried { retried, left }) = server.call(Method::Post, &path, empty)?.json()?;
    tell(args.server.json, &raw, &format!("{retried} jobs run again, {left} left"))?;
    if left == 0 {
        return Ok(());
    }
    if !args.server.json {
        write::note(
            "levada: the jobs that are left found no place in the queue in time, or the server no \
             longer keeps their inputs",
        );
    }
    Err(Failure::Told { code: code::NOT_NOW })
}

fn tell(json: bool, raw: &str, text: &str) -> Done {
    write::line(if json { raw } else { text })
}

/// Goes on when one fails; the exit code is that of the first that did.
pub(super) fn each(ids: &[String], json: bool, act: impl Fn(&str) -> Done) -> Done {
    let mut first = None;
    for id in ids {
        match act(id) {
            Ok(()) => {}
            // The others would fare no better.
            Err(failure @ (Failure::Unreachable(_) | Failure::NobodyReads)) => return Err(failure),
            Err(failure) => {
                report::failure(&failure, json);
                first.get_or_insert(failure.code());
            }
        }
    }
    first.map_or(Ok(()), |code| Err(Failure::Told { code }))
}
