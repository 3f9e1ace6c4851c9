//! `cargo xtask page`: the page of `levada serve` in a real browser.

use crate::Result;
use crate::cargo::program;
use crate::libtest::{build, run_all};
use crate::toolchain::need_browser;

/// Runs `tests/page` against the service's program.
pub(crate) fn run() -> Result {
    need_browser()?;
    let levada = program("levada")?;
    let mut tests = build("levada-page-test", &["--test", "page"])?;
    for test in &mut tests {
        // Each test has a browser of its own, which is several processes.
        test.command.env("LEVADA", &levada).arg("--test-threads=2");
    }
    run_all(tests)
}
