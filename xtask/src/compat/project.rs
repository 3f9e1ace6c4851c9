//! The generated workspace: one package per flavour, both with the same test files.

use super::suite::File;
use crate::Result;
use crate::cargo::{self, Kind, Metadata, root};
use crate::files::write_if_changed;
use crate::libtest::Program;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Whose channels the tests get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flavour {
    Tokio,
    Levada,
}

impl Flavour {
    pub(crate) fn name(self) -> &'static str {
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
pub(super) type Programs = BTreeMap<(Flavour, String), Program>;

/// Writes the workspace below `dir`.
pub(super) fn write(dir: &Path, metadata: &Metadata, files: &[File]) -> Result {
    let manifest = "[workspace]\nresolver = \"2\"\nmembers = [\"tokio\", \"levada\"]\n\n\
                    [profile.dev]\ndebug = \"line-tables-only\"\n\n\
                    [profile.dev.package.\"*\"]\ndebug = false\n";
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
    let shim_dev: Vec<_> = shim.dependencies(Kind::Development).map(|of| of.line()).collect();
    let mut text = format!(
        "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2021\"\npublish = false\n\n\
         [lib]\npath = \"lib.rs\"\n\n[features]\ndefault = {features:?}\n",
        flavour.package()
    );
    for feature in &features {
        text += &format!("{feature} = []\n");
    }
    text += &format!("\n[dependencies]\n{dependency}\n{}\n", shim_dev.join("\n"));
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
    let mut command = cargo::cargo();
    command.args(["build", "--keep-going"]);
    command.arg("--manifest-path").arg(dir.join("Cargo.toml"));
    command.arg("--target-dir").arg(target_dir);
    for flavour in flavours {
        command.args(["--package", &flavour.package()]);
    }
    for file in files {
        command.args(["--test", &file.name]);
    }
    let mut programs = Programs::new();
    for built in cargo::test_programs(&mut command)? {
        let flavour = *flavours
            .iter()
            .find(|flavour| built.package_id.contains(&flavour.package()))
            .ok_or_else(|| format!("cargo built a test of an unknown package {built:?}"))?;
        let program = Program { path: built.path, dir: root() };
        programs.insert((flavour, built.target), program);
    }
    Ok(programs)
}
