//! `cargo xtask docs-rs`: the documentation as docs.rs builds it, with a badge at every item that
//! takes a feature.

use crate::cargo::{Metadata, Package};
use crate::toolchain::Toolchain;
use crate::{Result, shell};
use std::fs;
use std::path::{Path, PathBuf};

/// docs.rs builds with a nightly toolchain, which `doc(cfg)` wants.
const NIGHTLY: Toolchain<'_> = Toolchain("nightly");

/// Features that no item takes: they change what the channels are built on.
const WITHOUT_ITEMS: [&str; 3] = ["default", "loom", "shuttle"];

/// Builds the docs of every package that has a table for docs.rs, as that table says.
pub(crate) fn run() -> Result {
    NIGHTLY.need(&[], &[])?;
    let metadata = Metadata::load()?;
    let target_dir = metadata.target_dir().join("docs-rs");
    let mut packages = 0;
    for package in metadata.members() {
        let Some(arguments) = package.docs_rs_arguments() else {
            continue;
        };
        let mut command = NIGHTLY.cargo();
        command.args(["doc", "--no-deps", "--all-features", "--package", package.name()]);
        command.env("RUSTDOCFLAGS", format!("{} -D warnings", arguments.join(" ")));
        shell::run(command.env("CARGO_TARGET_DIR", &target_dir))?;
        badges(&package, &target_dir.join("doc").join(package.name().replace('-', "_")))?;
        packages += 1;
    }
    if packages == 0 {
        return Err("no package has a table [package.metadata.docs.rs]".into());
    }
    Ok(())
}

/// Fails if a feature of the package has no badge in its pages.
fn badges(package: &Package<'_>, docs: &Path) -> Result {
    let pages = pages(docs)?;
    for feature in package.features().filter(|name| !WITHOUT_ITEMS.contains(name)) {
        let badge = format!("crate feature <code>{feature}</code>");
        let mut count = 0;
        for page in &pages {
            count += usize::from(fs::read_to_string(page)?.contains(&badge));
        }
        if count == 0 {
            return Err(format!("{}: no item has a badge for `{feature}`", package.name()).into());
        }
        println!("{}: {count} pages have a badge for `{feature}`", package.name());
    }
    Ok(())
}

/// The HTML files below `folder`.
fn pages(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(pages(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            found.push(path);
        }
    }
    Ok(found)
}
