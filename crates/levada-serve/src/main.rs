//! The `levada` program: parse, run, exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    levada_serve::run(levada_serve::cli::Cli::parse())
}
