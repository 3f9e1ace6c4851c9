//! `cargo xtask targets`: levada on machines of other widths and orders of memory.
//!
//! The tests are linked statically by the linker that comes with Rust, so that no C toolchain and no
//! foreign system libraries are needed: only rustup's targets and, for another processor, qemu.

use crate::cargo::{Metadata, cargo};
use crate::toolchain::{host, need_program};
use crate::{Result, shell};
use std::path::Path;
use std::process::Command;

/// 32 bits: counters wrap early, and a state word is not a pointer's size.
const I686: &str = "i686-unknown-linux-musl";
/// A weaker memory model than x86's, though qemu on x86 shows little of it.
const AARCH64: &str = "aarch64-unknown-linux-musl";
/// No threads and no clock.
const WASM32: &str = "wasm32-unknown-unknown";

/// Runs those that are named, or all.
pub(crate) fn run(names: &[String]) -> Result {
    let mut names: Vec<_> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        names = vec!["wasm32", "i686", "aarch64"];
    }
    let target_dir = Metadata::load()?.target_dir().join("targets");
    for name in names {
        match name {
            "wasm32" => wasm32(&target_dir)?,
            "i686" => tests(&target_dir, I686, None)?,
            "aarch64" if host()?.starts_with("aarch64") => tests(&target_dir, AARCH64, None)?,
            "aarch64" => {
                let how = "`apt-get install qemu-user` or your system's package of that name";
                let qemu = need_program(&["qemu-aarch64", "qemu-aarch64-static"], how)?;
                tests(&target_dir, AARCH64, Some(qemu))?;
            }
            other => return Err(format!("no target `{other}`: wasm32, i686 or aarch64").into()),
        }
    }
    Ok(())
}

/// Compiles levada with each set of features, and runs `tests/wasm` by Node.js: the usual tests start
/// threads.
fn wasm32(target_dir: &Path) -> Result {
    need_target(WASM32)?;
    let how = "`apt-get install nodejs`, or https://nodejs.org";
    let node = need_program(&["node"], how)?;
    for features in ["", "stream", "tokio", "stream,tokio"] {
        let mut command = package("levada", "build", target_dir, WASM32);
        shell::run(command.args(["--no-default-features", "--features", features]))?;
    }
    shell::run(&mut package("levada-wasm", "build", target_dir, WASM32))?;
    let program = target_dir.join(WASM32).join("debug/levada_wasm.wasm");
    let channels = shell::output(Command::new(node).args(["-e", RUN_WASM]).arg(program))?;
    if channels.trim() != "5" {
        return Err(format!("tests/wasm checked {channels:?} channels, not 5").into());
    }
    println!("wasm32: 5 channels work");
    Ok(())
}

/// Prints what `run` of the WebAssembly program that is the argument gives.
const RUN_WASM: &str = "const program = require('fs').readFileSync(process.argv[1]);
    WebAssembly.instantiate(program).then(({ instance }) => console.log(instance.exports.run()));";

/// Runs the unit and integration tests.
fn tests(target_dir: &Path, target: &str, runner: Option<&str>) -> Result {
    need_target(target)?;
    let mut command = package("levada", "test", target_dir, target);
    command.args(["--all-features", "--lib", "--tests", "--no-fail-fast"]);
    let variable = target.to_uppercase().replace('-', "_");
    let flags = "-Clinker=rust-lld -Clink-self-contained=yes";
    command.env(format!("CARGO_TARGET_{variable}_RUSTFLAGS"), flags);
    if let Some(runner) = runner {
        command.env(format!("CARGO_TARGET_{variable}_RUNNER"), runner);
    }
    shell::run(&mut command)
}

/// A command of its own target folder: one with other flags would rebuild everything.
fn package(name: &str, action: &str, target_dir: &Path, target: &str) -> Command {
    let mut command = cargo();
    command.args([action, "--package", name, "--target", target]);
    command.env("CARGO_TARGET_DIR", target_dir);
    command
}

/// Whether the toolchain that runs xtask has the target.
fn need_target(target: &str) -> Result {
    let mut command = Command::new("rustc");
    let libraries = shell::output(command.args(["--print", "target-libdir", "--target", target]))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    Err(format!("the target {target} is not installed; `rustup target add {target}`").into())
}
