//! `cargo xtask page`: the page of `levada serve` in a real browser.

use crate::cargo::{cargo, levada};
use crate::toolchain::need_browser;
use crate::{Result, shell};

/// Runs `tests/page` against the service's program.
pub(crate) fn run() -> Result {
    need_browser()?;
    let levada = levada()?;
    let mut command = cargo();
    command.args(["test", "--package", "levada-page-test", "--test", "page"]);
    // Each test has a browser of its own, which is several processes.
    shell::run(command.env("LEVADA", levada).args(["--", "--test-threads=2"]))
}
