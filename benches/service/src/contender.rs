//! Which services take part, and how each is started: as its own documentation says, and so that it
//! can do what is asked.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tokio::process::Command;

use crate::nats::Durability;
use crate::programs::{Programs, Result, Scenario};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    /// With its store on disk.
    Levada,
    /// With `--store memory`: what is accepted ends with the process.
    LevadaMemory,
    /// On disk, and a command that stays answers line after line.
    LevadaLines,
    /// The same in memory.
    LevadaMemoryLines,
    /// A front end of a cluster, on a NATS server.
    LevadaNats,
    /// The same, on one that syncs every write.
    LevadaNatsFsync,
    /// The same, on three.
    LevadaNatsReplicated,
    /// The Debian package: no queue, and nothing is kept.
    Webhook,
    /// The web server and its CGI: no queue, and nothing is kept.
    Lighttpd,
    /// A queue in the memory of a Python process, whose clients ask a second time, for the outcome.
    FlaskShell2http,
    /// A queue for people: its client is a program, and there is no HTTP.
    Pueue,
}

/// How jobs are handed in.
#[derive(Debug, Clone)]
pub(crate) enum Door {
    Http(Http),
    Program { program: PathBuf, arguments: Vec<String> },
}

#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    pub(crate) header: Option<(&'static str, &'static str)>,
    pub(crate) body: &'static str,
    /// Whether the answer has a key, with which the outcome is asked for.
    pub(crate) has_key: bool,
}

impl Http {
    fn new(address: SocketAddr, path: &'static str) -> Self {
        Self { address, path, header: None, body: "0123456789", has_key: false }
    }
}

/// Where a contender runs, and for what.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub(crate) scenario: Scenario,
    pub(crate) address: SocketAddr,
    /// What it writes is here.
    pub(crate) folder: &'a Path,
    /// The NATS servers of a cluster.
    pub(crate) nats: &'a str,
    /// How many processes have [`SEATS`], if the scenario is about that.
    pub(crate) workers: usize,
}

/// How many commands a worker process runs at a time.
pub(crate) const SEATS: usize = 4;

