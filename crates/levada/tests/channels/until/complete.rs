//! No future of a channel is missing in the table.

use super::checks::Guarantee;
use super::rows::{Rows, all};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Futures that have no row.
const WITHOUT_A_ROW: &[&str] = &[
    // Made of the others, and of a limit.
    "levada::future::Until",
    "levada::mpsc::future::SendUntil",
    "levada::mpsc::future::RecvUntil",
    "levada::mpsc::future::timeout::SendTimeout",
    "levada::mpmc::future::SendUntil",
    "levada::mpsc::rendezvous::future::SendUntil",
    "levada::mpmc::future::RecvUntil",
    "levada::mpmc::future::timeout::SendTimeout",
    // `super::a_rendezvous_that_is_stopped_keeps_its_message`.
    "levada::mpsc::rendezvous::future::Send",
    // Not public.
    "levada::wait::until::Until",
];

/// The types of levada for which `Future` is implemented, as `type_name` has them, without
/// arguments.
fn futures(folder: &Path, module: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inside = if name == "mod" { module.to_owned() } else { format!("{module}::{name}") };
        if path.is_dir() {
            futures(&path, &inside, found);
            continue;
        }
        // In the files of the futures, what is indented is in a module of its own.
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some((before, ty)) = line.split_once(" Future for ") else { continue };
            if before.trim_start().starts_with("impl") {
                let nested = if line.starts_with(' ') { "::timeout" } else { "" };
                let ty = ty.split(['<', ' ']).next().unwrap();
                found.insert(format!("{inside}{nested}::{ty}"));
            }
        }
    }
}

#[test]
fn each_future_has_a_row() {
    let mut found = BTreeSet::new();
    futures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "levada", &mut found);
    assert!(found.len() > 40, "{} futures: were they lost?", found.len());
    let mut rows = Rows::new(Guarantee::NeverStopped);
    all(&mut rows);
    let tested: BTreeSet<_> = rows
        .names()
        .iter()
        .map(|name| name.trim_start_matches("&mut ").split('<').next().unwrap().to_owned())
        .chain(WITHOUT_A_ROW.iter().map(ToString::to_string))
        .collect();
    let missing: Vec<_> = found.difference(&tested).collect();
    assert!(missing.is_empty(), "tests/channels/until has no row for {missing:#?}");
    let unknown: Vec<_> = tested.difference(&found).collect();
    assert!(unknown.is_empty(), "these futures are gone: {unknown:#?}");
}
