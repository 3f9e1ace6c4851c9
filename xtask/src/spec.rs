//! `cargo xtask spec`: the channels against their sequential models.

use crate::Result;
use crate::cargo::cargo;
use crate::shell;

/// Random cases per channel in the long run, unless the environment says how many.
const DEEP_CASES: &str = "20000";

/// Runs random operations, a few or (`--deep`) many.
pub(crate) fn run(options: &[String]) -> Result {
    let mut command = cargo();
    command.args(["test", "--package", "levada-spec"]);
    match options {
        [] => {}
        [deep] if deep == "--deep" => {
            let cases = std::env::var("PROPTEST_CASES").unwrap_or(DEEP_CASES.to_owned());
            command.arg("--release").env("PROPTEST_CASES", cases);
        }
        _ => return Err(format!("takes `--deep` or nothing, not {options:?}").into()),
    }
    // The tests print how much was compared.
    shell::run(command.args(["--", "--show-output"]))
}
