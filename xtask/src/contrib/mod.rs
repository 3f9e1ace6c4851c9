//! `cargo xtask contrib`: what operators copy from `contrib` works. Its command lines start the
//! program, and its configuration files are read by those that they are for.

mod cluster;
mod docker;
mod systemd;

use crate::cargo::{Metadata, program, root};
use crate::{Result, shell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Checks everything in `contrib`, but for nginx's site, which `cargo xtask proxy` runs.
pub(crate) fn run() -> Result {
    let folder = root().join("contrib");
    all_is_listed(&folder)?;
    site_is_that_of_the_docs(&folder)?;
    let scratch = Metadata::load()?.target_dir().join("contrib");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    let levada = program("levada")?;
    let config = folder.join("levada.toml");
    shell::output(Command::new(&levada).args(["serve", "--check", "--config"]).arg(config))?;
    docker::check(&folder.join("docker"), &levada, &scratch)?;
    if cfg!(target_os = "linux") {
        systemd::check(&folder, &levada, &scratch)?;
    } else {
        println!("systemd is part of Linux: its units are not checked here");
    }
    cluster::check(&folder, &levada, &scratch)
}

/// Every file has a row in the page of the folder.
fn all_is_listed(folder: &Path) -> Result {
    let page = read(&folder.join("README.md"))?;
    let files = files(folder)?;
    let below = |file: &Path| file.strip_prefix(folder).unwrap_or(file).display().to_string();
    let rows = files.iter().map(|file| below(file)).filter(|file| file != "README.md");
    for row in rows.filter(|file| !file.ends_with(".dockerignore")) {
        if !page.contains(&format!("]({row})")) {
            return Err(format!("contrib/README.md has no row for {row}").into());
        }
    }
    Ok(())
}

/// nginx's site is printed in the docs as well, and `cargo xtask proxy` runs what is printed.
fn site_is_that_of_the_docs(folder: &Path) -> Result {
    let docs = read(&root().join("docs/serve.md"))?;
    let site = read(&folder.join("nginx/levada.conf"))?;
    if !docs.contains(&format!("```nginx\n{site}```\n")) {
        return Err("contrib/nginx/levada.conf is not the block `nginx` of docs/serve.md".into());
    }
    Ok(())
}

/// The files below `folder`.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}

/// `word` with `from` replaced by `to`; an error if it is not there, since the check would then
/// touch what it must not touch.
fn replaced(text: &str, from: &str, to: &str) -> Result<String> {
    if !text.contains(from) {
        return Err(format!("`{from}` is not in `{text}`").into());
    }
    Ok(text.replace(from, to))
}
