//! Everything CI runs, runnable at home: `cargo xtask NAME`.

mod cargo;
mod compat;
mod fmt;
mod shell;

use std::error::Error;
use std::process::ExitCode;

/// The result of a command; the error is a sentence for the person who ran it.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "fmt",
        about: "check the formatting",
        run: fmt::run,
    },
    Command {
        name: "compat",
        about: "run tokio's own channel tests and examples against tokio and levada",
        run: compat::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(command) = arguments.first().and_then(|name| find(name)) else {
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    match (command.run)(&arguments[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {}: {error}", command.name);
            ExitCode::FAILURE
        }
    }
}

fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask NAME [OPTIONS]\n\n");
    for command in COMMANDS {
        text += &format!("  {:<10} {}\n", command.name, command.about);
    }
    text
}
