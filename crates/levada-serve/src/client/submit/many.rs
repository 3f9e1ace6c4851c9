//! Several files: a job for each, some at the same time.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use super::view::View;
use super::{Input, Offer, not_submitted};
use crate::cli::submit::SubmitArgs;
use crate::client::failure::{Done, Failure};
use crate::client::result::Sink;
use crate::client::{code, report, write};

pub(super) fn run(offer: &Offer<'_>, inputs: &[Input]) -> Done {
    let args = offer.args;
    let sinks = sinks(args, inputs)?;
    let seen = write::notes_to_terminal() && !args.server.quiet && !args.server.json;
    let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let lines = MultiProgress::with_draw_target(target);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut ended = Vec::new();
        loop {
            // ORDERING: Relaxed, no pair: each number is taken once, and nothing else is shared
            // through it.
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(input), Some(sink)) = (inputs.get(index), sinks.get(index)) else {
                return ended;
            };
            let bar = lines.add(ProgressBar::new(100)).with_prefix(input.name());
            let mut view = View::new(args, bar, None);
            let done = offer.one(input, sink.clone(), &mut view);
            let code = match done {
                Ok(()) => {
                    view.finish(console::style("done").green().for_stderr().to_string());
                    0
                }
                Err(failure) => {
                    lines.suspend(|| {
                        if !args.server.json {
                            write::note(&format!("{}:", input.name()));
                        }
                        report::failure(&failure, args.server.json);
                    });
                    view.finish(console::style("failed").red().for_stderr().to_string());
                    if failure.is_unreachable() {
                        // The others would fare no better.
                        // ORDERING: Relaxed, no pair: as above.
                        next.store(inputs.len(), Ordering::Relaxed);
                    }
                    failure.code()
                }
            };
            ended.push((index, code));
        }
    };
    let mut ended: Vec<(usize, u8)> = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..args.parallel.min(inputs.len())).map(|_| scope.spawn(work)).collect();
        // A worker that panicked has said so; what it had in hand is missing below.
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    ended.sort_unstable();
    match ended.iter().find(|(_, code)| *code != 0) {
        Some((_, code)) => Err(Failure::Told { code: *code }),
        None if ended.len() == inputs.len() => Ok(()),
        None => Err(Failure::Told { code: code::FAILED }),
    }
}

/// Where each output goes, which must be a place of its own.
fn sinks(args: &SubmitArgs, inputs: &[Input]) -> Done<Vec<Sink>> {
    if args.key.is_some() && inputs.len() > 1 {
        return Err(Failure::usage("--key names one job; give one file"));
    }
    if inputs.iter().filter(|input| matches!(input, Input::Stdin)).count() > 1 {
        return Err(Failure::usage("standard input can be read once; give - once"));
    }
    let Some(directory) = &args.output_dir else {
        if args.no_wait || args.server.json {
            return Ok(vec![Sink::Stdout; inputs.len()]);
        }
        return Err(Failure::usage(
            "several files have several outputs: give --output-dir DIR, --no-wait or --json",
        ));
    };
    fs::create_dir_all(directory)
        .map_err(|error| not_submitted(Failure::file("make", directory, &error)))?;
    let mut taken = HashSet::new();
    let sink = |input: &Input| {
        let name = match input {
            Input::File(path) => path.file_name().unwrap_or(path.as_os_str()),
            Input::Stdin | Input::Text(_) => OsStr::new("stdin"),
        };
        if !taken.insert(name.to_owned()) {
            let name = name.display();
            return Err(Failure::usage(format!(
                "two files are called {name}, and so would their outputs be; submit them one by one"
            )));
        }
        let to = directory.join(name);
        match input {
            Input::File(from) if same(from, &to) => Err(Failure::usage(format!(
                "the output would replace the input {}; give another --output-dir",
                to.display()
            ))),
            _ => Ok(Sink::File(to)),
        }
    };
    let sinks = inputs.iter().map(sink).collect::<Done<Vec<_>>>()?;
    sinks.iter().try_for_each(Sink::check).map_err(not_submitted)?;
    Ok(sinks)
}

fn same(one: &Path, other: &PathBuf) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}
