//! No public operation is left out: each method of a handle is called by the run of its channel.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The public functions of the files `files` of a channel.
fn public_functions(channel: &str, files: &[&str]) -> Vec<String> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/levada/src").join(channel);
    let texts =
        files.iter().map(|file| fs::read_to_string(folder.join(file)).expect("levada is there"));
    let mut names = Vec::new();
    for line in texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()) {
        let name = line.trim_start().strip_prefix("pub fn ");
        let end = |name: &str| name.find(['(', '<']);
        names.extend(name.and_then(|name| Some(name[..end(name)?].to_owned())));
    }
    names
}

/// All that the run of a channel is written in.
fn source_of(run: &str) -> String {
    source_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(run))
}

/// All files of a folder and of those in it.
fn source_in(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("this crate is there").flatten();
    let source = |path: PathBuf| {
        if path.is_dir() { source_in(&path) } else { fs::read_to_string(path).expect("a file") }
    };
    entries.map(|entry| source(entry.path())).collect()
}

fn all_are_called(channel: &str, files: &[&str], run: &str, at_least: usize) {
    let functions = public_functions(channel, files);
    assert!(functions.len() >= at_least, "{} functions: were they lost?", functions.len());
    let source = source_of(run);
    let is_called = |name: &String| {
        let ways = [format!(".{name}("), format!("::{name}("), format!("Receiver::{name}")];
        ways.iter().any(|way| source.contains(way)) || source.contains(&format!(" {name}("))
    };
    let missing: Vec<_> = functions.iter().filter(|name| !is_called(name)).collect();
    assert!(missing.is_empty(), "{channel}: nobody calls {missing:?}");
}

#[test]
fn of_mpsc() {
    let files = ["sender.rs", "receiver.rs", "unbounded.rs", "permit.rs", "stream.rs"];
    all_are_called("mpsc", &files, "queue", 60);
}

#[test]
fn of_mpmc() {
    let files = ["sender.rs", "receiver.rs", "unbounded.rs", "permit.rs", "stream.rs"];
    all_are_called("mpmc", &files, "queue", 60);
}

#[test]
fn of_oneshot() {
    all_are_called("oneshot", &["mod.rs", "sender.rs", "receiver.rs"], "oneshot", 10);
}

#[test]
fn of_broadcast() {
    all_are_called(
        "broadcast",
        &["mod.rs", "sender.rs", "receiver.rs", "stream.rs"],
        "broadcast",
        20,
    );
}

#[test]
fn of_lossless_broadcast() {
    let files = ["sender.rs", "receiver.rs", "stream.rs", "builder.rs"];
    all_are_called("broadcast/lossless", &files, "broadcast/lossless", 25);
}

#[test]
fn of_weighted() {
    let files = ["sender.rs", "receiver.rs", "permit.rs", "stream.rs", "builder.rs"];
    all_are_called("mpsc/weighted", &files, "weighted", 30);
}

#[test]
fn of_lanes() {
    let files = ["sender.rs", "receiver.rs", "stream.rs", "builder.rs"];
    all_are_called("mpsc/lanes", &files, "lanes", 16);
    all_are_called("mpmc/lanes", &files, "lanes", 16);
}

#[test]
fn of_rendezvous() {
    let files = ["sender.rs", "receiver.rs", "stream.rs", "builder.rs"];
    all_are_called("mpsc/rendezvous", &files, "rendezvous", 18);
}

#[test]
fn of_watch() {
    all_are_called("watch", &["mod.rs", "sender.rs", "receiver.rs", "guard.rs"], "watch", 20);
}

/// The source of a folder's public face: without futures, errors and streams, which are called as
/// the methods that give them.
fn face_of(folder: &Path) -> String {
    let is_named_elsewhere = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        ["future.rs", "error.rs", "stream.rs"].contains(&name.expect("a name"))
    };
    let entries = fs::read_dir(folder).expect("levada is there").flatten();
    let source = |path: PathBuf| match path.is_dir() {
        true => face_of(&path),
        false if is_named_elsewhere(&path) => String::new(),
        false => fs::read_to_string(path).expect("a file"),
    };
    entries.map(|entry| source(entry.path())).collect()
}

/// The page of the guide that answers "which method" has every one, and every type.
#[test]
fn the_guide_names_them_all() {
    let levada = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/levada");
    let page = fs::read_to_string(levada.join("docs/guide/methods.md")).expect("the page is there");
    let (mut asked, mut missing) = (0, BTreeSet::new());
    for folder in ["mpsc", "mpmc", "oneshot", "broadcast", "watch", "adapters"] {
        // The types of adapters are those of the functions.
        let kinds = if folder == "adapters" { &["fn"][..] } else { &["fn", "struct", "enum"] };
        for line in face_of(&levada.join("src").join(folder)).lines() {
            let line = line.trim_start().replace("pub const fn ", "pub fn ");
            let item = |kind: &&str| line.strip_prefix(&format!("pub {kind} ")).map(str::to_owned);
            let name = kinds.iter().find_map(item);
            let name =
                name.and_then(|rest| rest.split(['(', '<', ' ', ';']).next().map(str::to_owned));
            // Those that every channel has.
            let is_common = |name: &String| ["new", "poll", "Builder"].contains(&name.as_str());
            if let Some(name) = name.filter(|name| !is_common(name)) {
                let is_there = [format!("{name}`"), format!("{name}(")];
                if !is_there.iter().any(|text| page.contains(text)) {
                    missing.insert(format!("{folder}: {name}"));
                }
                asked += 1;
            }
        }
    }
    assert!(missing.is_empty(), "docs/guide/methods.md has no row for {missing:#?}");
    assert!(asked >= 250, "{asked} items: were they lost?");
}
