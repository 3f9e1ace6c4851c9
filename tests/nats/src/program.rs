//! Which server program runs, and how thorough the tests are: the environment says it.

use std::env;
use std::path::{Path, PathBuf};

/// The environment variable with a folder of servers: `VERSION/nats-server` for each version.
pub const DIR_VARIABLE: &str = "LEVADA_NATS_SERVER_DIR";
/// The environment variable with the version that runs where a test names none.
pub const VERSION_VARIABLE: &str = "LEVADA_NATS_VERSION";
/// The environment variable that is `1` for the long form of the tests.
pub const DEEP_VARIABLE: &str = "LEVADA_NATS_DEEP";
/// The version that runs where neither the test nor [`VERSION_VARIABLE`] names one.
pub const DEFAULT_VERSION: &str = "2.15.1";

/// Whether the long form of the tests is wanted: `cargo xtask nats --deep`.
#[must_use]
pub fn is_deep() -> bool {
    env::var_os(DEEP_VARIABLE).is_some_and(|value| value == "1")
}

/// The version that runs where a test names none.
pub(crate) fn version() -> String {
    env::var(VERSION_VARIABLE).unwrap_or_else(|_| DEFAULT_VERSION.to_owned())
}

/// The program of a version.
///
/// # Panics
///
/// If it is not installed.
pub(crate) fn program(version: &str) -> PathBuf {
    let Some(dir) = env::var_os(DIR_VARIABLE) else {
        panic!("{DIR_VARIABLE} is not set: run `cargo xtask nats`, which installs the servers");
    };
    let program = Path::new(&dir).join(version).join("nats-server");
    assert!(
        program.is_file(),
        "no NATS server {version}: {} is missing; `cargo xtask nats --version {version}` installs it",
        program.display(),
    );
    program
}
