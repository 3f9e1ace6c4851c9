//! The table of options. Each option has its key, its kind of value, its place in the
//! configuration, its flag and its text here, and nowhere else.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use http::StatusCode;
use toml::de::DeValue;
use toml::{Table, Value};

use super::data::{Config, QueueConfig as Queue, Retention, Service};
use super::document::{Fields, Shown, number_of};
use super::kind::{
    ACCEPT, ADDRESS, CLUSTER, COMMAND, CONTENT_TYPE, DIRECTORY, DURATION, DURATION_OR_ZERO, FACTOR,
    FILE, FULL_STATUS, KEPT_SIZE, NAMES, NATS, PRIORITY, SHARE, SIZE, SIZE_OR_ZERO, STORAGE,
    SWITCH, choice, count, count_or_zero, limit,
};
use super::retry::{RetryPolicy, Verdict};
use super::row::{Group, Row, Rows, key};

/// Of a queue: `[defaults]` and `[queue.NAME]`. The flags are for the command after `--`.
#[rustfmt::skip]
pub(super) static QUEUE: Rows<Queue> = &[
    &key("command", COMMAND, |q: &mut Queue| &mut q.command).default("")
        .of_workers()
        .text("the command and its arguments; no shell is involved. The service looks for a name \
               without a slash on `PATH` (that of `environment`, if it sets one), and for a \
               relative name with a slash in `directory`"),
    &key("directory", DIRECTORY, |q: &mut Queue| &mut q.directory).default("that of the service")
        .of_workers()
        .text("the working directory of the command"),
    &Environment,
    &key("workers", count_or_zero::<4096>(), |q: &mut Queue| &mut q.workers)
        .flag("workers").default("the number of CPUs")
        .of_workers()
        .text("how many commands of the queue run at the same time (1 to 4096); in a cluster, each \
               process has its own number, and a front end may have `0`: it then runs none"),
    &key("capacity", count::<_, MAX_JOBS>(), |q: &mut Queue| &mut q.capacity).flag("queue")
        .text("how many accepted jobs can wait for a worker (1 to 1000000); the service refuses \
               more"),
    &key("wait", DURATION_OR_ZERO, |q: &mut Queue| &mut q.wait).flag("wait")
        .text("how long a client waits for the outcome before it gets `202` and the address of the \
               job; with `0`, it gets them at once"),
    &key("timeout", DURATION, |q: &mut Queue| &mut q.timeout).flag("timeout")
        .text("how long a command may run; then the service stops it"),
    &key("grace", DURATION, |q: &mut Queue| &mut q.grace).flag("grace")
        .text("how long the processes of a command may still run after SIGTERM, or after the \
               command has ended, before they get SIGKILL"),
    &key("priority", PRIORITY, |q: &mut Queue| &mut q.priority).flag("priority")
        .of_workers()
        .text("when as many commands run as `max_running` allows, the queue with the greatest \
               number goes first (-128 to 127); among equals, the worker that has waited longest"),
    &key("max_body", SIZE, |q: &mut Queue| &mut q.max_body).flag("max-body")
        .text("largest body of a request"),
    &key("max_output", SIZE, |q: &mut Queue| &mut q.max_output).flag("max-output")
        .text("largest output of a command; the service stops a command that writes more"),
    &key("stderr_tail", SIZE, |q: &mut Queue| &mut q.stderr_tail).flag("stderr-tail")
        .text("how much of the end of standard error the service keeps"),
    &key("content_type", CONTENT_TYPE, |q: &mut Queue| &mut q.content_type).flag("content-type")
        .text("the content type of the command's output"),
    &key("accept", ACCEPT, |q: &mut Queue| &mut q.accept)
        .text("the content types that the queue takes, for example `[\"image/png\", \"text/*\"]`; \
               with an empty list, all types. A request without a type counts as \
               `application/octet-stream`"),
    &key("mode", choice("process|lines|frames"), |q: &mut Queue| &mut q.mode).flag("mode")
        .text("`process`: each job has a process of its own; `lines` and `frames`: a process does \
               job after job, each a line that it answers with a line, or a frame (length and \
               bytes) that it answers with a frame"),
    &key("on_disconnect", choice("cancel|finish"), |q: &mut Queue| &mut q.on_disconnect)
        .flag("on-disconnect")
        .text("what the service does with the job of a client that closes the connection while it \
               waits: `cancel` or `finish`"),
    &key("require_key", SWITCH, |q: &mut Queue| &mut q.require_key)
        .text("whether a request needs an `Idempotency-Key`"),
    &Group { key: "retry", at: |q: &mut Queue| &mut q.retry, rows: RETRY, check: backoffs },
    &ExitCodes,
];

