//! `cargo xtask loom`: the models of levada's parts, over all interleavings.

use crate::Result;
use crate::cargo::{Metadata, cargo};
use crate::shell;

/// How often a thread may be interrupted where it does not wait; the nightly run sets 3.
const PREEMPTIONS: &str = "2";

/// Counts the models, then runs them.
pub(crate) fn run() -> Result {
    let metadata = Metadata::load()?;
    let target_dir = metadata.target_dir().join("loom");
    let preemptions = std::env::var("LOOM_MAX_PREEMPTIONS").unwrap_or(PREEMPTIONS.to_owned());
    let models = |options: &[&str]| {
        let mut command = cargo();
        command.args(["test", "--package", "levada", "--lib", "--release"]);
        command.args(["--no-default-features", "--", "model"]).args(options);
        // A folder of its own: the flag would otherwise rebuild everything, there and back.
        command.env("CARGO_TARGET_DIR", &target_dir);
        command.env("RUSTFLAGS", "--cfg levada_loom");
        command.env("LOOM_MAX_PREEMPTIONS", &preemptions);
        command
    };
    let list = shell::output(&mut models(&["--list", "--format=terse"]))?;
    let count = list.lines().filter(|line| line.ends_with(": test")).count();
    if count == 0 {
        return Err("no test has `model` in its name; the models were lost".into());
    }
    shell::run(&mut models(&[]))?;
    println!("{count} models, {preemptions} preemptions");
    Ok(())
}
