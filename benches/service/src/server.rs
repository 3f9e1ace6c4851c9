//! Each contender as a process of its own, in a folder of its own.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::{Options, Result, Scenario};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    /// With its store on disk.
    Levada,
    /// With `--store memory`: what is accepted ends with the process.
    LevadaMemory,
    /// On disk, and a command that stays answers line after line.
    LevadaLines,
    /// The Debian package: no queue, and nothing is kept.
    Webhook,
    /// A queue for people: its client is a program, and there is no HTTP.
    Pueue,
}

impl Contender {
    /// Whether it has what the scenario is about.
    pub(crate) fn can(self, scenario: Scenario) -> bool {
        match self {
            Self::Levada | Self::LevadaMemory => true,
            Self::LevadaLines | Self::Webhook => scenario == Scenario::Run,
            // It keeps all jobs in one file, which it writes anew for each of them: 100,000 take hours.
            Self::Pueue => scenario == Scenario::Accept,
        }
    }

    /// Whether it can have so many clients: a thousand programs at once are no test of the one they talk to.
    pub(crate) fn stands(self, clients: usize) -> bool {
        self != Self::Pueue || clients <= 64
    }
}

/// How jobs are handed in.
#[derive(Debug, Clone)]
pub(crate) enum Door {
    Http { address: SocketAddr, path: &'static str, prefer: Option<&'static str> },
    Program { program: PathBuf, arguments: Vec<String> },
}

/// A contender that runs. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) door: Door,
    child: Child,
    folder: TempDir,
}

impl Server {
    pub(crate) async fn start(
        options: &Options,
        contender: Contender,
        scenario: Scenario,
    ) -> Result<Self> {
        let folder = TempDir::new()?;
        let address = free_address()?;
        let store = folder.path().join("store");
        let store = store.to_str().ok_or("a folder whose name is not UTF-8")?;
        let (mut command, door) = match contender {
            Contender::LevadaMemory => levada(options, scenario, address, "memory", ONCE),
            Contender::Levada => levada(options, scenario, address, store, ONCE),
            Contender::LevadaLines => levada(options, scenario, address, store, STAYS),
            Contender::Webhook => webhook(address, folder.path())?,
            Contender::Pueue => pueue(options, folder.path())?,
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child =
            command.spawn().map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let server = Self { door, child, folder };
        server.answers().await?;
        Ok(server)
    }

    async fn answers(&self) -> Result {
        let start = Instant::now();
        loop {
            let is_there = match &self.door {
                Door::Http { address, .. } => TcpStream::connect(address).await.is_ok(),
                Door::Program { program, arguments } => {
                    let mut status = Command::new(program);
                    status.args(&arguments[..2]).arg("status");
                    status.output().await?.status.success()
                }
            };
            if is_there {
                return Ok(());
            }
            if start.elapsed() > Duration::from_secs(20) {
                return Err("it does not answer".into());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The memory that it takes, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let id = self.child.id().ok_or("it has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// What it has on disk.
    pub(crate) fn store_bytes(&self) -> u64 {
        fs::metadata(self.folder.path().join("store/jobs.redb")).map_or(0, |file| file.len())
    }
}

/// One that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A process for each job.
const ONCE: &[&str] = &["--", "true"];
/// A process that does job after job.
const STAYS: &[&str] = &["--mode", "lines", "--", "cat"];

fn levada(
    options: &Options,
    scenario: Scenario,
    address: SocketAddr,
    store: &str,
    run: &[&str],
) -> (Command, Door) {
    let mut command = Command::new(&options.levada);
    command.args([
        "serve",
        "--queue",
        "1000000",
        "--max-connections",
        "4096",
        "--header-timeout",
        "10m",
    ]);
    command.arg("--listen").arg(address.to_string()).args(["--store", store]);
    let prefer = match scenario {
        Scenario::Run => {
            command.args(run);
            None
        }
        // Nothing but the accepting is measured: the only worker is busy.
        Scenario::Accept | Scenario::Backlog => {
            command.args(["--workers", "1", "--timeout", "1day", "--", "sleep", "3600"]);
            Some("respond-async")
        }
    };
    (command, Door::Http { address, path: "/", prefer })
}

fn webhook(address: SocketAddr, folder: &Path) -> Result<(Command, Door)> {
    let hooks = r#"[{
        "id": "true", "execute-command": "/bin/true", "include-command-output-in-response": true
    }]"#;
    fs::write(folder.join("hooks.json"), hooks)?;
    let mut command = Command::new("webhook");
    command.arg("-hooks").arg(folder.join("hooks.json"));
    command.args(["-ip", "127.0.0.1", "-port", &address.port().to_string()]);
    Ok((command, Door::Http { address, path: "/hooks/true", prefer: None }))
}

fn pueue(options: &Options, folder: &Path) -> Result<(Command, Door)> {
    let program = |name: &str| match &options.pueue {
        Some(bin) => bin.join(name),
        None => PathBuf::from(name),
    };
    let path = folder.to_str().ok_or("a folder whose name is not UTF-8")?;
    let config = format!(
        "shared:\n  pueue_directory: {path}\n  runtime_directory: {path}\n  use_unix_socket: true\n\
         client: {{}}\ndaemon: {{}}\n"
    );
    let file = folder.join("pueue.yml");
    fs::write(&file, config)?;
    let file = file.to_str().ok_or("a file whose name is not UTF-8")?.to_owned();
    let mut command = Command::new(program("pueued"));
    command.args(["--config", &file]);
    // Stashed: it waits, as the others' jobs do.
    let arguments = ["--config", &file, "add", "--stashed", "--", "true"];
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    Ok((command, Door::Program { program: program("pueue"), arguments }))
}
