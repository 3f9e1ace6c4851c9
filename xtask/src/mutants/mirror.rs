//! A copy of the workspace to plant faults in.

use crate::Result;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Makes `to` the same as `from`, without build output and hidden files. What is the same already
/// is left alone, so that cargo does not build it again.
pub(super) fn mirror(from: &Path, to: &Path) -> Result {
    fs::create_dir_all(to)?;
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "target" || name.to_string_lossy().starts_with('.') {
            continue;
        }
        let (old, new) = (entry.path(), to.join(&name));
        names.insert(name);
        if entry.file_type()?.is_dir() {
            mirror(&old, &new)?;
        } else {
            let bytes = fs::read(&old)?;
            if fs::read(&new).ok().as_ref() != Some(&bytes) {
                fs::write(&new, bytes)?;
            }
        }
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if names.contains(&entry.file_name()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
