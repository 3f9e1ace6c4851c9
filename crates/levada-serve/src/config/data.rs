//! The configuration as plain data, with what holds if nothing is said.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::media::MediaRange;
use super::retry::RetryPolicy;
use crate::job::JobState;

/// The queue of `POST /`, and of the command on the command line.
pub(crate) const DEFAULT_QUEUE: &str = "default";

/// All that can be changed while the service runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// At least one, by name.
    pub(crate) queues: BTreeMap<String, Arc<QueueConfig>>,
    pub(crate) retention: Retention,
    /// How many unfinished jobs a client may have; any number if it is not set.
    pub(crate) quota: Option<usize>,
    /// How many commands of all queues run at the same time; only their workers limit them if it
    /// is not set.
    pub(crate) max_running: Option<usize>,
}

impl Config {
    /// Without a queue.
    pub(super) fn built_in() -> Self {
        Self {
            queues: BTreeMap::new(),
            retention: Retention::built_in(),
            quota: None,
            max_running: None,
        }
    }
}

/// How long jobs are kept that have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Those that succeeded.
    pub(crate) jobs: Duration,
    /// Those that failed or were cancelled, and can be run again.
    pub(crate) failed: Duration,
    /// How many bytes inputs, outputs and standard error of jobs that have ended may take.
    pub(crate) max_bytes: u64,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// It answers clients, and runs jobs if its queues have workers.
    FrontEnd,
    /// It only runs jobs, of a cluster.
    Worker,
}

/// When NATS servers have a job for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Durability {
    /// One server has it in a file, which it may not have synced.
    Lazy,
    /// One server has synced it, as its configuration says.
    Fsync,
    /// Three servers have it.
    Replicated,
}

/// How a command does its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Each job has a process of its own.
    Process,
    /// A process does job after job, each a line of its input that it answers with a line of its
    /// output.
    Lines,
    /// A process does job after job, each with its id and its length in front, as its answer.
    Frames,
}

/// One queue and the command behind it. `options` describes the fields; sizes are in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QueueConfig {
    /// The command's name and arguments; never empty.
    pub(crate) command: Vec<OsString>,
    /// The executable file that the command's name leads to; absolute.
    pub(crate) program: PathBuf,
    pub(crate) mode: Mode,
    /// Where the command runs, instead of the service's directory; absolute.
    pub(crate) directory: Option<PathBuf>,
    /// What is added to the environment of the service. The values may be secrets.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) workers: usize,
    pub(crate) capacity: usize,
    pub(crate) wait: Duration,
    pub(crate) timeout: Duration,
    pub(crate) grace: Duration,
    pub(crate) priority: i8,
    pub(crate) max_body: usize,
    pub(crate) max_output: usize,
    pub(crate) stderr_tail: usize,
    pub(crate) content_type: HeaderValue,
    pub(crate) accept: Vec<MediaRange>,
    pub(crate) on_disconnect: OnDisconnect,
    pub(crate) require_key: bool,
    pub(crate) retry: RetryPolicy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OnDisconnect {
    /// The job is withdrawn, or stopped if it runs.
    Cancel,
    /// The job goes on.
    Finish,
}

impl Retention {
    pub(super) const fn built_in() -> Self {
        let jobs = Duration::from_secs(7 * 24 * 60 * 60);
        Self { jobs, failed: jobs, max_bytes: 1 << 30 }
    }

    /// How long a job is kept that ended like this.
    pub(crate) fn keep(&self, end: JobState) -> Duration {
        match end {
            JobState::Succeeded => self.jobs,
            _ => self.failed,
        }
    }
}

impl QueueConfig {
    /// What holds where nothing is said: a queue that still needs a command.
    pub(super) fn built_in() -> Self {
        Self {
            command: Vec::new(),
            program: PathBuf::new(),
            mode: Mode::Process,
            directory: None,
            environment: BTreeMap::new(),
            workers: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            capacity: 64,
            wait: Duration::from_secs(30),
            timeout: Duration::from_secs(60),
            grace: Duration::from_secs(5),
            priority: 0,
            max_body: 8 << 20,
            max_output: 64 << 20,
            stderr_tail: 4 << 10,
            content_type: HeaderValue::from_static("application/octet-stream"),
            accept: Vec::new(),
            on_disconnect: OnDisconnect::Cancel,
            require_key: false,
            retry: RetryPolicy::built_in(),
        }
    }

