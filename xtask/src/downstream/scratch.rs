//! The generated workspaces: one per flavour, both with copies of the same published packages.
//!
//! What makes the levada one different is `[patch.crates-io] tokio`. The replacement is a package
//! called `tokio`, of the locked version and with tokio's features, whose library is the one of
//! `tests/tokio-shim`. It takes the real tokio, and a levada that uses the real tokio, by path: a
//! patch concerns the registry only, so that neither meets itself.
//!
//! The `Cargo.lock` beside this file pins what the packages depend on. After a change of the table
//! or of the locked tokio, copy it anew from `target/downstream/tokio`, once `--baseline` has run.

use super::suites::{SUITES, Suite};
use crate::Result;
use crate::cargo::{Kind, Metadata, root};
use crate::compat::Flavour;
use crate::files::{copy_folder, write_if_changed};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// What the rest of a version has to say so that it is another one than the real tokio's for
/// Cargo.lock, and the same for every requirement.
const BUILD: &str = "+levada";

/// No debug info and no incremental files: what is built is thrown away.
const PROFILE: &str = "[profile.dev]\ndebug = false\nincremental = false\n";

/// Compiles only if tokio's channels are levada's.
const PROBE: &str = "
pub fn broadcast(it: tokio::sync::broadcast::Sender<()>) -> levada::broadcast::Sender<()> { it }
pub fn mpsc(it: tokio::sync::mpsc::Sender<()>) -> levada::mpsc::Sender<()> { it }
pub fn oneshot(it: tokio::sync::oneshot::Sender<()>) -> levada::oneshot::Sender<()> { it }
pub fn watch(it: tokio::sync::watch::Sender<()>) -> levada::watch::Sender<()> { it }
";

/// The folder of a suite's copy.
pub(super) fn package_dir(workspace: &Path, suite: &Suite) -> PathBuf {
    workspace.join("crates").join(format!("{}-{}", suite.name, suite.version))
}

/// Writes the workspace of `flavour` below `dir` and returns its root.
pub(super) fn write(dir: &Path, flavour: Flavour, ours: &Metadata) -> Result<PathBuf> {
    let lock = fs::read_to_string(root().join("xtask/src/downstream/Cargo.lock"))?;
    let published = fetch(&dir.join("fetch"), &lock)?;
    let workspace = dir.join(flavour.name());
    let mut members = vec![workspace.join("probe")];
    for suite in SUITES {
        members.push(package_dir(&workspace, suite));
        copy(&published.package_of(suite.name, suite.version)?.dir(), &workspace, suite)?;
    }
    let tokio = ours.package("tokio")?;
    let mut manifest = format!("[workspace]\nresolver = \"2\"\nmembers = {members:?}\n\n{PROFILE}");
    if flavour == Flavour::Levada {
        manifest += "\n[patch.crates-io]\ntokio = { path = \"tokio\" }\n";
        write_if_changed(&workspace.join("tokio/Cargo.toml"), &shim(ours)?)?;
        write_if_changed(&workspace.join("levada/Cargo.toml"), &levada(ours)?)?;
    }
    write_if_changed(&workspace.join("Cargo.toml"), &manifest)?;
    write_if_changed(&workspace.join("probe/Cargo.toml"), &probe(flavour, tokio.version()))?;
    let probe = if flavour == Flavour::Levada { PROBE } else { "" };
    write_if_changed(&workspace.join("probe/src/lib.rs"), probe)?;
    let lock = match flavour {
        Flavour::Tokio => lock,
        Flavour::Levada => with_shim(&lock, tokio.version())?,
    };
    fs::write(workspace.join("Cargo.lock"), lock)?;
    Ok(workspace)
}

/// Copies a package, once, and takes from its manifest what its tests do not need.
fn copy(from: &Path, workspace: &Path, suite: &Suite) -> Result {
    let to = package_dir(workspace, suite);
    if !to.join("Cargo.toml.orig").is_file() {
        copy_folder(from, &to)?;
    }
    let mut manifest = fs::read_to_string(from.join("Cargo.toml"))?;
    for dependency in suite.without {
        manifest = without_table(&manifest, &format!("dev-dependencies.{dependency}]\n"))?;
    }
    write_if_changed(&to.join("Cargo.toml"), &manifest)
}

/// A manifest as cargo publishes it, where a dependency is a table, without the one whose header
/// ends like this.
fn without_table(manifest: &str, header: &str) -> Result<String> {
    let at = manifest.find(header).ok_or_else(|| format!("the manifest has no [{header}"))?;
    let start = manifest[..at].rfind('\n').map_or(0, |line| line + 1);
    let end = manifest[at..].find("\n[").map_or(manifest.len(), |length| at + length + 1);
    Ok(format!("{}{}", &manifest[..start], &manifest[end..]))
}

