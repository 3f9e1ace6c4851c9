//! `levada queues`.

use std::io::BufReader;
use std::thread;
use std::time::Duration;

use console::Style;
use serde::Deserialize;

use super::failure::Done;
use super::follow::{ABSENT, AGAIN, Absence};
use super::http::Server;
use super::screen::Screen;
use super::sse::Events;
use super::table::Table;
use super::text::{age, bar, clean, short};
use super::write;
use crate::cli::queues::QueuesArgs;

const BAR: usize = 8;

/// The answer of `GET /queues`. Without queues, it is no answer of a levada server.
#[derive(Debug, Deserialize)]
struct Overview {
    queues: Vec<Queue>,
    #[serde(flatten)]
    service: Service,
    cluster: Option<Cluster>,
}

#[derive(Debug, Deserialize)]
struct Cluster {
    members: Vec<Member>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Member {
    kind: String,
    host: String,
    pid: u64,
    since: String,
    version: String,
    draining: bool,
    seats: u64,
    running: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Service {
    status: String,
    version: String,
    store: String,
    uptime_seconds: f64,
}

#[derive(Debug, Deserialize)]
struct Queue {
    name: String,
    #[serde(flatten)]
    state: QueueState,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct QueueState {
    status: String,
    capacity: u64,
    queued: u64,
    retrying: u64,
    running: u64,
    workers: u64,
    oldest_seconds: Option<f64>,
    jobs_per_second: f64,
    succeeded: u64,
    failed: u64,
    rejected: u64,
}

pub(super) fn run(args: &QueuesArgs) -> Done {
    let server = Server::new(&args.server)?;
    let json = args.server.json;
    let (raw, overview) = server.get("/queues")?.json::<Overview>()?;
    let mut screen = Screen::new();
    if !args.watch {
        return if json { write::line(&raw) } else { screen.show(overview.lines()) };
    }
    // The first event of a stream is the answer of `GET /queues`.
    let mut absence = Absence::default();
    loop {
        match watch(&server, json, &mut screen) {
            Ok(()) => absence.over(),
            Err(failure) => {
                if absence.excuse(failure)? && !args.server.quiet && !screen.is_terminal() {
                    write::note(&format!("levada: {ABSENT}"));
                }
            }
        }
        thread::sleep(AGAIN);
    }
}

/// Shows what one stream says, until it ends.
fn watch(server: &Server, json: bool, screen: &mut Screen) -> Done {
    let mut events = Events::new(BufReader::new(server.get("/events")?.events()?));
    // A stream that breaks off is one that ends.
    while let Ok(Some(event)) = events.next() {
        if event.name != "queues" {
            continue;
        }
        if json {
            write::line(&event.data)?;
        } else if let Ok(overview) = serde_json::from_str::<Overview>(&event.data) {
            screen.show(overview.lines())?;
        }
    }
    Ok(())
}

impl Overview {
    fn lines(&self) -> Vec<String> {
        let Self { queues, service, cluster } = self;
        let mut lines = Vec::new();
        // Where lines are added, not drawn over, this one would be new every time.
        if write::to_terminal() {
            let warn = Style::new().red();
            let status =
                if service.status == "running" { Style::new().green() } else { warn.clone() };
            let uptime = Duration::try_from_secs_f64(service.uptime_seconds).unwrap_or_default();
            let mut line = format!(
                "levada {}, {} for {}",
                clean(&service.version),
                status.apply_to(clean(&service.status)),
                short(uptime)
            );
            if service.store != "ok" {
                line += &format!(", {}", warn.apply_to(format!("store {}", clean(&service.store))));
            }
            lines.push(line);
        }
        // As wide as a terminal usually is, unless a name is long; `--json` has the rest.
        let mut table = Table::new(&[
            "QUEUE", "", "QUEUED", "OLDEST", "RUNNING", "RETRY", "PER S", "DONE", "FAILED",
            "REFUSED", "",
        ]);
        for queue in queues {
            table.row(queue.cells());
        }
        lines.extend(table.lines(Screen::width()));
        if let Some(Cluster { members }) = cluster {
            let mut table =
                Table::new(&["MEMBER", "HOST", "PID", "RUNNING", "SINCE", "VERSION", ""]);
            for member in members {
                table.row(member.cells());
            }
            lines.push(String::new());
            lines.extend(table.lines(Screen::width()));
        }
        lines
    }
}

impl Member {
    fn cells(&self) -> [String; 7] {
        [
            clean(&self.kind).into_owned(),
            clean(&self.host).into_owned(),
            self.pid.to_string(),
            format!("{}/{}", self.running, self.seats),
            age(Some(&self.since)),
            clean(&self.version).into_owned(),
            if self.draining { "draining".to_owned() } else { String::new() },
        ]
    }
}

impl Queue {
    fn cells(&self) -> [String; 11] {
        let Self { name, state } = self;
        let style = match (state.queued, state.capacity) {
            (queued, capacity) if queued >= capacity => Style::new().red(),
            (queued, capacity) if queued.saturating_mul(2) >= capacity => Style::new().yellow(),
            _ => Style::new().green(),
        };
        let oldest = state.oldest_seconds.and_then(|age| Duration::try_from_secs_f64(age).ok());
        [
            clean(name).into_owned(),
            style.apply_to(bar(state.queued, state.capacity, BAR)).to_string(),
            format!("{}/{}", state.queued, state.capacity),
            oldest.map_or_else(|| "-".to_owned(), short),
            format!("{}/{}", state.running, state.workers),
            state.retrying.to_string(),
            format!("{:.1}", state.jobs_per_second),
            state.succeeded.to_string(),
            state.failed.to_string(),
            state.rejected.to_string(),
            if state.status == "open" { String::new() } else { clean(&state.status).into_owned() },
        ]
    }
}
