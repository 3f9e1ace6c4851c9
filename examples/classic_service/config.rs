//! The configuration that can change while the service runs. It lives in a `watch`.

use std::fmt;

/// The current values. A task that reads one now and then borrows the newest; a task that has to
/// act on a change waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// The largest number of readings in one commit.
    pub(crate) batch_items: usize,
    /// What a refused client reads in `Retry-After`.
    pub(crate) retry_after_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { batch_items: 100, retry_after_seconds: 1 }
    }
}

impl Config {
    /// This configuration with changes, each a line such as `batch_items = 10`.
    ///
    /// # Errors
    /// Names the first line that is not valid. Nothing is changed then.
    pub(crate) fn with(&self, changes: &str) -> Result<Self, String> {
        let mut config = self.clone();
        for line in changes.lines().filter(|line| !line.trim().is_empty()) {
            let (name, value) = line.split_once('=').ok_or(format!("no `=` in {line:?}"))?;
            let number: u32 = value.trim().parse().map_err(|error| format!("{line:?}: {error}"))?;
            match name.trim() {
                "batch_items" if number == 0 => return Err(format!("{line:?}: at least 1")),
                "batch_items" => config.batch_items = number as usize,
                "retry_after_seconds" => config.retry_after_seconds = number.into(),
                unknown => return Err(format!("there is no setting {unknown:?}")),
            }
        }
        Ok(config)
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "batch_items = {}", self.batch_items)?;
        writeln!(f, "retry_after_seconds = {}", self.retry_after_seconds)
    }
}
