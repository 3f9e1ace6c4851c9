//! `levada top`: the channels of a program, in the terminal.
//!
//! ```text
//! mod -> session -> screen -> view -> columns -> app -> figures
//! mod -> once -> columns; session -> recording -> source
//! ```

mod app;
mod columns;
mod figures;
mod once;
#[cfg(test)]
#[path = "../../../tests/client/pty.rs"]
#[expect(dead_code, reason = "the tests of the whole program use the rest")]
mod pty;
mod recording;
mod screen;
mod session;
mod source;
mod view;

use std::path::Path;

use self::app::{App, Player, Source};
use self::recording::{Recorder, Recording};
use self::source::Program;
use super::failure::Done;
use super::text::clean;
use super::write;
use crate::cli::top::TopArgs;

pub(super) fn run(args: &TopArgs) -> Done {
    let once = args.once
        || !write::to_terminal()
        || std::env::var_os("TERM").is_some_and(|it| it == "dumb");
    match &args.replay {
        Some(path) => replay(path, once),
        None => watch(args, once),
    }
}

fn watch(args: &TopArgs, once: bool) -> Done {
    let program = Program::new(args)?;
    let first = program.report();
    if once {
        let report = first?;
        if let Some(path) = &args.record {
            Recorder::create(path)?.write(&report)?;
        }
        return once::print(&report);
    }
    // A program that is not there yet, or restarts, is waited for; a refusal is final.
    let first = match first {
        Err(failure) if !failure.is_unreachable() => return Err(failure),
        first => first,
    };
    let recorder = args.record.as_deref().map(Recorder::create).transpose()?;
    let every = humantime::format_duration(args.interval).to_string();
    let mut app =
        App::new(Source::Program { address: clean(program.address()).into_owned(), every });
    app.record = args.record.as_deref().map(|path| Ok(name(path)));
    session::of_program(app, first, program, args.interval, recorder)
}

fn replay(path: &Path, once: bool) -> Done {
    let mut recording = Recording::open(path)?;
    if once {
        return once::print(&recording.load(recording.times().len() - 1)?);
    }
    // What no report of it can be shown for is an error at once.
    recording.load(0)?;
    let player = Player::new(recording.times().to_vec());
    session::of_recording(App::new(Source::Replay { file: name(path), player }), recording)
}

fn name(path: &Path) -> String {
    clean(&path.display().to_string()).into_owned()
}
