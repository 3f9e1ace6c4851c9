//! The generated workspace: one package per flavour, both with the same test files.

use super::suite::File;
use crate::Result;
use crate::cargo::{Metadata, array, cargo, root};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Whose channels the tests get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flavour {
    Tokio,
    Levada,
}

impl Flavour {
    pub(super) fn name(self) -> &'static str {
        match self {
            Flavour::Tokio => "tokio",
            Flavour::Levada => "levada",
        }
    }

    fn package(self) -> String {
        format!("compat-{}", self.name())
    }
}

/// The test programs that compiled, by flavour and file name.
pub(super) type Programs = BTreeMap<(Flavour, String), PathBuf>;

/// Writes the workspace below `dir`.
pub(super) fn write(dir: &Path, metadata: &Metadata, files: &[File]) -> Result {
    let manifest = "[workspace]\nresolver = \"2\"\nmembers = [\"tokio\", \"levada\"]\n\n\
                    [profile.dev]\ndebug = \"line-tables-only\"\n";
    write_if_changed(&dir.join("Cargo.toml"), manifest)?;
    // The versions are the repository's own.
    fs::copy(root().join("Cargo.lock"), dir.join("Cargo.lock"))?;
    for flavour in [Flavour::Tokio, Flavour::Levada] {
        let package = dir.join(flavour.name());
        write_if_changed(&package.join("lib.rs"), "")?;
        write_if_changed(&package.join("Cargo.toml"), &manifest_of(flavour, metadata, files)?)?;
    }
    Ok(())
}

fn manifest_of(flavour: Flavour, metadata: &Metadata, files: &[File]) -> Result<String> {
    let tokio = metadata.package("tokio")?;
    let shim = metadata.package("tokio-shim")?;
    // tokio's tests ask for its features by name.
    let mut features = tokio.feature("full");
    features.extend(["full", "test-util"]);
    let dependency = match flavour {
        Flavour::Tokio => {
            let version = tokio.version();
            format!("tokio = {{ version = \"={version}\", features = [\"full\", \"test-util\"] }}")
        }
        Flavour::Levada => {
            format!("tokio = {{ package = \"tokio-shim\", path = {:?} }}", shim.dir())
        }
    };
    let mut text = format!(
        "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2021\"\npublish = false\n\n\
         [lib]\npath = \"lib.rs\"\n\n[features]\ndefault = {features:?}\n",
        flavour.package()
    );
    for feature in &features {
        text += &format!("{feature} = []\n");
    }
    text += &format!("\n[dependencies]\n{dependency}\n{}\n", shim.dev_dependencies().join("\n"));
    // The code is tokio's; its warnings are not ours to fix.
    text += "\n[lints.rust]\nwarnings = \"allow\"\nunexpected_cfgs = \"allow\"\n";
    for file in files {
        text += &format!("\n[[test]]\nname = {:?}\npath = {:?}\n", file.name, file.path);
    }
    Ok(text)
}

/// Compiles `files` for each of `flavours` and returns the programs; a file that does not compile
/// has none, and cargo has said why.
pub(super) fn build(
    dir: &Path,
    target_dir: &Path,
    flavours: &[Flavour],
    files: &[&File],
) -> Result<Programs> {
    let mut command = cargo();
    command.args(["build", "--keep-going"]);
    command.arg("--message-format=json-render-diagnostics");
    command.arg("--manifest-path").arg(dir.join("Cargo.toml"));
    command.arg("--target-dir").arg(target_dir);
    for flavour in flavours {
        command.args(["--package", &flavour.package()]);
    }
    for file in files {
        command.args(["--test", &file.name]);
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    let mut programs = Programs::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let message: Value = serde_json::from_str(line)?;
        if let Some(program) = message["executable"].as_str() {
            let target = &message["target"];
            if array(&target["kind"]).any(|kind| kind == "test") {
                let id = message["package_id"].as_str().unwrap_or_default();
                let flavour = *flavours
                    .iter()
                    .find(|flavour| id.contains(&flavour.package()))
                    .ok_or_else(|| format!("cargo built a test of an unknown package {id}"))?;
                let name = target["name"].as_str().unwrap_or_default().to_owned();
                programs.insert((flavour, name), program.into());
            }
        }
    }
    Ok(programs)
}

/// Leaves an unchanged file alone, so that cargo does not rebuild what depends on it.
pub(super) fn write_if_changed(path: &Path, text: &str) -> Result {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
        .map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}