impl Contender {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("all have names").get_name().to_owned()
    }

    /// Whether it has what the scenario is about.
    pub(crate) fn can(self, scenario: Scenario) -> bool {
        match self {
            Self::Levada => true,
            Self::LevadaMemory => scenario != Scenario::Scale,
            Self::LevadaNats | Self::LevadaNatsFsync | Self::LevadaNatsReplicated => {
                scenario != Scenario::Backlog
            }
            Self::LevadaLines | Self::LevadaMemoryLines | Self::Webhook | Self::Lighttpd => {
                scenario == Scenario::Run
            }
            // Its memory is that of several processes, which share some of it.
            Self::FlaskShell2http => matches!(scenario, Scenario::Run | Scenario::Accept),
            // It keeps all jobs in one file, which it writes anew for each of them: 100,000 take
            // hours.
            Self::Pueue => scenario == Scenario::Accept,
        }
    }

    /// Whether it can have so many clients: a thousand programs at once are no test of the one they
    /// talk to.
    pub(crate) fn stands(self, clients: usize) -> bool {
        self != Self::Pueue || clients <= 64
    }

    /// What its NATS servers promise, if it has some.
    pub(crate) fn nats(self) -> Option<Durability> {
        match self {
            Self::LevadaNats => Some(Durability::Lazy),
            Self::LevadaNatsFsync => Some(Durability::Fsync),
            Self::LevadaNatsReplicated => Some(Durability::Replicated),
            _ => None,
        }
    }

    /// What prints its version.
    pub(crate) fn version(self, programs: &Programs) -> (PathBuf, &'static [&'static str]) {
        match self {
            Self::Levada
            | Self::LevadaMemory
            | Self::LevadaLines
            | Self::LevadaMemoryLines
            | Self::LevadaNats
            | Self::LevadaNatsFsync
            | Self::LevadaNatsReplicated => (programs.levada.clone(), &["--version"]),
            Self::Webhook => ("webhook".into(), &["-version"]),
            Self::Lighttpd => (LIGHTTPD.into(), &["-v"]),
            Self::FlaskShell2http => (programs.peer("python3"), &["-c", VERSIONS]),
            Self::Pueue => (programs.peer("pueued"), &["--version"]),
        }
    }

    /// What starts it, and how it is asked.
    pub(crate) fn command(self, programs: &Programs, site: &Site) -> Result<(Command, Door)> {
        let Site { scenario, address, folder, .. } = *site;
        let levada = |run: &[&str]| (levada(programs, site, self, run), levada_door(site));
        Ok(match self {
            Self::Levada
            | Self::LevadaMemory
            | Self::LevadaNats
            | Self::LevadaNatsFsync
            | Self::LevadaNatsReplicated => levada(ONCE),
            Self::LevadaLines | Self::LevadaMemoryLines => levada(STAYS),
            Self::Webhook => webhook(address, folder)?,
            Self::Lighttpd => lighttpd(address, folder)?,
            Self::FlaskShell2http => flask_shell2http(programs, scenario, address, folder)?,
            Self::Pueue => pueue(programs, folder)?,
        })
    }

    /// What starts a worker process of a cluster, which listens at the address of the site.
    pub(crate) fn worker(programs: &Programs, site: &Site) -> Command {
        let mut command = Command::new(&programs.levada);
        command.args(["work", "--listen", &site.address.to_string()]);
        command.args(["--workers", &SEATS.to_string(), "--nats", site.nats]).args(NAP);
        command
    }

    /// Where levada keeps the jobs.
    fn store(self, site: &Site) -> [String; 4] {
        let store = site.folder.join("store").display().to_string();
        let durability = self.nats().map(Durability::name);
        let words = match (self, durability) {
            (_, Some(durability)) => ["--nats", site.nats, "--durability", durability],
            (Self::LevadaMemory | Self::LevadaMemoryLines, None) => {
                ["--store", "memory", "--keep-jobs", "7days"]
            }
            _ => ["--store", &store, "--keep-jobs", "7days"],
        };
        words.map(str::to_owned)
    }
}

/// A process for each job.
const ONCE: &[&str] = &["--", "true"];
/// A process that does job after job.
const STAYS: &[&str] = &["--mode", "lines", "--", "cat"];
/// One that takes time and nothing else.
const NAP: &[&str] = &["--", "sleep", "0.1"];

fn levada(programs: &Programs, site: &Site, contender: Contender, run: &[&str]) -> Command {
    let mut command = Command::new(&programs.levada);
    command.args(["serve", "--queue", "1000000", "--max-connections", "4096"]);
    command.args(["--header-timeout", "10m", "--listen", &site.address.to_string()]);
    command.args(contender.store(site));
    match site.scenario {
        Scenario::Run => command.args(run),
        // Nothing but the accepting is measured: the only worker is busy.
        Scenario::Accept | Scenario::Backlog => {
            command.args(["--workers", "1", "--timeout", "1day", "--", "sleep", "3600"])
        }
        Scenario::Scale => {
            let seats = if contender.nats().is_some() { 0 } else { site.workers * SEATS };
            command.args(["--workers", &seats.to_string()]).args(NAP)
        }
    };
    command
}

fn levada_door(site: &Site) -> Door {
    let waits = matches!(site.scenario, Scenario::Run | Scenario::Scale);
    let header = (!waits).then_some(("Prefer", "respond-async"));
    Door::Http(Http { header, ..Http::new(site.address, "/") })
}

/// Debian has it where only the administrator's PATH leads.
const LIGHTTPD: &str = "/usr/sbin/lighttpd";

/// A program in Python.
const VERSIONS: &str = "from importlib.metadata import version; \
    print('Flask-Shell2HTTP', version('flask-shell2http'), 'in gunicorn', version('gunicorn'))";

