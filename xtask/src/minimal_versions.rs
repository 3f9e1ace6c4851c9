//! `cargo xtask minimal-versions`: levada builds with the oldest versions that its `Cargo.toml`
//! allows.

use crate::cargo::{Metadata, root};
use crate::toolchain::Toolchain;
use crate::{Result, shell};
use std::fs;
use std::path::Path;
use std::process::Command;

const NIGHTLY: Toolchain<'_> = Toolchain("nightly");

/// Builds levada with the oldest of its own dependencies, then with the oldest of theirs as well.
pub(crate) fn run() -> Result {
    NIGHTLY.need(&[], &[])?;
    let scratch = Metadata::load()?.target_dir().join("minimal-versions");
    make_workspace(&scratch)?;
    for oldest in ["-Zdirect-minimal-versions", "-Zminimal-versions"] {
        shell::run(cargo(&scratch).args(["update", oldest]))?;
        for features in ["", "stream", "tokio", "stream,tokio"] {
            let mut command = cargo(&scratch);
            command.args(["check", "--package", "levada", "--no-default-features"]);
            shell::run(command.args(["--features", features]))?;
        }
    }
    Ok(())
}

/// A workspace of levada alone, so that the real one keeps its `Cargo.lock`. Without development
/// dependencies: what is resolved is what users get.
fn make_workspace(scratch: &Path) -> Result {
    let levada = scratch.join("crates/levada");
    fs::create_dir_all(&levada)?;
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let members = manifest.lines().find(|line| line.starts_with("members = "));
    let members = members.ok_or("the root Cargo.toml has no line `members = ..`")?;
    let manifest = manifest.replace(members, "members = [\"crates/levada\"]");
    fs::write(scratch.join("Cargo.toml"), manifest)?;
    let ours = root().join("crates/levada");
    let manifest = fs::read_to_string(ours.join("Cargo.toml"))?;
    let source = format!("[lib]\npath = {:?}\n\n", ours.join("src/lib.rs"));
    fs::write(levada.join("Cargo.toml"), without_tests(&manifest) + &source)?;
    Ok(())
}

/// The manifest without the tables that are about tests.
fn without_tests(manifest: &str) -> String {
    let mut text = String::new();
    let mut is_kept = true;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_kept = !["[dev-dependencies", "[[test]]", "[[bench]]", "[lib]"]
                .iter()
                .any(|table| line.starts_with(table));
        }
        if is_kept {
            text += line;
            text.push('\n');
        }
    }
    text
}

fn cargo(scratch: &Path) -> Command {
    let mut command = NIGHTLY.cargo();
    command.current_dir(scratch).env("CARGO_TARGET_DIR", scratch.join("target"));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_tests_are_left_out() {
        let text =
            "[package]\na\n[dev-dependencies]\nb\n[dev-dependencies.c]\nd\n[[test]]\ne\n[lints]\nf";
        assert_eq!(without_tests(text), "[package]\na\n[lints]\nf\n");
    }
}
