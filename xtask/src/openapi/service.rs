//! A running `levada serve`, from its first line to its exit code.

use crate::cargo::root;
use crate::libtest::ended_within;
use crate::{Result, shell};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What is left in the queues is done in seconds.
const DRAIN: Duration = Duration::from_secs(60);

pub(crate) struct Service {
    child: Child,
    url: String,
    /// What it writes to standard error.
    log: PathBuf,
}

impl Service {
    /// Starts it on a free port, with an empty store.
    pub(super) fn start(levada: &Path, dir: &Path, store: &str) -> Result<Self> {
        let log = dir.join(format!("{store}.log"));
        let mut command = Command::new(levada);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]);
        command.arg(root().join("xtask/src/openapi/levada.toml")).arg("--store");
        if store == "memory" {
            command.arg(store);
        } else {
            let store = dir.join("store");
            if store.exists() {
                fs::remove_dir_all(&store)?;
            }
            command.arg(store);
        }
        command.env("RUST_LOG", "info");
        Self::start_as(&mut command, log)
    }

    /// Starts it by a whole command line. It writes its log to the file `log`.
    pub(crate) fn start_as(command: &mut Command, log: PathBuf) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let child = command.spawn()?;
        let mut service = Self { child, url: String::new(), log };
        let mut line = String::new();
        BufReader::new(service.child.stdout.take().ok_or("no standard output")?)
            .read_line(&mut line)?;
        let url = line.trim_end().strip_prefix("levada: listening on ");
        service.url = url.ok_or_else(|| service.failed("it does not start"))?.to_owned();
        Ok(service)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stops it as an operator would. It must still be there, end in order, and have no error to
    /// tell of.
    pub(crate) fn stop(&mut self) -> Result {
        if let Some(status) = self.child.try_wait()? {
            return Err(self.failed(&format!("it ended by itself, with {status}")).into());
        }
        shell::run(Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]))?;
        if !ended_within(&mut self.child, DRAIN)? {
            return Err(self.failed(&format!("it did not end within {DRAIN:?}")).into());
        }
        let status = self.child.wait()?;
        if !status.success() {
            return Err(self.failed(&format!("it ended with {status} after SIGTERM")).into());
        }
        let log = fs::read_to_string(&self.log)?;
        if log.contains("panicked at") || log.contains(" ERROR ") {
            return Err(self.failed("it had an error").into());
        }
        Ok(())
    }

    fn failed(&self, what: &str) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        format!("levada serve: {what}; it wrote to {}:\n{log}", self.log.display())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing to do if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
