//! Each contender as a process of its own, in a folder of its own.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::contender::{Contender, Door, Site};
use crate::nats::{Nats, free_address};
use crate::programs::{Programs, Result, Scenario};

/// How long a contender may take to end.
const LIMIT: Duration = Duration::from_secs(10);
/// How long before it is told again.
const PAUSE: Duration = Duration::from_millis(200);

/// A contender that runs. [`stop`](Self::stop) ends it; dropping it kills it, which leaves behind
/// what it runs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) door: Door,
    process: Process,
    /// The worker processes of a cluster, if the scenario is about these.
    workers: Vec<Process>,
    nats: Option<Nats>,
    folder: TempDir,
}

impl Server {
    /// Starts it; if the scenario is about that, with so many worker processes, or as many seats.
    pub(crate) async fn start(
        programs: &Programs,
        contender: Contender,
        scenario: Scenario,
        workers: usize,
    ) -> Result<Self> {
        let folder = TempDir::new()?;
        let nats = match contender.nats() {
            Some(durability) => Some(Nats::start(durability).await?),
            None => None,
        };
        let urls = nats.as_ref().map(Nats::urls).unwrap_or_default();
        let address = free_address()?;
        let site = Site { scenario, address, folder: folder.path(), nats: &urls, workers };
        let (command, door) = contender.command(programs, &site)?;
        let process = Process::start(command)?;
        let mut server = Self { door, process, workers: Vec::new(), nats, folder };
        let mut started = server.answers().await;
        if started.is_ok() && scenario == Scenario::Scale && server.nats.is_some() {
            started = server.add_workers(programs, workers);
        }
        if let Err(error) = started {
            server.stop().await?;
            return Err(error);
        }
        Ok(server)
    }

    fn add_workers(&mut self, programs: &Programs, count: usize) -> Result {
        let nats = self.nats.as_ref().map(Nats::urls).unwrap_or_default();
        for _ in 0..count {
            let (scenario, address) = (Scenario::Scale, free_address()?);
            let folder = self.folder.path();
            let site = Site { scenario, address, folder, nats: &nats, workers: count };
            self.workers.push(Process::start(Contender::worker(programs, &site))?);
        }
        Ok(())
    }

    /// Ends it, and what it runs.
    pub(crate) async fn stop(self) -> Result {
        let mut workers_run = true;
        for mut worker in self.workers {
            workers_run &= worker.child.try_wait()?.is_none();
            worker.stop().await?;
        }
        self.process.stop().await?;
        if workers_run { Ok(()) } else { Err("a worker has ended by itself".into()) }
    }

    async fn answers(&self) -> Result {
        let start = Instant::now();
        loop {
            let is_there = match &self.door {
                Door::Http(http) => TcpStream::connect(http.address).await.is_ok(),
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
        let id = self.process.child.id().ok_or("it has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// What it has on disk.
    pub(crate) fn store_bytes(&self) -> u64 {
        fs::metadata(self.folder.path().join("store/jobs.redb")).map_or(0, |file| file.len())
    }
}

/// A process in a group of its own.
#[derive(Debug)]
struct Process {
    child: Child,
    group: Pid,
}

impl Process {
    fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(0).kill_on_drop(true);
        let child =
            command.spawn().map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let id = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Ok(Self { child, group: id.ok_or("a process without an id")? })
    }

    /// Ends it, and what it runs. It gets SIGTERM until it has ended: the first makes levada drain,
    /// the second makes it abort its commands, which are in groups of their own. What is left of
    /// its own group is killed.
    async fn stop(mut self) -> Result {
        let start = Instant::now();
        while self.child.try_wait()?.is_none() && start.elapsed() < LIMIT {
            kill_process(self.group, Signal::TERM)?;
            // Whether it has ended or this was too short: the loop looks.
            let _ = timeout(PAUSE, self.child.wait()).await;
        }
        // An error means that the group has no process left.
        let _ = kill_process_group(self.group, Signal::KILL);
        self.child.wait().await?;
        Ok(())
    }
}
