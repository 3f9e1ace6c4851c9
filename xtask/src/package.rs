//! `cargo xtask package`: what goes to the registry is complete. Every published crate is packaged,
//! unpacked elsewhere, and tested there.
//!
//! "Elsewhere" is a workspace of the unpacked crates alone. A patch makes them depend on each other
//! there, so nothing has to be released before. The target folder is the usual one: what comes from
//! the registry need not be built again.

use crate::cargo::{Metadata, Package, cargo, root};
use crate::libtest::{Whole, run_all, tests};
use crate::{Result, nats, shell};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Test programs that take longer than all others, and read nothing but what they make. They are
/// built; `--all` also runs them.
const SLOW: [&str; 4] = ["client", "durable", "serve", "stress"];
/// The tests among them that do read files of their package.
const READERS: [&str; 2] = ["serve", "documented"];
/// What every package has in its root.
const FILES: [&str; 4] = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Packages, unpacks and tests.
pub(crate) fn run(options: &[String]) -> Result {
    let everything = match options {
        [] => false,
        [option] if option == "--all" => true,
        _ => return Err(format!("takes --all, not {options:?}").into()),
    };
    let metadata = Metadata::load()?;
    let published: Vec<_> = metadata.members().filter(Package::is_published).collect();
    let names = published.iter().map(|package| describe(package));
    let names = names.collect::<Result<Vec<_>>>()?;
    let mut command = cargo();
    command.args(["package", "--no-verify", "--allow-dirty"]);
    shell::run(command.args(names.iter().flat_map(|name| ["--package", name])))?;
    let scratch = metadata.target_dir().join("packaged");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    for package in &published {
        let folder = unpack(package, &metadata.target_dir().join("package"), &scratch)?;
        check(&folder)?;
    }
    fs::copy(root().join("Cargo.lock"), scratch.join("Cargo.lock"))?;
    fs::write(scratch.join("Cargo.toml"), workspace(&published, &metadata)?)?;
    test(&scratch, &metadata.target_dir(), everything)
}

/// The name of a package that says about itself what a registry shows.
fn describe<'a>(package: &Package<'a>) -> Result<&'a str> {
    let missing = package.missing_metadata();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(format!("{}: [package] lacks {missing}", package.name()).into());
    }
    Ok(package.name())
}

/// Unpacks what `cargo package` has left in `packages`, with new dates: those in the file are all
/// the same, so that cargo would not see a change.
fn unpack(package: &Package<'_>, packages: &Path, scratch: &Path) -> Result<PathBuf> {
    let name = folder(package);
    let mut tar = Command::new("tar");
    tar.arg("-xmzf").arg(packages.join(format!("{name}.crate")));
    shell::output(tar.arg("-C").arg(scratch))?;
    Ok(scratch.join(name))
}

/// The name of the folder in a package.
fn folder(package: &Package<'_>) -> String {
    format!("{}-{}", package.name(), package.version())
}

/// Fails if a file is missing, or one looks outside.
fn check(folder: &Path) -> Result {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    if let Some(missing) = FILES.iter().find(|file| !folder.join(file).is_file()) {
        return Err(format!("{name}: the package has no {missing}").into());
    }
    let readme = fs::read_to_string(folder.join("README.md"))?;
    if let Some(link) = relative_links(&readme).find(|link| !folder.join(link).is_file()) {
        return Err(format!("{name}: README.md has a link to {link}, which is not packaged").into());
    }
    let mut files = 0;
    let mut sources = Vec::new();
    walk(folder, &mut |path| {
        files += 1;
        if path.extension() == Some(OsStr::new("rs")) {
            sources.push(path.to_owned());
        }
    })?;
    for source in &sources {
        let text = fs::read_to_string(source)?;
        let is_missing = |file: &&str| !source.with_file_name(file).is_file();
        if let Some(file) = leads_out(&text).or_else(|| included(&text).find(is_missing)) {
            let source = source.strip_prefix(folder)?.display();
            return Err(format!("{name}: {source} reads {file}, which is not packaged").into());
        }
    }
    println!("{name}: {files} files");
    Ok(())
}

/// A path that begins at the folder of the manifest and leads out of it.
fn leads_out(source: &str) -> Option<&str> {
    let lines = source.lines().filter(|line| line.contains("CARGO_MANIFEST_DIR"));
    let mut paths = lines.filter_map(|line| Some(&line[line.find("\"/..")? + 1..]));
    paths.next().and_then(|path| path.split('"').next())
}

