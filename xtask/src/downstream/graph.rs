//! That the crates really get levada's channels: their dependency graph, a crate that compiles only
//! if tokio's senders are levada's, and the symbols in the test programs.

use super::scratch;
use super::suites::Suite;
use crate::cargo::{self, Metadata, Package};
use crate::{Result, shell};
use std::fs;
use std::path::Path;

/// What the crate's name is in a mangled symbol.
const SYMBOL: &str = "6levada";

/// Fails if `tokio` means the real one anywhere but below levada and the package that stands in.
pub(super) fn check(workspace: &Path, metadata: &Metadata, suites: &[&Suite]) -> Result {
    let mut probe = cargo::cargo();
    probe.args(["check", "--quiet", "--manifest-path"]).arg(workspace.join("probe/Cargo.toml"));
    probe.env("RUSTFLAGS", "--cap-lints=allow");
    shell::run(&mut probe)?;
    for suite in suites {
        let name = suite.name;
        let root = metadata.package_in(&scratch::package_dir(workspace, suite))?;
        let graph = metadata.reachable(root.id());
        if !graph.iter().any(|package| package.name() == "levada") {
            return Err(format!("{name} does not depend on levada: it has no tokio").into());
        }
        let is_published_tokio = |of: &&Package<'_>| of.name() == "tokio" && of.is_from_registry();
        if let Some(tokio) = graph.iter().find(is_published_tokio) {
            return Err(format!("{name} gets the published tokio {}", tokio.version()).into());
        }
    }
    Ok(())
}

/// Whether a program contains code of levada.
pub(super) fn names_levada(program: &Path) -> Result<bool> {
    let bytes = fs::read(program)?;
    // Only what is not UTF-8 is replaced; a search in text is the fast one.
    Ok(String::from_utf8_lossy(&bytes).contains(SYMBOL))
}