    /// Whether the queue takes this `Content-Type`; none counts as `application/octet-stream`.
    pub(crate) fn accepts(&self, content_type: Option<&HeaderValue>) -> bool {
        let unknown = HeaderValue::from_static("application/octet-stream");
        let content_type = content_type.unwrap_or(&unknown);
        self.accept.is_empty() || self.accept.iter().any(|range| range.contains(content_type))
    }

    /// The content type of the output, as text.
    pub(crate) fn output_type(&self) -> String {
        String::from_utf8_lossy(self.content_type.as_bytes()).into_owned()
    }

    /// A queue with a command that exists.
    #[cfg(test)]
    pub(crate) fn for_tests<const N: usize>(command: [&str; N]) -> Self {
        let command = command.iter().map(OsString::from).collect();
        let mut config = Self { command, ..Self::built_in() };
        config.find_program().expect("the command exists");
        config
    }

    /// Finds the command's executable file, in the queue's directory and on its `PATH`.
    ///
    /// # Errors
    /// Says what cannot be run, why, and what to give instead.
    pub(super) fn find_program(&mut self) -> Result<(), String> {
        let Some(name) = self.command.first() else {
            return Err("there is no command to run; give one, for example [\"wc\", \"-c\"]".into());
        };
        let directory = self.directory.as_deref().unwrap_or_else(|| Path::new("."));
        let directory = std::path::absolute(directory).map_err(|error| {
            format!("the directory {} has no path: {error}", directory.display())
        })?;
        if !directory.is_dir() {
            let directory = directory.display();
            return Err(format!(
                "the directory {directory} does not exist; the command would run there"
            ));
        }
        let path = match self.environment.get("PATH") {
            Some(path) => Some(path.into()),
            None => std::env::var_os("PATH"),
        };
        let found = which::which_in(name, path, &directory).map_err(|error| error.to_string());
        let absolute = |path| std::path::absolute(path).map_err(|error| error.to_string());
        self.program = found.and_then(absolute).map_err(|error| {
            let name = name.display();
            format!(
                "cannot run {name}: {error}; give an executable file, or a name that PATH leads to"
            )
        })?;
        Ok(())
    }
}

/// What holds from the start of the service to its end. `options` describes the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) store: Storage,
    /// The NATS servers of a cluster, in whose streams jobs are kept instead.
    pub(crate) nats: Option<String>,
    pub(crate) nats_credentials: Option<PathBuf>,
    pub(crate) cluster: String,
    pub(crate) durability: Durability,
    pub(crate) full_status: StatusCode,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) body_min_rate: usize,
    pub(crate) max_connections: usize,
    pub(crate) listen: SocketAddr,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) allow_world_readable_tokens: bool,
    pub(crate) allow_anonymous: bool,
    pub(crate) allow_plain_http: bool,
    pub(crate) allow_host: Vec<String>,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
}

/// Where jobs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Nowhere but in this process.
    Memory,
    /// In this directory.
    Directory(PathBuf),
}

impl Service {
    /// What is said about NATS servers that are not there, or about a store that is not used.
    pub(crate) fn out_of_place(&self) -> Option<&'static str> {
        let Self { store, nats_credentials, cluster, durability, .. } = Self::built_in();
        if self.nats.is_some() {
            let is_said = self.store != store;
            return is_said.then_some("--store: --nats keeps the jobs; remove one of them");
        }
        if self.nats_credentials != nats_credentials {
            return Some("--nats-credentials: there are no servers; add --nats URL");
        }
        if self.cluster != cluster {
            return Some("--cluster: there are no servers; add --nats URL");
        }
        (self.durability != durability)
            .then_some("--durability: it is that of NATS servers; add --nats URL")
    }

    pub(super) fn built_in() -> Self {
        Self {
            store: Storage::Directory("levada-data".into()),
            nats: None,
            nats_credentials: None,
            cluster: "levada".to_owned(),
            durability: Durability::Lazy,
            full_status: StatusCode::SERVICE_UNAVAILABLE,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            body_min_rate: 500,
            max_connections: 1024,
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            token_file: None,
            allow_world_readable_tokens: false,
            allow_anonymous: false,
            allow_plain_http: false,
            allow_host: Vec::new(),
            tls_cert: None,
            tls_key: None,
        }
    }
}