/// The files that `include_str!` reads, as seen from the source.
fn included(source: &str) -> impl Iterator<Item = &str> {
    let rest = source.split("include_str!(\"").skip(1);
    rest.filter_map(|rest| rest.split('"').next())
}

/// The targets of a page's links that are neither addresses nor places in the page.
fn relative_links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#'))
}

/// Calls `see` with every file below `folder`.
fn walk(folder: &Path, see: &mut dyn FnMut(&Path)) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, see)?;
        } else {
            see(&path);
        }
    }
    Ok(())
}

/// The manifest of the workspace: its members depend on each other, and are built as at home.
fn workspace(published: &[Package<'_>], metadata: &Metadata) -> Result<String> {
    let mut text = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n");
    text += "\n[patch.crates-io]\n";
    for package in published {
        text += &format!("{} = {{ path = {:?} }}\n", package.name(), folder(package));
    }
    let members: Vec<_> = metadata.members().map(|package| package.name()).collect();
    text.push('\n');
    text += &profiles(&fs::read_to_string(root().join("Cargo.toml"))?, &members);
    Ok(text)
}

/// The tables of `manifest` about the profile of tests, but for those about `members`.
fn profiles(manifest: &str, members: &[&str]) -> String {
    let mut text = String::new();
    let mut is_kept = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            let table = line.trim_matches(['[', ']']);
            let package = table.strip_prefix("profile.dev.package.");
            is_kept =
                table == "profile.dev" || package.is_some_and(|name| !members.contains(&name));
        }
        if is_kept && !line.is_empty() {
            text += line;
            text.push('\n');
        }
    }
    text
}

/// Builds all tests, and runs them, or all but the slow ones.
fn test(scratch: &Path, target_dir: &Path, everything: bool) -> Result {
    let server = nats::Server::prepare()?;
    let cargo_test = |what| {
        let mut command = cargo();
        command.current_dir(scratch).env("CARGO_TARGET_DIR", target_dir);
        // What is packaged is unpacked anew each time.
        command.env("CARGO_INCREMENTAL", "0");
        command.args(["test", "--workspace", "--all-features", what]);
        command
    };
    let mut tests = tests(&mut cargo_test("--no-run"), &Metadata::of(scratch)?)?;
    let is_slow = |test: &Whole| SLOW.contains(&test.target.as_str());
    if let Some(unknown) = SLOW.iter().find(|name| tests.iter().all(|test| test.target != **name)) {
        return Err(format!("no test is called `{unknown}`: it is in xtask's list SLOW").into());
    }
    if !everything {
        let [program, name] = READERS;
        tests.retain(|test| !is_slow(test) || test.target == program);
        for test in tests.iter_mut().filter(|test| is_slow(test)) {
            test.command.arg(name);
        }
    }
    // Its tests and examples want a server.
    for test in tests.iter_mut().filter(|test| test.package == nats::TESTED) {
        test.command = server.beside(&test.command);
    }
    run_all(tests)?;
    shell::run(&mut server.beside(&cargo_test("--doc")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_out_is_found() {
        let source = |path| format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"{path}\")");
        assert_eq!(leads_out(&source("/../docs/x.md")), Some("/../docs/x.md"));
        assert_eq!(leads_out(&source("/docs/x.md")), None);
    }

    #[test]
    fn included_files_are_found() {
        let source = "const A: &str = include_str!(\"../a.md\");\nconst B: &str = \"b\";";
        assert_eq!(included(source).collect::<Vec<_>>(), ["../a.md"]);
    }

    #[test]
    fn links_are_relative_or_not() {
        let page = "[a](https://x.example/a) [b](LICENSE-MIT), [c](#c) [d](docs/d.md)";
        assert_eq!(relative_links(page).collect::<Vec<_>>(), ["LICENSE-MIT", "docs/d.md"]);
    }

    #[test]
    fn profiles_of_other_packages_are_kept() {
        let manifest = "[workspace]\na\n[profile.dev]\nb\n\n[profile.dev.package.ours]\nc\n\
                        [profile.dev.package.redb]\nd\n[profile.bench]\ne\n";
        let kept = "[profile.dev]\nb\n[profile.dev.package.redb]\nd\n";
        assert_eq!(profiles(manifest, &["ours"]), kept);
    }
}