/// Whether and when a job of a queue is run again: `[queue.NAME.retry]`.
#[rustfmt::skip]
pub(super) static RETRY: Rows<RetryPolicy> = &[
    &key("max_attempts", count::<_, 1000>(), |r: &mut RetryPolicy| &mut r.max_attempts)
        .flag("max-attempts")
        .text("how many attempts a job has at most (1 to 1000), if its exit code says that another \
               one may succeed, or the command cannot be started; with `1`, the service does not \
               retry it. An attempt that the death of the service interrupts does not count"),
    &key("max_interruptions", count::<_, 1000>(), |r: &mut RetryPolicy| &mut r.max_interruptions)
        .flag("max-interruptions")
        .text("after how many deaths of the service in a row (1 to 1000), each while the job ran, \
               the service gives the job up: the job may be what kills it"),
    &key("backoff", DURATION_OR_ZERO, |r: &mut RetryPolicy| &mut r.backoff)
        .text("how long the second attempt waits; `0` is allowed"),
    &key("factor", FACTOR, |r: &mut RetryPolicy| &mut r.factor)
        .text("by which the wait grows with each further attempt (1 to 100)"),
    &key("max_backoff", DURATION_OR_ZERO, |r: &mut RetryPolicy| &mut r.max_backoff)
        .text("how long any attempt waits at most; it must not be shorter than `backoff`"),
    &key("jitter", SHARE, |r: &mut RetryPolicy| &mut r.jitter)
        .text("which share of the wait is random, from `0` (none) to `1` (all of it), so that jobs \
               that failed together do not return together"),
    &key("on_timeout", SWITCH, |r: &mut RetryPolicy| &mut r.on_timeout)
        .text("whether the service runs a job again whose command exceeded `timeout`"),
];

/// Of all queues together: the keys at the top of the file.
#[rustfmt::skip]
pub(super) static LIMITS: Rows<Config> = &[
    &key("quota", limit::<MAX_JOBS>(), |c: &mut Config| &mut c.quota)
        .flag("quota").default("any number")
        .text("how many unfinished jobs a client may have (1 to 1000000); the service refuses more \
               with `429`"),
    &key("max_running", limit::<4096>(), |c: &mut Config| &mut c.max_running)
        .flag("max-running").default("the sum of `workers`")
        .of_workers()
        .text("how many commands of all queues run at the same time (1 to 4096)"),
    &Group { key: "retention", at: |c: &mut Config| &mut c.retention, rows: RETENTION,
        check: |_, _| {} },
];

/// What is kept of jobs that have ended: `[retention]`.
#[rustfmt::skip]
pub(super) static RETENTION: Rows<Retention> = &[
    &key("jobs", DURATION, |r: &mut Retention| &mut r.jobs).then(|r| r.failed = r.jobs)
        .flag("keep-jobs")
        .text("how long the service keeps jobs that have ended"),
    &key("failed", DURATION, |r: &mut Retention| &mut r.failed).default("as `jobs`")
        .text("how long it keeps those that failed or were cancelled, and can be run again"),
    &key("max_bytes", KEPT_SIZE, |r: &mut Retention| &mut r.max_bytes).flag("keep-bytes")
        .text("how many bytes the inputs, the outputs and the ends of standard error of all jobs \
               that have ended may take (to 1024TiB); beyond it, the service deletes those of the \
               jobs that ended first, and their states stay"),
];

/// Everything in `[service]`. A change holds from the next start.
pub(super) fn service() -> impl Iterator<Item = &'static &'static dyn Row<Service>> {
    SERVICE.iter().chain(ACCESS)
}

