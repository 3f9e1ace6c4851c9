//! `cargo xtask semver`: what a release has made public is still there, unless the version says
//! otherwise.

use crate::cargo::{cargo, root};
use crate::{Result, shell};
use std::process::Command;

/// The published libraries that other people's code calls.
const LIBRARIES: [&str; 2] = ["levada", "levada-work"];

/// Compares with the last release by cargo-semver-checks, which must be installed.
pub(crate) fn run() -> Result {
    if git(&["rev-parse", "--is-shallow-repository"])?.trim() != "false" {
        return Err("a shallow clone may lack the releases; `git fetch --unshallow --tags`".into());
    }
    let Some(release) = last_release(&git(&["tag", "--list", "--merged", "HEAD"])?) else {
        println!("no tag such as v0.1.0: nothing is released yet, so there is nothing to compare");
        return Ok(());
    };
    shell::output(cargo().args(["semver-checks", "--version"])).map_err(
        |_| "cargo-semver-checks is not installed; `cargo install --locked cargo-semver-checks`",
    )?;
    for library in LIBRARIES {
        let mut command = cargo();
        command.args(["semver-checks", "--package", library, "--all-features"]);
        shell::run(command.args(["--baseline-rev", &release]))?;
    }
    Ok(())
}

/// The highest version among these tags. `v0.2.0-rc.1` is no release.
fn last_release(tags: &str) -> Option<String> {
    let releases = tags.lines().filter_map(|tag| Some((version(tag)?, tag)));
    releases.max().map(|(_, tag)| tag.to_owned())
}

/// The three numbers of `v1.2.3`.
fn version(tag: &str) -> Option<[u64; 3]> {
    let mut numbers = tag.strip_prefix('v')?.split('.').map(|number| number.parse().ok());
    let version = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(version)
}

fn git(arguments: &[&str]) -> Result<String> {
    shell::output(Command::new("git").current_dir(root()).args(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_release_is_the_highest_version() {
        let last = |tags: &str| last_release(tags);
        assert_eq!(last(""), None);
        assert_eq!(last("v0.2.0-rc.1\nwip\nv1\nv1.2.3.4"), None);
        assert_eq!(last("v0.10.0\nv0.9.1\nv0.11.0-rc.1").as_deref(), Some("v0.10.0"));
    }
}
