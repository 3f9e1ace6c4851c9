//! `cargo xtask targets`: levada on machines of other widths, orders of bytes and orders of memory.
//!
//! Alone it builds and runs `tests/targets`, which calls every channel, for each usual target of
//! [`TARGETS`]; with a target's name it runs levada's own tests there as well.
//!
//! Where Rust brings the C library along, the linker that comes with Rust is enough. What else a
//! target wants (a C library, qemu for another processor, Node.js) is installed, if that is
//! possible.

use crate::cargo::{Metadata, cargo};
use crate::toolchain::{host, need_package, need_target};
use crate::{Result, shell};
use std::path::Path;
use std::process::Command;

/// How a target's programs are linked and started.
struct Target {
    name: &'static str,
    triple: &'static str,
    /// Debian's package of a C compiler for it, and the compiler; unless Rust brings all that it
    /// takes.
    compiler: Option<[&'static str; 2]>,
    /// Which qemu starts its programs where the host does not.
    qemu: &'static str,
    /// The beginnings of triples of hosts that start its programs.
    hosts: &'static [&'static str],
    /// Whether it is one of those that run if none is named.
    usual: bool,
}

const TARGETS: &[Target] = &[
    // 32 bits: counters wrap early, and a state word is not a pointer's size.
    Target {
        name: "i686",
        triple: "i686-unknown-linux-musl",
        compiler: None,
        qemu: "qemu-i386",
        hosts: &["x86_64", "i686"],
        usual: true,
    },
    // 32 bits, the high byte first, and no atomic word of 64 bits.
    Target {
        name: "powerpc",
        triple: "powerpc-unknown-linux-gnu",
        compiler: Some(["gcc-powerpc-linux-gnu", "powerpc-linux-gnu-gcc"]),
        qemu: "qemu-ppc",
        hosts: &[],
        usual: true,
    },
    // A weaker memory model than x86's, though qemu on x86 shows little of it.
    Target {
        name: "aarch64",
        triple: "aarch64-unknown-linux-musl",
        compiler: None,
        qemu: "qemu-aarch64",
        hosts: &["aarch64"],
        usual: false,
    },
];

/// No threads and no clock.
const WASM32: &str = "wasm32-unknown-unknown";

/// The test program, which calls every channel.
const PROGRAM: &str = "levada-targets-test";
/// What it prints: five channels, seven types of messages.
const CHECKS: &str = "35";

/// Runs the test program everywhere, or the programs and tests of those that are named.
pub(crate) fn run(names: &[String]) -> Result {
    let target_dir = Metadata::load()?.target_dir().join("targets");
    if names.is_empty() {
        wasm32_program(&target_dir)?;
        if !host()?.contains("linux") {
            println!("the other targets are Linux, and so is the host that starts their programs");
            return Ok(());
        }
        let mut usual = TARGETS.iter().filter(|target| target.usual);
        return usual.try_for_each(|target| target.run_program(&target_dir));
    }
    for name in names {
        if name == "wasm32" {
            wasm32_features(&target_dir)?;
            wasm32_program(&target_dir)?;
            continue;
        }
        let target = TARGETS.iter().find(|target| target.name == name);
        let target = target.ok_or_else(|| {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            format!("no target `{name}`: wasm32, {}", names.join(", "))
        })?;
        target.run_program(&target_dir)?;
        target.run_tests(&target_dir)?;
    }
    Ok(())
}

impl Target {
    /// Runs `tests/targets`.
    fn run_program(&self, target_dir: &Path) -> Result {
        let mut command = self.cargo("run", PROGRAM, target_dir)?;
        is_complete(self.name, &shell::run_and_read(command.arg("--quiet"))?)
    }

    /// Runs levada's unit and integration tests.
    fn run_tests(&self, target_dir: &Path) -> Result {
        let mut command = self.cargo("test", "levada", target_dir)?;
        shell::run(command.args(["--all-features", "--lib", "--tests", "--no-fail-fast"]))
    }

    /// A command that builds programs for the target and starts them.
    fn cargo(&self, action: &str, package: &str, target_dir: &Path) -> Result<Command> {
        need_target(self.triple)?;
        let mut command = package_command(action, package, target_dir, self.triple);
        let variable = self.triple.to_uppercase().replace('-', "_");
        let flags = match self.compiler {
            None => "-Clinker=rust-lld -Clink-self-contained=yes".to_owned(),
            Some([package, program]) => {
                need_package(package, Command::new(program).arg("--version"))?;
                format!("-Clinker={program} -Ctarget-feature=+crt-static")
            }
        };
        command.env(format!("CARGO_TARGET_{variable}_RUSTFLAGS"), flags);
        let host = host()?;
        if !self.hosts.iter().any(|known| host.starts_with(known)) {
            need_package("qemu-user", Command::new(self.qemu).arg("--version"))?;
            command.env(format!("CARGO_TARGET_{variable}_RUNNER"), self.qemu);
        }
        Ok(command)
    }
}

/// Compiles levada with each set of features.
fn wasm32_features(target_dir: &Path) -> Result {
    need_target(WASM32)?;
    for features in ["", "stream", "tokio", "stream,tokio"] {
        let mut command = package_command("build", "levada", target_dir, WASM32);
        shell::run(command.args(["--no-default-features", "--features", features]))?;
    }
    Ok(())
}

/// Runs `tests/targets` by Node.js: the usual tests start threads.
fn wasm32_program(target_dir: &Path) -> Result {
    need_target(WASM32)?;
    need_package("nodejs", Command::new("node").arg("--version"))?;
    let mut command = package_command("rustc", PROGRAM, target_dir, WASM32);
    shell::run(command.args(["--lib", "--crate-type", "cdylib"]))?;
    let program = target_dir.join(WASM32).join("debug/levada_targets_test.wasm");
    let output = shell::run_and_read(Command::new("node").args(["-e", RUN_WASM]).arg(program))?;
    is_complete("wasm32", &output)
}

/// Prints what `run` of the WebAssembly program that is the argument gives.
const RUN_WASM: &str = "const program = require('fs').readFileSync(process.argv[1]);
    WebAssembly.instantiate(program).then(({ instance }) => console.log(instance.exports.run()));";

/// Whether the test program has checked all that there is to check.
fn is_complete(target: &str, output: &[String]) -> Result {
    if output != [CHECKS] {
        return Err(format!("{PROGRAM} on {target} printed {output:?}, not {CHECKS}").into());
    }
    println!("{target}: every channel takes every message");
    Ok(())
}

/// A command of its own target folder: one with other flags would rebuild everything.
fn package_command(action: &str, package: &str, target_dir: &Path, triple: &str) -> Command {
    let mut command = cargo();
    command.args([action, "--package", package, "--target", triple]);
    command.env("CARGO_TARGET_DIR", target_dir);
    command
}