#[rustfmt::skip]
static SERVICE: Rows<Service> = &[
    &key("store", STORAGE, |s: &mut Service| &mut s.store).flag("store").default("levada-data")
        .text("where accepted jobs are kept: a directory of its own for each service, or `memory`, \
               which lasts as long as the process"),
    &key("nats", NATS, |s: &mut Service| &mut s.nats).flag("nats")
        .of_workers()
        .text("the NATS servers of a cluster: `nats://HOST:PORT` or `tls://HOST:PORT`, several with \
               commas. They keep the jobs in place of `store`, and all front ends and workers of \
               the cluster share them"),
    &key("nats_credentials", FILE, |s: &mut Service| &mut s.nats_credentials)
        .flag("nats-credentials")
        .of_workers()
        .text("a credentials file for the NATS servers: a JWT and its key, as `nsc` writes them"),
    &key("cluster", CLUSTER, |s: &mut Service| &mut s.cluster).flag("cluster")
        .of_workers()
        .text("the name of the cluster: 1 to 64 letters, digits and `-`. Clusters with different names \
               can use the same NATS servers, and do not see each other's jobs"),
    &key("durability", choice("lazy|fsync|replicated"), |s: &mut Service| &mut s.durability)
        .flag("durability")
        .text("when a job counts as stored: with `lazy`, when one NATS server has written it; with \
               `fsync`, when one server has synced it, which needs `sync_interval: always` in the \
               server's configuration; with `replicated`, when the majority of three servers has \
               written it. All front ends of a cluster need the same; workers follow them"),
    &key("full_status", FULL_STATUS, |s: &mut Service| &mut s.full_status).flag("full-status")
        .text("the status with which a full queue refuses a job: `503`, or `429` for clients that \
               retry only after that"),
    &key("header_timeout", DURATION, |s: &mut Service| &mut s.header_timeout)
        .flag("header-timeout")
        .of_workers()
        .text("how long a client may take to send the head of a request, and leave a connection \
               idle"),
    &key("body_timeout", DURATION, |s: &mut Service| &mut s.body_timeout).flag("body-timeout")
        .text("how long the body of a request may pause; then the answer is `408`"),
    &key("body_min_rate", SIZE_OR_ZERO, |s: &mut Service| &mut s.body_min_rate)
        .flag("body-min-rate")
        .text("how many bytes a second of a body must arrive on average, after a first \
               `body_timeout`; otherwise the answer is `408`. With `0`, any number"),
    &key("max_connections", count::<_, MAX_JOBS>(), |s: &mut Service| &mut s.max_connections)
        .flag("max-connections")
        .of_workers()
        .text("how many connections the service keeps open (1 to 1000000); for one more, it closes \
               the one that has been idle the longest"),
];

/// Which clients can reach the service, and which of them may use it: `[service]`, too.
#[rustfmt::skip]
static ACCESS: Rows<Service> = &[
    &key("listen", ADDRESS, |s: &mut Service| &mut s.listen).flag("listen")
        .of_workers()
        .text("the address to listen on; with port 0 the system chooses a free one, which the \
               service prints. An address that other machines reach needs tokens, or \
               `allow_anonymous` with TLS or `allow_plain_http`"),
    &key("token_file", FILE, |s: &mut Service| &mut s.token_file).flag("token-file")
        .of_workers()
        .text("only clients with a token from this file may use the service; a line is TOKEN or \
               NAME TOKEN. The environment variable LEVADA_TOKEN is one more token"),
    &key("allow_world_readable_tokens", SWITCH,
         |s: &mut Service| &mut s.allow_world_readable_tokens)
        .flag("allow-world-readable-tokens")
        .of_workers()
        .text("take a token file that every user of this machine can read, as Docker and \
               Kubernetes mount secrets"),
    &key("allow_anonymous", SWITCH, |s: &mut Service| &mut s.allow_anonymous)
        .flag("allow-anonymous")
        .text("let every client that reaches the service run the command; refused together with \
               tokens"),
    &key("allow_plain_http", SWITCH, |s: &mut Service| &mut s.allow_plain_http)
        .flag("allow-plain-http")
        .text("listen without TLS where other machines reach the service: in a trusted network, \
               such as that of a few containers, or behind a proxy that does TLS"),
    &key("allow_host", NAMES, |s: &mut Service| &mut s.allow_host).flag("allow-host")
        .of_workers()
        .text("a name by which clients reach a service without tokens; there may be several. IP \
               addresses and `localhost` are always allowed. A service that other machines reach \
               also answers to private names and, with TLS, to every name"),
    &key("tls_cert", FILE, |s: &mut Service| &mut s.tls_cert).flag("tls-cert")
        .of_workers()
        .text("serve HTTPS with this certificate and its chain (PEM); the service reads it again \
               when it changes"),
    &key("tls_key", FILE, |s: &mut Service| &mut s.tls_key).flag("tls-key")
        .of_workers()
        .text("the private key of the certificate (PEM)"),
];

const MAX_JOBS: u32 = 1_000_000;

/// `environment`: each variable replaces that of the same name.
struct Environment;

impl Row<Queue> for Environment {
    fn read(&self, fields: &mut Fields<'_, '_>, queue: &mut Queue) {
        fields.entries("environment", Shown::Secret, variable, |(name, value)| {
            queue.environment.insert(name, value);
        });
    }

    fn show(&self, queue: &mut Queue, table: &mut Table) {
        let hidden = |name: &String| (name.clone(), "(hidden)".into());
        let hidden: Table = queue.environment.keys().map(hidden).collect();
        table.insert("environment".to_owned(), hidden.into());
    }