/// The lock file with the shim in place of the published tokio, which cargo would prefer to a
/// patch.
fn with_shim(lock: &str, version: &str) -> Result<String> {
    let entry = format!("[[package]]\nname = \"tokio\"\nversion = \"{version}");
    let (before, rest) = lock.split_once(&format!("{entry}\"\n")).ok_or_else(|| {
        format!("the downstream Cargo.lock has no tokio {version}; scratch.rs says how to renew it")
    })?;
    // Its source and its checksum are the registry's.
    let rest = rest.splitn(3, '\n').nth(2).unwrap_or_default();
    Ok(format!("{before}{entry}{BUILD}\"\n{rest}"))
}

/// Has cargo unpack the packages, as dependencies of an empty one.
fn fetch(dir: &Path, lock: &str) -> Result<Metadata> {
    let mut manifest = String::from(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n\
         [dependencies]\n",
    );
    for suite in SUITES {
        writeln!(manifest, "{} = \"={}\"", suite.name, suite.version)?;
    }
    write_if_changed(&dir.join("Cargo.toml"), &manifest)?;
    write_if_changed(&dir.join("src/lib.rs"), "")?;
    fs::write(dir.join("Cargo.lock"), lock)?;
    Metadata::of(dir)
}

fn probe(flavour: Flavour, tokio: &str) -> String {
    let mut text = format!(
        "[package]\nname = \"probe\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[dependencies]\n\
         tokio = {{ version = \"={tokio}\", features = [\"sync\"] }}\n"
    );
    if flavour == Flavour::Levada {
        text += "levada = { path = \"../levada\" }\n";
    }
    text
}

/// The package that stands in for tokio: every feature is the real one's.
fn shim(ours: &Metadata) -> Result<String> {
    let tokio = ours.package("tokio")?;
    let library = ours.package("tokio-shim")?.dir().join("src/lib.rs");
    let mut text = format!(
        "[package]\nname = \"tokio\"\nversion = \"{}{BUILD}\"\nedition = \"2024\"\n\n\
         [lib]\npath = {library:?}\n\n[dependencies]\nlevada = {{ path = \"../levada\" }}\n\
         tokio-real = {{ package = \"tokio\", path = {:?}, features = [\"sync\"] }}\n\n[features]\n",
        tokio.version(),
        tokio.dir(),
    );
    for feature in tokio.features() {
        writeln!(text, "{feature:?} = [\"tokio-real/{feature}\"]")?;
    }
    Ok(text)
}

/// levada with its manifest's dependencies, but the real tokio by path.
fn levada(ours: &Metadata) -> Result<String> {
    let levada = ours.package("levada")?;
    let library = levada.dir().join("src/lib.rs");
    let tokio = ours.package("tokio")?.dir();
    let mut text = format!(
        "[package]\nname = \"levada\"\nversion = {:?}\nedition = \"2024\"\n\n\
         [lib]\npath = {library:?}\n\n[features]\ndefault = [\"tokio\"]\n\
         tokio = [\"dep:tokio\"]\n\n[dependencies]\n",
        levada.version(),
    );
    for dependency in levada.dependencies(Kind::Normal) {
        if !dependency.is_optional() {
            writeln!(text, "{}", dependency.line())?;
        } else if dependency.name() == "tokio" {
            let features = dependency.features();
            writeln!(
                text,
                "tokio = {{ path = {tokio:?}, optional = true, features = {features} }}"
            )?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_taken_out_of_a_manifest() {
        let manifest =
            "[a]\n\n[target.x.dev-dependencies.b]\nversion = \"1\"\nfeatures = [\n]\n\n[c]\n";
        assert_eq!(without_table(manifest, "dev-dependencies.b]\n").unwrap(), "[a]\n\n[c]\n");
        assert!(without_table(manifest, "dev-dependencies.c]\n").is_err());
    }

    #[test]
    fn the_shim_takes_the_place_of_tokio_in_the_lock_file() {
        let entry = |rest: &str| format!("[[package]]\nname = \"tokio\"\nversion = \"1.2.3{rest}");
        let lock = entry("\"\nsource = \"s\"\nchecksum = \"c\"\ndependencies = [\n]\n");
        let expected = entry("+levada\"\ndependencies = [\n]\n");
        assert_eq!(with_shim(&lock, "1.2.3").unwrap(), expected);
        assert!(with_shim(&lock, "1.2.4").is_err());
    }
}
