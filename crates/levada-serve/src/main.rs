//! The `levada` program: parse, run, exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    levada_serve::run(levada_serve::cli::parse())
}
