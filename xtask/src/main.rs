//! Everything CI runs, runnable at home: `cargo xtask NAME`.

mod cargo;
mod ci;
mod clippy;
mod compat;
mod deny;
mod doc;
mod features;
mod fmt;
mod loom;
mod miri;
mod shell;
mod test;

use std::error::Error;
use std::process::ExitCode;

/// The result of a command; the error is a sentence for the person who ran it.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

struct Command {
    name: &'static str,
    about: &'static str,
    run: Run,
}

#[derive(Clone, Copy)]
enum Run {
    Plain(fn() -> Result),
    /// Takes the words behind the command's name.
    WithOptions(fn(&[String]) -> Result),
}

const COMMANDS: &[Command] = &[
    command(
        "ci",
        "everything a change must pass, in this order",
        Run::Plain(ci::run),
    ),
    command("fmt", "formatting", Run::Plain(fmt::run)),
    command(
        "clippy",
        "lints, warnings are errors",
        Run::Plain(clippy::run),
    ),
    command("doc", "the docs, public and private", Run::Plain(doc::run)),
    command(
        "test",
        "unit, integration and doc tests of the workspace",
        Run::Plain(test::run),
    ),
    command(
        "features",
        "levada with each set of features",
        Run::Plain(features::run),
    ),
    command(
        "loom",
        "the models, over all interleavings",
        Run::Plain(loom::run),
    ),
    command(
        "compat",
        "tokio's own channel tests on levada [--only FILE,FILE] [--filter NAME] [--baseline]",
        Run::WithOptions(compat::run),
    ),
    command(
        "miri",
        "levada's unit tests under Miri; wants nightly",
        Run::Plain(miri::run),
    ),
    command(
        "deny",
        "licences, advisories, sources; wants cargo-deny",
        Run::Plain(deny::run),
    ),
];

const fn command(name: &'static str, about: &'static str, run: Run) -> Command {
    Command { name, about, run }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, options)) = arguments.split_first() else {
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    match run(name, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command by name.
fn run(name: &str, options: &[String]) -> Result {
    let command = COMMANDS.iter().find(|command| command.name == name);
    match command
        .ok_or_else(|| format!("no such command\n{}", usage()))?
        .run
    {
        Run::Plain(run) if options.is_empty() => run(),
        Run::Plain(_) => Err(format!("takes no options, not even {options:?}").into()),
        Run::WithOptions(run) => run(options),
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask NAME [OPTIONS]\n\n");
    for command in COMMANDS {
        text += &format!("  {:<10} {}\n", command.name, command.about);
    }
    text
}
