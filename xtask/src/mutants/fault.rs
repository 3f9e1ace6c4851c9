//! One fault: a piece of text in a file of the core, and what stands there instead.

use crate::Result;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the core is, below the workspace's root.
const SOURCE: &str = "crates/levada/src";

#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    /// Below `crates/levada/src`.
    pub(super) file: &'static str,
    /// Text that is in the file exactly once.
    pub(super) before: &'static str,
    pub(super) after: &'static str,
    pub(super) breaks: &'static str,
    /// The layer that has to notice, and what narrows it to the tests that are about this
    /// ([`super::layer::Layer::run`]).
    pub(super) caught_by: (&'static str, &'static str),
}

impl Fault {
    pub(super) fn path(&self, root: &Path) -> PathBuf {
        root.join(SOURCE).join(self.file)
    }

    /// The file as it is.
    pub(super) fn source(&self, root: &Path) -> Result<String> {
        let path = self.path(root);
        fs::read_to_string(&path).map_err(|error| {
            format!("fault {}: cannot read {}: {error}", self.name, path.display()).into()
        })
    }

    /// The file with the fault in it.
    pub(super) fn planted(&self, root: &Path) -> Result<String> {
        let source = self.source(root)?;
        match source.matches(self.before).count() {
            1 => Ok(source.replacen(self.before, self.after, 1)),
            count => Err(format!(
                "fault {}: its text is {count} times in {}, and has to be there once; adapt it in \
                 xtask/src/mutants/faults:\n{}",
                self.name, self.file, self.before
            )
            .into()),
        }
    }
}
