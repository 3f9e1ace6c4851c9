//! Each crate has a line in ARCHITECTURE.md, in which a module uses only what stands to its left.
//!
//! The lines stand here as well, and the two are compared. Inside a folder there is no line, but no
//! cycle either: files that use each other in a circle are one file in several pieces.

use super::File;
use super::imports::{self, Import};
use std::collections::{BTreeMap, BTreeSet};

/// The document that has the lines, relative to the root.
pub(super) const DOCUMENT: &str = "ARCHITECTURE.md";

/// The source of `crates/levada`, in which there is more to check.
const CORE: &str = "crates/levada/src/";

/// One crate.
struct Crate<'a> {
    source: &'a str,
    /// `a <- { b, c } <- d`: a module may use those of the groups on its left. The last one is the
    /// crate's root, which may use all.
    line: &'a str,
    /// Arrows against the line, `(from, to)`, that are still there. One that is not needed any more
    /// is an error.
    against: &'a [(&'a str, &'a str)],
    /// Files of one folder that use each other in a circle. The same holds for them.
    circles: &'a [(&'a str, &'a [&'a str])],
}

const CRATES: &[Crate] = &[
    Crate {
        source: CORE,
        line: "prim <- util <- { adapters, future, observe, storage, wait } <- refs <- queue \
               <- { mpsc, mpmc, oneshot, broadcast, watch } <- guide <- lib",
        against: &[],
        // A handle makes futures, which borrow the handle: a channel's face is one piece.
        circles: &[
            ("broadcast", &["future", "receiver", "sender"]),
            ("broadcast::lossless", &["future", "receiver", "sender"]),
            ("mpmc", &["future", "permit", "receiver", "sender", "stream", "unbounded"]),
            ("mpsc", &["future", "permit", "receiver", "sender", "stream", "unbounded"]),
            // A record ends its own registration.
            ("observe::on", &["record", "registry"]),
            ("oneshot", &["future", "protocol", "reusable", "sender"]),
            ("prim", &["checked_lock", "loom"]),
        ],
    },
    Crate {
        source: "crates/levada-work/src/",
        line: "panic <- { actor, batch, pool, shutdown } <- lib",
        against: &[],
        circles: &[],
    },
    Crate {
        source: "crates/levada-observe/src/",
        line: "{ deadlock, http, key, limits, report, words } \
               <- { history, text, transitions, trouble } <- diagnosis <- { assemble, metrics } \
               <- observer <- lib",
        against: &[],
        circles: &[],
    },
    Crate {
        source: "crates/levada-nats/src/",
        line: "{ codec, name, stream } <- connection <- { bucket, payload } \
               <- members <- { ask, cell, queue, topic } <- lib",
        against: &[],
        circles: &[],
    },
    Crate {
        source: "crates/levada-serve/src/",
        line: "{ job, outbound, signals, sync, time_limit, transient } <- { config, telemetry } \
               <- { fault, store } <- { log, metrics } <- cli <- { client, secure } \
               <- { server, settings } <- { descriptors, jobs } <- { cluster, no_cluster, http } <- run <- lib",
        against: &[],
        circles: &[],
    },
    Crate {
        source: "xtask/src/",
        line: "result <- { files, shell } <- cargo <- { libtest, toolchain } <- { leaks, \
               sanitizer, venv } <- { compat, features, nats, openapi, windows } <- { api, asan, bench, \
               ci, clippy, contrib, deny, doc, docs_rs, downstream, fmt, fuzz, \
               instructions, kill, linearizability, loom, minimal_versions, miri, msrv, mutants, \
               package, page, panic_abort, proxy, semver, shuttle, spec, targets, test, tidy, \
               tsan, valgrind } <- main",
        against: &[],
        circles: &[],
    },
    Crate {
        source: "benches/src/",
        line: "{ allocator, message, result, runtime, stats } <- { cell, kinds } <- contenders \
               <- shapes <- registry <- results <- driver <- report <- main",
        against: &[],
        circles: &[],
    },
    Crate {
        source: "benches/service/src/",
        line: "programs <- nats <- contender <- server <- load <- plot <- record <- main",
        against: &[],
        circles: &[],
    },
];

/// Compares the files with the lines, and the lines with those in `document`.
pub(super) fn check(files: &[&File], document: &str) -> Vec<String> {
    let mut findings = compare(CRATES, document);
    for it in CRATES {
        findings.extend(check_crate(it, files));
    }
    for file in files.iter().filter(|file| file.is_shipped()) {
        findings.extend(backends_outside_prim(file));
    }
    findings
}

