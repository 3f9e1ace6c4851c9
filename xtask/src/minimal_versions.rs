//! `cargo xtask minimal-versions`: levada builds with the oldest versions that its `Cargo.toml`
//! allows, and passes its tests on the oldest tokio.

use crate::cargo::{Metadata, root};
use crate::files::copy_folder;
use crate::toolchain::Toolchain;
use crate::{Result, shell};
use std::fs;
use std::path::Path;
use std::process::Command;

const NIGHTLY: Toolchain<'_> = Toolchain("nightly");

/// Builds levada with the oldest of its own dependencies, then with the oldest of theirs as well;
/// then tests it.
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
    test_on_the_oldest_tokio(&scratch.join("tested"))
}

/// Runs the tests of the channels and the patterns on the oldest tokio that the workspace allows.
/// What else the tests depend on stays new, but for what takes no such tokio.
fn test_on_the_oldest_tokio(scratch: &Path) -> Result {
    let metadata = Metadata::load()?;
    let members = ["crates/levada", "crates/levada-work", "tests/support"];
    for member in members {
        copy_folder(&root().join(member), &scratch.join(member))?;
    }
    let manifest = manifest_of(&format!("{members:?}"))?;
    fs::write(scratch.join("Cargo.toml"), manifest)?;
    fs::copy(root().join("Cargo.lock"), scratch.join("Cargo.lock"))?;
    for dependency in ["tokio-util", "tokio-stream", "tokio"] {
        let oldest = oldest(&metadata.requirement("levada", dependency)?);
        shell::run(cargo(scratch).args(["update", dependency, "--precise", &oldest]))?;
    }
    let mut command = cargo(scratch);
    command.args(["test", "--workspace", "--all-features", "--lib", "--tests"]);
    // What tokio's own channels do, as levada's are compared with: they have changed since.
    shell::run(command.args(["--", "--skip", "on_tokio"]))
}

/// The first version that a requirement such as `^1.47` allows.
fn oldest(requirement: &str) -> String {
    let numbers = requirement.trim_start_matches(['^', '=', '>', ' ']);
    let missing = 2_usize.saturating_sub(numbers.matches('.').count());
    numbers.to_owned() + &".0".repeat(missing)
}

/// The root manifest, with these members, and without the lines about others.
fn manifest_of(members: &str) -> Result<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let parts = manifest
        .split_once("\nmembers = ")
        .and_then(|(head, rest)| Some((head, &rest[rest.find("\n[workspace.package]")?..])));
    let (head, tail) = parts.ok_or("the root Cargo.toml has no `members` above its next table")?;
    Ok(format!("{head}\nmembers = {members}\n{tail}"))
}

/// A workspace of levada alone, so that the real one keeps its `Cargo.lock`. Without development
/// dependencies: what is resolved is what users get.
fn make_workspace(scratch: &Path) -> Result {
    let levada = scratch.join("crates/levada");
    fs::create_dir_all(&levada)?;
    fs::write(scratch.join("Cargo.toml"), manifest_of("[\"crates/levada\"]")?)?;
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
    fn the_oldest_version_has_three_numbers() {
        assert_eq!(oldest("^1.47"), "1.47.0");
        assert_eq!(oldest("^1"), "1.0.0");
        assert_eq!(oldest(">=1.47.2"), "1.47.2");
    }

    #[test]
    fn members_are_replaced() {
        let manifest = manifest_of("[\"a\"]").unwrap();
        assert!(manifest.starts_with(
            "[workspace]\nresolver = \"3\"\nmembers = [\"a\"]\n\n[workspace.package]\n"
        ));
        assert!(manifest.contains("\n[profile.dev]\n"));
        assert!(!manifest.contains("default-members"));
    }

    #[test]
    fn tables_of_tests_are_left_out() {
        let text =
            "[package]\na\n[dev-dependencies]\nb\n[dev-dependencies.c]\nd\n[[test]]\ne\n[lints]\nf";
        assert_eq!(without_tests(text), "[package]\na\n[lints]\nf\n");
    }
}
