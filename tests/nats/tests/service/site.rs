//! What the processes of one service have in common: its configuration, and its command.

use crate::clock::Clock;
use crate::member::Member;
use levada_nats_test::until;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// How many commands of a queue a worker runs at a time.
const SEATS: usize = 2;
/// The same for the queue `chaos`, in as many times more.
const TIMES: usize = 3;

/// The command of most queues. Its input is `NAME`, and may have more words, which say what it
/// does. First it appends a line to the file `effects`; its output has the name and the attempt.
const COMMAND: &str = r#"
read -r name what how
printf '%s %s %s\n' "$name" "$$" "$LEVADA_ATTEMPT" >> "$SITE/effects"
case $what in
    wait) until [ -e "$SITE/$how" ] || [ -e "$SITE/$how.$LEVADA_ATTEMPT" ]; do sleep 0.05; done ;;
    nap) sleep "$how" ;;
    attempts) [ "$LEVADA_ATTEMPT" -ge "$how" ] || exit 75 ;;
    exit) exit "$how" ;;
    poison) kill -9 "$PPID"; sleep 60 ;;
esac
printf '%s %s' "$name" "$LEVADA_ATTEMPT"
"#;

const CONFIG: &str = r#"
[defaults]
workers = {workers}
capacity = 1000
grace = "1s"
environment = { SITE = "{dir}", LD_PRELOAD = "" }

[queue.default]
command = ["sh", "{dir}/command"]

[queue.default.retry]
backoff = "100ms"
factor = 1
jitter = 0

[queue.later]
command = ["sh", "{dir}/command"]

[queue.later.retry]
backoff = "3s"
jitter = 0

[queue.small]
command = ["sh", "{dir}/command"]
capacity = 3

[queue.chaos]
command = ["sh", "{dir}/command"]
workers = {many}
capacity = 300

[queue.chaos.retry]
max_interruptions = 1000
backoff = "100ms"

[queue.cat]
command = ["cat"]
max_body = "64MiB"
"#;

/// A folder with the configuration, the command, and what the command writes.
#[derive(Debug)]
pub(crate) struct Site {
    dir: TempDir,
    options: Vec<String>,
    /// Whether each process has a clock of its own.
    has_clocks: bool,
    names: AtomicUsize,
}

/// One run of the command, which may have been cut off later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) input: String,
    pub(crate) pid: u32,
    pub(crate) attempt: u64,
}

impl Site {
    /// With more options for each front end.
    pub(crate) fn new(options: &[&str]) -> Self {
        let dir = TempDir::with_prefix("levada-service-").unwrap();
        fs::write(dir.path().join("command"), COMMAND).unwrap();
        fs::write(dir.path().join("effects"), "").unwrap();
        let options = options.iter().map(|word| (*word).to_owned()).collect();
        let site = Self { dir, options, has_clocks: false, names: AtomicUsize::new(1) };
        site.configure("front-end", 0, CONFIG);
        site.configure("worker", SEATS, CONFIG);
        site
    }

    /// Processes that are started later have clocks of their own.
    pub(crate) fn with_clocks(mut self) -> Self {
        self.has_clocks = true;
        self
    }

    /// Writes a configuration, and returns where.
    fn configure(&self, kind: &str, workers: usize, text: &str) -> String {
        let dir = self.dir.path().to_str().unwrap();
        let text = text.replace("{dir}", dir).replace("{workers}", &workers.to_string());
        let text = text.replace("{many}", &(workers * TIMES).to_string());
        let path = self.path(&format!("{kind}.toml"));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Starts a front end, and does not wait.
    pub(crate) fn front_end(&self, url: &str) -> Member {
        self.member("serve", "front-end", url)
    }

    /// Starts a worker, and does not wait.
    pub(crate) fn worker(&self, url: &str) -> Member {
        self.member("work", "worker", url)
    }

    /// As [`worker`](Self::worker), with a capacity of the queues that the front ends do not have.
    pub(crate) fn worker_with_another_capacity(&self, url: &str) -> Member {
        self.configure("other", SEATS, &CONFIG.replace("capacity = 1000", "capacity = 2000"));
        self.member("work", "other", url)
    }

    /// Starts `levada serve` or `levada work` with more options, and does not wait.
    pub(crate) fn line(&self, command: &str, url: &str, options: &[&str]) -> Member {
        let kind = if command == "serve" { "front-end" } else { "worker" };
        self.start(command, kind, url, options)
    }

    /// Where a file of this name is.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn member(&self, command: &str, kind: &str, url: &str) -> Member {
        let options: Vec<_> = self.options.iter().map(String::as_str).collect();
        self.start(command, kind, url, if command == "serve" { &options } else { &[] })
    }

    fn start(&self, command: &str, kind: &str, url: &str, options: &[&str]) -> Member {
        // ORDERING: Relaxed, no pair: only hands out numbers.
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let config = self.path(&format!("{kind}.toml"));
        let config = config.to_str().unwrap();
        let mut words = vec![command, "--listen", "127.0.0.1:0", "--nats", url, "--config", config];
        words.extend(options);
        let name = format!("{kind}-{number}");
        let clock = self.has_clocks.then(|| Clock::new(self.dir.path(), &name));
        Member::spawn_with(&name, self.dir.path(), &words, clock)
    }

    /// A process with these arguments alone.
    pub(crate) fn levada(&self, arguments: &[&str]) -> Member {
        // ORDERING: as above.
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        Member::spawn(&format!("levada-{number}"), self.dir.path(), arguments)
    }

    /// Makes a file for which commands wait.
    pub(crate) fn let_go(&self, name: &str) {
        fs::write(self.path(name), "").unwrap();
    }

    /// What the command did, in its order.
    pub(crate) fn all_effects(&self) -> Vec<Effect> {
        let text = fs::read_to_string(self.path("effects")).unwrap();
        let parse = |line: &str| {
            let mut words = line.split(' ').map(str::to_owned);
            let mut next = || words.next().unwrap_or_else(|| panic!("a line {line:?}"));
            let (input, pid, attempt) = (next(), next(), next());
            Effect { input, pid: pid.parse().unwrap(), attempt: attempt.parse().unwrap() }
        };
        text.lines().map(parse).collect()
    }

    /// What it did for the input of this name.
    pub(crate) fn effects(&self, name: &str) -> Vec<Effect> {
        let mut effects = self.all_effects();
        effects.retain(|effect| effect.input == name);
        effects
    }

    /// Waits until it did something this many times for the input of this name.
    pub(crate) async fn until_effects(&self, name: &str, count: usize) -> Vec<Effect> {
        until(&format!("{count} effects of {name}"), async || {
            let effects = self.effects(name);
            if effects.len() >= count { Ok(effects) } else { Err(effects) }
        })
        .await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.dir.disable_cleanup(true);
            eprintln!("--- the logs are in {}", self.dir.path().display());
        }
    }
}

/// Waits until a process is no more.
pub(crate) async fn until_dead(pid: u32) {
    until(&format!("the end of process {pid}"), async || {
        // The state is what follows the name; one that is not reaped yet has ended.
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) if !stat.contains(") Z") => Err(stat),
            _ => Ok(()),
        }
    })
    .await;
}