/// The lines in `document` are those of the table, both ways.
fn compare(crates: &[Crate], document: &str) -> Vec<String> {
    let drawn = drawn(document);
    let missing = crates.iter().filter(|it| !drawn.contains(&normal(it.line)));
    let missing =
        missing.map(|it| format!("{DOCUMENT} has no line `{}` for {}", normal(it.line), it.source));
    let unknown = drawn.iter().filter(|line| !crates.iter().any(|it| normal(it.line) == **line));
    missing
        .chain(unknown.map(|line| format!("{DOCUMENT}: no crate has `{line}`; see tidy/layers")))
        .collect()
}

/// The lines of layers in the fenced blocks of a document; a block is one line.
fn drawn(document: &str) -> BTreeSet<String> {
    let fenced = document.split("```").skip(1).step_by(2);
    let texts = fenced.filter_map(|block| block.strip_prefix("text\n"));
    texts.filter(|text| text.contains(" <- ")).map(normal).collect()
}

/// The words, with one space between two.
fn normal(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The groups of a line, from the left, with the modules in each.
fn groups(line: &str) -> Vec<Vec<&str>> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let words = |group| str::split(group, move |c| !in_word(c)).filter(|word| !word.is_empty());
    line.split("<-").map(|group| words(group).collect()).collect()
}

fn check_crate(it: &Crate, files: &[&File]) -> Vec<String> {
    let modules = files
        .iter()
        .copied()
        .filter(|file| file.path.starts_with(it.source) && !file.is_test_file())
        .collect::<Vec<_>>();
    if modules.is_empty() {
        return vec![format!("{}: there is no file", it.source)];
    }
    let mut findings = unnamed(it, &modules);
    let imports = imports::of(it.source, modules.into_iter());
    findings.extend(against(it, &imports));
    findings.extend(circles(it, &imports));
    findings
}

/// Modules that the line does not name, and names that no module has.
fn unnamed(it: &Crate, files: &[&File]) -> Vec<String> {
    let root = root_of(it);
    let has = |file: &File| {
        let inner = &file.path[it.source.len()..];
        imports::module_of(inner).first().map_or(root, String::as_str).to_owned()
    };
    let modules: BTreeSet<String> = files.iter().map(|file| has(file)).collect();
    let named: BTreeSet<String> = groups(it.line).concat().into_iter().map(str::to_owned).collect();
    let lost = modules.difference(&named);
    let lost =
        lost.map(|name| format!("{}: module `{name}` has no layer; see tidy/layers", it.source));
    let gone = named.difference(&modules);
    lost.chain(gone.map(|name| format!("{}: the line names `{name}`, which is none", it.source)))
        .collect()
}

/// The name of the crate's root: the last one in its line.
fn root_of<'a>(it: &Crate<'a>) -> &'a str {
    it.line.rsplit(' ').next().unwrap_or_default()
}

/// Imports that run against the line, and exceptions that none needs.
fn against(it: &Crate, imports: &[Import]) -> Vec<String> {
    let groups = groups(it.line);
    let layer = |name: &str| groups.iter().position(|group| group.contains(&name));
    let mut findings = Vec::new();
    let mut needed = BTreeSet::new();
    for import in imports {
        let name = |path: &imports::ModulePath| {
            path.first().map_or(root_of(it), String::as_str).to_owned()
        };
        let (from, to) = (name(&import.from), name(&import.to));
        // A module without a layer is a finding of its own.
        let is_below = from == to || layer(&to) < layer(&from);
        if is_below {
            continue;
        }
        let arrow = (from.as_str(), to.as_str());
        if it.against.contains(&arrow) {
            needed.insert((from.clone(), to.clone()));
        } else {
            findings.push(format!("{}: `{from}` may not use `{to}`", import.at));
        }
    }
    let needed = |&&(from, to): &&(&str, &str)| !needed.contains(&(from.to_owned(), to.to_owned()));
    findings.extend(it.against.iter().filter(needed).map(|(from, to)| {
        format!("{}: `{from}` does not use `{to}` any more: delete the exception", it.source)
    }));
    findings
}

