//! What is run: test files and example-bearing sources of tokio's published crate.

use crate::Result;
use crate::cargo::Package;
use crate::compat::examples;
use std::fs;
use std::path::{Path, PathBuf};

/// Files below tokio's `tests`, run whole. Parts that concern no channel run on the real tokio
/// through the shim.
const TESTS: &[&str] = &[
    "async_send_sync",
    "coop_budget",
    "sync_broadcast",
    "sync_broadcast_weak",
    "sync_errors",
    "sync_mpsc",
    "sync_mpsc_weak",
    "sync_oneshot",
    "sync_panic",
    "sync_watch",
];

/// Files below tokio's `tests` that test something else and use channels to do it: a user's code.
const USERS: &[&str] = &[
    "macros_join",
    "macros_select",
    "macros_try_join",
    "rt_basic",
    "rt_common",
    "rt_threaded",
    "task_id",
    "task_join_set",
    "task_local",
    "task_local_set",
    "time_rt",
    "time_timeout",
];

/// Sources of tokio's module `sync` whose examples are run, and the name of the generated file.
const EXAMPLES: &[(&str, &str)] = &[
    ("doc_broadcast", "broadcast.rs"),
    ("doc_mpsc", "mpsc/mod.rs"),
    ("doc_mpsc_block", "mpsc/block.rs"),
    ("doc_mpsc_bounded", "mpsc/bounded.rs"),
    ("doc_mpsc_chan", "mpsc/chan.rs"),
    ("doc_mpsc_error", "mpsc/error.rs"),
    ("doc_mpsc_list", "mpsc/list.rs"),
    ("doc_mpsc_unbounded", "mpsc/unbounded.rs"),
    ("doc_oneshot", "oneshot.rs"),
    ("doc_sync", "mod.rs"),
    ("doc_watch", "watch.rs"),
];

/// One test target: a file cargo compiles as an integration test.
pub(super) struct File {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// Finds tokio's test files and writes its examples as test files below `generated`.
///
/// A source without examples yields no file.
pub(super) fn collect(tokio: &Package<'_>, generated: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for name in TESTS.iter().chain(USERS) {
        let path = tokio.dir().join("tests").join(format!("{name}.rs"));
        if !path.is_file() {
            return Err(format!("tokio {} has no {}", tokio.version(), path.display()).into());
        }
        files.push(File { name: (*name).to_owned(), path });
    }
    for (name, source) in EXAMPLES {
        let path = tokio.dir().join("src/sync").join(source);
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut examples = examples::extract(&text)
            .map_err(|error| format!("examples of {}: {error}", path.display()))?;
        if *source == "mod.rs" {
            examples.retain(examples::Example::uses_channels);
        }
        if examples.is_empty() {
            continue;
        }
        let path = generated.join(format!("{name}.rs"));
        crate::files::write_if_changed(&path, &examples::test_file(&examples))?;
        files.push(File { name: (*name).to_owned(), path });
    }
    Ok(files)
}