    fn is_of_workers(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn documented(&self, _: &mut Queue) -> Option<String> {
        Some(
            "| `environment` | | `{}` | variables for the command, in addition to those of the \
             service (except `LEVADA_TOKEN`). The service never prints or logs their values |"
                .to_owned(),
        )
    }
}

fn variable(name: &str, value: &DeValue<'_>) -> Result<(String, String), String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err("the name of a variable is not empty and has no = in it".to_owned());
    }
    match value.as_str().filter(|value| !value.contains('\0')) {
        Some(value) => Ok((name.to_owned(), value.to_owned())),
        None => Err("give a string; numbers and flags need quotes, too".to_owned()),
    }
}

/// `exit_codes`: each code replaces its meaning of before.
struct ExitCodes;

impl Row<Queue> for ExitCodes {
    fn read(&self, fields: &mut Fields<'_, '_>, queue: &mut Queue) {
        fields.entries("exit_codes", Shown::Yes, exit_code, |(code, verdict)| {
            queue.retry.exit_codes.insert(code, verdict);
        });
    }

    fn show(&self, queue: &mut Queue, table: &mut Table) {
        // 0 cannot be given another meaning.
        let codes = queue.retry.exit_codes.iter().filter(|(code, _)| **code > 0);
        let entry = |(code, verdict): (&u8, &Verdict)| {
            let value = match verdict {
                Verdict::Done => Value::from("done"),
                Verdict::Retry => Value::from("retry"),
                Verdict::Fail(status) => Value::from(i64::from(status.as_u16())),
            };
            (code.to_string(), value)
        };
        let codes: Table = codes.map(entry).collect();
        table.insert("exit_codes".to_owned(), codes.into());
    }
}

fn exit_code(code: &str, value: &DeValue<'_>) -> Result<(u8, Verdict), String> {
    let code = code
        .parse()
        .ok()
        .filter(|number: &u8| *number > 0 && number.to_string() == code)
        .ok_or("an exit code is a number from 1 to 255 (0 is always \"done\")")?;
    let verdict = match (value.as_str(), number_of(value).and_then(|n| n.parse::<u16>().ok())) {
        (Some("done"), _) => Some(Verdict::Done),
        (Some("retry"), _) => Some(Verdict::Retry),
        (_, Some(status @ 400..=599)) => StatusCode::from_u16(status).ok().map(Verdict::Fail),
        _ => None,
    };
    verdict.map(|verdict| (code, verdict)).ok_or_else(|| {
        "give \"done\", \"retry\", or the status of a failure, 400 to 599".to_owned()
    })
}

/// Reports a longest wait that is shorter than the first one.
fn backoffs(retry: &RetryPolicy, fields: &Fields<'_, '_>) {
    let (backoff, max) = (retry.backoff, retry.max_backoff);
    let place = fields.place_of("max_backoff").or_else(|| fields.place_of("backoff"));
    if let (true, Some(place)) = (max < backoff, place) {
        let name = fields.name("max_backoff");
        let mistake = format!(
            "{name} ({max:?}) is shorter than backoff ({backoff:?}); give it at least as much"
        );
        fields.mistake(place, mistake);
    }
}

/// The options of the command line that are in the table.
#[derive(Debug, Clone)]
pub(crate) struct Given(ArgMatches);

impl Given {
    /// Puts what the command line says in the place of what holds.
    pub(super) fn apply<C: 'static>(
        &self,
        rows: impl IntoIterator<Item = &'static &'static dyn Row<C>>,
        config: &mut C,
    ) {
        rows.into_iter().for_each(|row| row.apply(&self.0, config));
    }
}

/// The options of the table as a part of a command line: all of them, or those of a worker.
#[derive(Debug, Clone)]
pub(crate) struct Options<const OF_WORKERS: bool>(pub(crate) Given);

impl<const OF_WORKERS: bool> Options<OF_WORKERS> {
    fn flags<C>(rows: Rows<C>, mut defaults: C) -> impl Iterator<Item = Arg> {
        let rows = rows.iter().filter(|row| !OF_WORKERS || row.is_of_workers());
        rows.flat_map(move |row| row.flags(&mut defaults))
    }
}

impl<const OF_WORKERS: bool> Args for Options<OF_WORKERS> {
    fn augment_args(command: Command) -> Command {
        let queue = Self::flags(QUEUE, Queue::built_in());
        command
            .next_help_heading("The queue of the command after `--`")
            .args(queue.map(|flag| flag.requires("command")))
            .next_help_heading("The service")
            .args(Self::flags(SERVICE, Service::built_in()))
            .args(Self::flags(LIMITS, Config::built_in()))
            .next_help_heading("Access")
            .args(Self::flags(ACCESS, Service::built_in()))
            .next_help_heading(None)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const OF_WORKERS: bool> FromArgMatches for Options<OF_WORKERS> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(Given(matches.clone())))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
