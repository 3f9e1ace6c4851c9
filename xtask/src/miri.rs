//! `cargo xtask miri`: undefined behaviour, data races and leaks, in an interpreter that knows the
//! rules of the language; with weak memory emulated, so that a load may give an older value than
//! the last.

use crate::Result;
use crate::leaks;
use crate::shell;
use crate::toolchain::Toolchain;
use std::process::Command;

const USAGE: &str = "usage: cargo xtask miri [--deep | --target TRIPLE]";
const NIGHTLY: Toolchain<'_> = Toolchain("nightly");

/// Integration tests that are quick enough. The others wait for real time, or for many rounds.
const TESTS: &[&str] = &["--test", "oneshot", "--test", "stress"];

/// Interpreted as if the machine were one of these: big-endian; 64 bits, as the host, with another
/// alignment of its types; 32 bits.
const TARGETS: &[&str] =
    &["s390x-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "i686-unknown-linux-gnu"];

/// Each seed is another schedule, other stale values, other failures of weak exchanges.
const MODEL_SEEDS: u32 = 64;
const STRESS_SEEDS: u32 = 16;

const TREE_BORROWS: &str = "-Zmiri-tree-borrows";

/// Snapshots tell the time, of the host's clock.
const WITH_CLOCK: &str = "-Zmiri-disable-isolation";

/// Runs the unit tests and the quick integration tests; with `--deep` also by the other aliasing
/// model, with many seeds and for other machines.
pub(crate) fn run(options: &[String]) -> Result {
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    NIGHTLY.need(&["miri", "rust-src"], &[])?;
    leaks::check(miri(None, "").args(["--package", "levada", "--lib"]))?;
    match options[..] {
        [] => {
            unit_tests(None, "")?;
            levada(None, "", TESTS, &["--all-features"], &[])?;
            snapshots()
        }
        ["--deep"] => deep(),
        ["--target", target] => unit_tests(Some(target), ""),
        _ => Err(format!("{options:?}; {USAGE}").into()),
    }
}

fn deep() -> Result {
    for aliasing in ["", TREE_BORROWS] {
        unit_tests(None, aliasing)?;
        levada(None, aliasing, TESTS, &["--all-features"], &[])?;
    }
    for (seeds, tests, filter) in
        [(MODEL_SEEDS, &["--lib"][..], "model"), (STRESS_SEEDS, &["--test", "stress"], "")]
    {
        let flags = format!("-Zmiri-many-seeds=0..{seeds}");
        levada(None, &flags, tests, &["--no-default-features"], &[filter])?;
    }
    TARGETS.iter().try_for_each(|target| unit_tests(Some(target), ""))
}

/// What the feature `observe` records, and what snapshots read of it.
fn snapshots() -> Result {
    let features = ["--no-default-features", "--features", "observe"];
    levada(None, WITH_CLOCK, &["--lib"], &features, &["observe::"])?;
    levada(None, WITH_CLOCK, &["--test", "observe"], &features, &[])
}

/// The unit tests, those that leak on purpose apart.
fn unit_tests(target: Option<&str>, flags: &str) -> Result {
    let features = ["--no-default-features", "--features", "stream"];
    let skipped: Vec<_> = leaks::skipped().collect();
    levada(target, flags, &["--lib"], &features, &skipped)?;
    let flags = format!("{flags} -Zmiri-ignore-leaks");
    levada(target, flags.trim(), &["--lib"], &features, leaks::only())
}

fn levada(
    target: Option<&str>,
    flags: &str,
    tests: &[&str],
    features: &[&str],
    filter: &[&str],
) -> Result {
    let mut command = miri(target, flags);
    command.args(["--package", "levada"]).args(tests).args(features);
    shell::run(command.arg("--").args(filter))
}

fn miri(target: Option<&str>, flags: &str) -> Command {
    let mut command = NIGHTLY.cargo();
    // A backtrace of a panic that is expected would be interpreted, too.
    command.args(["miri", "test"]).env("RUST_BACKTRACE", "0");
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    if !flags.is_empty() {
        command.env("MIRIFLAGS", flags);
    }
    command
}
