//! A person's tools: everything but `levada serve` asks a server over HTTP, as `docs/http.md` says,
//! and knows nothing else of it.
//!
//! ```text
//! status, submit, queues, top -> change, result -> follow -> job -> http -> write
//! write -> failure -> problem -> code, text
//! beside them: pages, report (a failure, for a person), screen, table, sse
//! ```

mod change;
mod code;
mod failure;
mod follow;
mod http;
mod job;
mod pages;
mod problem;
mod queues;
mod report;
mod result;
mod screen;
mod sse;
mod status;
mod submit;
mod table;
mod text;
mod top;
mod write;

use std::process::ExitCode;

use self::failure::Done;
use crate::cli::cancel::CancelArgs;
use crate::cli::completions::CompletionsArgs;
use crate::cli::man::ManArgs;
use crate::cli::queues::QueuesArgs;
use crate::cli::result::ResultArgs;
use crate::cli::retry::RetryArgs;
use crate::cli::status::StatusArgs;
use crate::cli::submit::SubmitArgs;
use crate::cli::top::TopArgs;

/// `levada submit`.
pub(crate) fn submit(args: &SubmitArgs) -> ExitCode {
    exit(submit::run(args), args.server.json)
}

/// `levada status`.
pub(crate) fn status(args: &StatusArgs) -> ExitCode {
    exit(status::run(args), args.server.json)
}

/// `levada result`.
pub(crate) fn result(args: &ResultArgs) -> ExitCode {
    exit(result::run(args), args.server.json)
}

/// `levada cancel`.
pub(crate) fn cancel(args: &CancelArgs) -> ExitCode {
    exit(change::cancel(args), args.server.json)
}

/// `levada retry`.
pub(crate) fn retry(args: &RetryArgs) -> ExitCode {
    exit(change::retry(args), args.server.json)
}

/// `levada queues`.
pub(crate) fn queues(args: &QueuesArgs) -> ExitCode {
    exit(queues::run(args), args.server.json)
}

/// `levada top`.
pub(crate) fn top(args: &TopArgs) -> ExitCode {
    exit(top::run(args), false)
}

/// `levada completions`.
pub(crate) fn completions(args: &CompletionsArgs) -> ExitCode {
    exit(pages::completions(args), false)
}

/// `levada man`.
pub(crate) fn man(args: &ManArgs) -> ExitCode {
    exit(pages::man(args), false)
}

fn exit(done: Done, json: bool) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report::failure(&failure, json);
            ExitCode::from(failure.code())
        }
    }
}
