//! `levada serve`, running.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Lets the service write no file beyond 768 KB, so that its store is soon full. The limit can be
/// raised again.
const SMALL_FILES: &str = r#"trap '' XFSZ; ulimit -S -f 1500; exec "$0" "$@""#;

/// The service in front of these queues. Dropping it aborts it.
pub(crate) struct Service {
    child: Child,
    dir: TempDir,
    pub(crate) url: String,
}

impl Service {
    /// Starts it with this configuration, in which `{dir}` is a directory of its own.
    pub(crate) fn start(queues: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let config = queues.replace("{dir}", dir.path().to_str().unwrap());
        fs::write(dir.path().join("levada.toml"), config).unwrap();
        let (child, url) = launch(&dir, "127.0.0.1:0");
        Self { child, dir, url }
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again where it was.
    pub(crate) fn start_again(&mut self) {
        let address = self.url.strip_prefix("http://").unwrap().to_owned();
        (self.child, self.url) = launch(&self.dir, &address);
    }

    /// Lets the service write files of any size.
    pub(crate) fn make_room(&self) {
        let pid = self.child.id().to_string();
        let mut raise = Command::new("prlimit");
        let raised = raise.args(["--pid", &pid, "--fsize=unlimited:"]).status().unwrap();
        assert!(raised.success());
    }

    /// A file in the directory of the service.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a file for which a command waits.
    pub(crate) fn let_go(&self, name: &str) {
        fs::write(self.file(name), "").unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing to do if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(dir: &TempDir, address: &str) -> (Child, String) {
    let levada =
        std::env::var_os("LEVADA").expect("LEVADA names the program; run `cargo xtask page`");
    let mut command = Command::new("sh");
    command.args(["-c", SMALL_FILES]).arg(levada);
    command.args(["serve", "--listen", address, "--config"]).arg(dir.path().join("levada.toml"));
    command.arg("--store").arg(dir.path().join("store"));
    let tokens = dir.path().join("tokens");
    if tokens.exists() {
        command.arg("--token-file").arg(tokens);
    }
    command.env("RUST_LOG", "off").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("levada: listening on ");
    let url = url.unwrap_or_else(|| panic!("unexpected first line {line:?}")).to_owned();
    (child, url)
}