/// Files of one folder that use each other in a circle, and exceptions that none needs.
fn circles(it: &Crate, imports: &[Import]) -> Vec<String> {
    let mut folders: BTreeMap<&[String], BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for Import { from, to, .. } in imports {
        let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        // The folder's own module may use its files, and they what it has.
        if let (1.., Some(user), Some(used)) = (common, from.get(common), to.get(common)) {
            let folder = folders.entry(&from[..common]).or_default();
            folder.entry(user).or_default().insert(used);
        }
    }
    let found: Vec<(String, Vec<&str>)> = folders
        .iter()
        .flat_map(|(folder, arrows)| {
            cycles(arrows).into_iter().map(|circle| (folder.join("::"), circle))
        })
        .collect();
    let known = |(folder, circle): &(String, Vec<&str>)| {
        it.circles.iter().any(|known| known.0 == folder && known.1 == circle.as_slice())
    };
    let new = found.iter().filter(|circle| !known(circle));
    let new = new.map(|(folder, circle)| {
        format!("{}{folder}: {} use each other in a circle", it.source, circle.join(", "))
    });
    let gone = it.circles.iter().filter(|(folder, circle)| {
        !found.iter().any(|found| found.0 == *folder && found.1.as_slice() == *circle)
    });
    let gone = gone.map(|(folder, circle)| {
        format!(
            "{}{folder}: {} are no circle any more: correct the exception",
            it.source,
            circle.join(", ")
        )
    });
    new.chain(gone).collect()
}

/// The sets of nodes that reach each other.
fn cycles<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let reached = |start: &'a str| {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![start];
        while let Some(node) = waiting.pop() {
            let next = arrows.get(node).into_iter().flatten();
            waiting.extend(next.filter(|next| reached.insert(**next)));
        }
        reached
    };
    let reach: BTreeMap<_, _> = arrows.keys().map(|node| (*node, reached(node))).collect();
    let circle = |node: &&'a str| {
        let others = reach[node].iter().copied();
        others.filter(|other| reach.get(other).is_some_and(|back| back.contains(node))).collect()
    };
    let circles: BTreeSet<Vec<&str>> = arrows.keys().map(circle).collect();
    circles.into_iter().filter(|circle| !circle.is_empty()).collect()
}

