//! `cargo xtask doc`: the documentation builds without a warning.

use crate::Result;
use crate::cargo::cargo;
use crate::shell;

/// Builds the docs twice: a link from public to private text is an error only in the first, the
/// links within private text are checked only in the second.
pub(crate) fn run() -> Result {
    build(&[])?;
    build(&["--document-private-items"])
}

fn build(options: &[&str]) -> Result {
    let mut command = cargo();
    command.args(["doc", "--workspace", "--no-deps", "--all-features"]).args(options);
    shell::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}