fn webhook(address: SocketAddr, folder: &Path) -> Result<(Command, Door)> {
    let hooks = r#"[{
        "id": "true", "execute-command": "/bin/true", "include-command-output-in-response": true
    }]"#;
    fs::write(folder.join("hooks.json"), hooks)?;
    let mut command = Command::new("webhook");
    command.arg("-hooks").arg(folder.join("hooks.json"));
    command.args(["-ip", "127.0.0.1", "-port", &address.port().to_string()]);
    Ok((command, Door::Http(Http::new(address, "/hooks/true"))))
}

/// The command is `cat` instead of `true`, as a CGI program has to say something: the head of an
/// answer.
fn lighttpd(address: SocketAddr, folder: &Path) -> Result<(Command, Door)> {
    let root = folder.join("root");
    fs::create_dir(&root)?;
    fs::write(root.join("true.cgi"), "Status: 204\r\n\r\n")?;
    let config = format!(
        r#"server.bind = "127.0.0.1"
        server.port = {}
        server.document-root = "{}"
        server.max-fds = 8192
        server.max-keep-alive-requests = 1000000
        server.modules = ("mod_cgi")
        cgi.assign = (".cgi" => "/bin/cat")"#,
        address.port(),
        root.display()
    );
    let file = folder.join("lighttpd.conf");
    fs::write(&file, config)?;
    let mut command = Command::new(LIGHTTPD);
    command.arg("-D").arg("-f").arg(file);
    Ok((command, Door::Http(Http::new(address, "/true.cgi"))))
}

/// One process, as the jobs are in its memory, and threads, as its clients wait in them.
fn flask_shell2http(
    programs: &Programs,
    scenario: Scenario,
    address: SocketAddr,
    folder: &Path,
) -> Result<(Command, Door)> {
    // With one worker that is busy, as levada's, where only accepting is measured; with its usual
    // number otherwise. It would forget all jobs but the last 50.
    let (workers, job) =
        if scenario == Scenario::Run { ("None", "true") } else { ("1", "sleep 3600") };
    let app = format!(
        "from flask import Flask\n\
         from flask_executor import Executor\n\
         from flask_shell2http import Shell2HTTP\n\
         app = Flask(__name__)\n\
         app.config['EXECUTOR_MAX_WORKERS'] = {workers}\n\
         app.config['EXECUTOR_FUTURES_MAX_LENGTH'] = 1000000\n\
         commands = Shell2HTTP(app, Executor(app))\n\
         commands.register_command(endpoint='job', command_name='{job}')\n"
    );
    fs::write(folder.join("app.py"), app)?;
    let mut command = Command::new(programs.peer("gunicorn"));
    command.args(["--bind", &address.to_string(), "--threads", "8", "--no-control-socket"]);
    command.args(["--worker-connections", "4096", "--graceful-timeout", "1"]);
    command.arg("--chdir").arg(folder).arg("app:app");
    let door = Door::Http(Http {
        header: Some(("Content-Type", "application/json")),
        // Without this, jobs with the same arguments are one job.
        body: r#"{"force_unique_key": true}"#,
        has_key: scenario == Scenario::Run,
        ..Http::new(address, "/job")
    });
    Ok((command, door))
}

fn pueue(programs: &Programs, folder: &Path) -> Result<(Command, Door)> {
    let path = folder.to_str().ok_or("a folder whose name is not UTF-8")?;
    let config = format!(
        "shared:\n  pueue_directory: {path}\n  runtime_directory: {path}\n  use_unix_socket: true\n\
         client: {{}}\ndaemon: {{}}\n"
    );
    let file = folder.join("pueue.yml");
    fs::write(&file, config)?;
    let file = file.to_str().ok_or("a file whose name is not UTF-8")?.to_owned();
    let mut command = Command::new(programs.peer("pueued"));
    command.args(["--config", &file]);
    // Stashed: it waits, as the others' jobs do.
    let arguments = ["--config", &file, "add", "--stashed", "--", "true"];
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    Ok((command, Door::Program { program: programs.peer("pueue"), arguments }))
}