/// The standard atomics go through `prim`, so that loom sees them; and `prim` alone knows which
/// backend it is.
fn backends_outside_prim(file: &File) -> Vec<String> {
    let Some(inner) = file.path.strip_prefix(CORE) else { return Vec::new() };
    let count = if inner.starts_with("prim/") { 0 } else { file.shipped().len() };
    let findings = file.text[..count].iter().enumerate().filter_map(|(index, line)| {
        let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
        let is_code = file.lines[index].has_code();
        if is_code && has(&["core::sync::atomic", "std::sync::atomic"]) {
            let why = "atomics come from `crate::prim`, so that the models see them";
            Some(file.at(index, why))
        } else if is_code && has(&["feature = \"loom\"", "levada_shuttle"]) {
            Some(file.at(index, "`crate::prim` says which backend it is: IS_LOOM, IS_MODEL"))
        } else {
            None
        }
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOY: Crate = Crate {
        source: "toy/src/",
        line: "low <- { left, right } <- high <- lib",
        against: &[("low", "high")],
        circles: &[("high", &["a", "b"])],
    };

    /// A crate that is as [`TOY`] says.
    const FILES: [(&str, &str); 7] = [
        ("lib.rs", "use crate::high::Thing;"),
        ("low.rs", "use crate::high::Thing;"),
        ("left.rs", "use crate::low;"),
        ("right.rs", ""),
        ("high/mod.rs", "mod a;\nmod b;\npub(crate) use a::A;\nuse crate::left;"),
        ("high/a.rs", "use super::b::B;\nuse super::Thing;"),
        ("high/b.rs", "fn f(_: crate::high::A) {}"),
    ];

    /// What is found when `file` has `text`.
    fn findings(it: &Crate, file: &str, text: &str) -> Vec<String> {
        let mut files = FILES.to_vec();
        files.retain(|(path, _)| *path != file);
        files.push((file, text));
        let files: Vec<_> =
            files.iter().map(|(path, text)| File::new(format!("toy/src/{path}"), text)).collect();
        check_crate(it, &files.iter().collect::<Vec<_>>())
    }

    fn planted(file: &str, text: &str) -> Vec<String> {
        findings(&TOY, file, text)
    }

    #[test]
    fn a_crate_that_follows_its_line_passes() {
        assert_eq!(planted("right.rs", "use crate::{low::{self, Low}, right::Mine};"), [""; 0]);
        assert_eq!(planted("right.rs", "#[cfg(test)]\nuse crate::high::Thing;"), [""; 0]);
    }

    #[test]
    fn arrows_against_the_line_are_found() {
        for text in [
            "use super::high;",
            "use crate::left::Thing;",
            "\nfn f() { crate::high::g(); }",
            "use crate::{low, high::{\nThing}};",
            // An item of the root, or a module that there is not.
            "use crate::Fault;",
        ] {
            let found = planted("right.rs", text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].starts_with("toy/src/right.rs:"), "{found:?}");
            assert!(found[0].contains("`right` may not use `"), "{found:?}");
        }
        let through = planted("high/b.rs", "use crate::high::A;\nuse super::super::run;");
        assert_eq!(through, ["toy/src/high/b.rs:2: `high` may not use `lib`"]);
    }

    #[test]
    fn modules_without_a_layer_are_found() {
        assert_eq!(
            planted("other.rs", ""),
            ["toy/src/: module `other` has no layer; see tidy/layers"]
        );
        let more = Crate { line: "low <- { left, right, gone } <- high <- lib", ..TOY };
        assert_eq!(
            findings(&more, "right.rs", ""),
            ["toy/src/: the line names `gone`, which is none"]
        );
        let elsewhere = Crate { source: "moved/src/", ..TOY };
        assert_eq!(findings(&elsewhere, "right.rs", ""), ["moved/src/: there is no file"]);
    }

    #[test]
    fn exceptions_are_exact() {
        assert_eq!(
            planted("low.rs", ""),
            ["toy/src/: `low` does not use `high` any more: delete the exception"]
        );
        assert_eq!(
            planted("high/b.rs", ""),
            ["toy/src/high: a, b are no circle any more: correct the exception"]
        );
    }

    #[test]
    fn circles_are_found() {
        let none = Crate { circles: &[], ..TOY };
        let circle = "toy/src/high: a, b use each other in a circle";
        assert_eq!(findings(&none, "right.rs", ""), [circle]);
        let longer = Crate { circles: &[("high", &["a", "b"]), ("high", &["c", "d", "e"])], ..TOY };
        let mut files: Vec<_> = FILES
            .iter()
            .chain(&[
                ("high/c.rs", "use super::d;"),
                ("high/d.rs", "use super::e;"),
                ("high/e/mod.rs", ""),
                ("high/e/inner.rs", "use crate::high::c;"),
            ])
            .map(|(path, text)| File::new(format!("toy/src/{path}"), text))
            .collect();
        let check = |it, files: &[File]| check_crate(it, &files.iter().collect::<Vec<_>>());
        assert_eq!(check(&longer, &files), [""; 0]);
        assert_eq!(check(&TOY, &files), ["toy/src/high: c, d, e use each other in a circle"]);
        files.retain(|file| !file.path.ends_with("inner.rs"));
        assert_eq!(check(&TOY, &files), [""; 0]);
    }

    #[test]
    fn the_document_has_the_same_lines() {
        let document = |lines: &str| format!("# Map\n\n```text\n{lines}\n```\nand `a <- b`\n");
        let line = "low <- { left, right }\n    <- high <- lib";
        assert_eq!(compare(&[TOY], &document(line)), [""; 0]);
        assert_eq!(compare(&[TOY], &document("low -> high")).len(), 1);
        assert_eq!(compare(&[TOY], &document("low <- left <- high <- lib")).len(), 2);
        assert_eq!(compare(&[TOY], &(document(line) + &document("a <- b"))).len(), 1);
    }

    #[test]
    fn keeps_atomics_in_prim() {
        let findings = |path: &str, text: &str| {
            backends_outside_prim(&File::new(format!("{CORE}{path}"), text)).len()
        };
        assert_eq!(findings("prim/std.rs", "use core::sync::atomic::AtomicUsize;"), 0);
        assert_eq!(findings("refs.rs", "use std::sync::atomic::AtomicUsize;"), 1);
        assert_eq!(findings("refs.rs", "#[cfg(test)]\nmod tests { use std::sync::atomic::*; }"), 0);
        assert_eq!(findings("refs.rs", "#[cfg(all(loom, feature = \"loom\"))]\nmod a;"), 1);
        assert_eq!(findings("prim/mod.rs", "#[cfg(levada_shuttle)]\nmod a;"), 0);
    }
}
