//! `cargo xtask page`: the page of `levada serve` in a real browser.

use crate::Result;
use crate::cargo::{Metadata, cargo, program};
use crate::libtest::{run_all, tests};
use crate::toolchain::need_browser;

/// Runs `tests/page` against the service's program.
pub(crate) fn run() -> Result {
    need_browser()?;
    let levada = program("levada")?;
    let mut build = cargo();
    build.args(["build", "--package", "levada-page-test", "--test", "page"]);
    let mut tests = tests(&mut build, &Metadata::load()?)?;
    for test in &mut tests {
        // Each test has a browser of its own, which is several processes.
        test.command.env("LEVADA", &levada).arg("--test-threads=2");
    }
    run_all(tests)
}
