//! Tests that leak on purpose: something is forgotten, which no program may be broken by.

use crate::{Result, shell};
use std::process::Command;

/// Tests by the end of their names. For a leak detector to be of use everywhere else, it is
/// switched off for exactly these.
const ON_PURPOSE: &[&str] =
    &["a_forgotten_snapshot_does_no_harm", "a_forgotten_read_keeps_only_its_value"];

/// Options that leave these tests out.
pub(crate) fn skipped() -> impl Iterator<Item = &'static str> {
    ON_PURPOSE.iter().flat_map(|name| ["--skip", *name])
}

/// The names, to run these tests only.
pub(crate) fn only() -> &'static [&'static str] {
    ON_PURPOSE
}

/// Fails if one of them is in none of the tests that `tests` runs: the list has outlived it.
pub(crate) fn check(tests: &mut Command) -> Result {
    let list = shell::output(tests.args(["--", "--list", "--format=terse"]))?;
    match ON_PURPOSE.iter().find(|name| !list.contains(&format!("{name}: test"))) {
        None => Ok(()),
        Some(name) => Err(format!("no test is called `{name}`; see xtask/src/leaks.rs").into()),
    }
}
