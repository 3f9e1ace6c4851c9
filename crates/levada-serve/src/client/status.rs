//! `levada status`.

use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::change::each;
use super::failure::{Done, Failure};
use super::follow::{ABSENT, AGAIN, Absence};
use super::http::{LONGEST_POLL, Method, Request, Server, segment};
use super::job::{Job, path};
use super::screen::Screen;
use super::table::Table;
use super::text::{age, ahead, clean, clean_lines, size};
use super::write;
use crate::cli::status::StatusArgs;

/// Between two looks at a list.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest list that the server gives at once.
const PAGE: usize = 200;

pub(super) fn run(args: &StatusArgs) -> Done {
    let server = Server::new(&args.server)?;
    match (&args.ids[..], args.watch) {
        ([], watch) => list(args, &server, watch),
        ([id], true) => watch_one(args, &server, id),
        (ids, true) => watch_some(args, &server, ids),
        ([id], false) => {
            let (raw, job) = Job::get(&server, id)?;
            if args.server.json { write::line(&raw) } else { all(&details(&job)) }
        }
        (ids, false) => some(args, &server, ids),
    }
}

/// The answer of `GET /jobs`. A job is kept as it came.
#[derive(Debug, Deserialize)]
struct Page {
    jobs: Vec<Box<RawValue>>,
    next: Option<String>,
}

fn list(args: &StatusArgs, server: &Server, watch: bool) -> Done {
    let mut view = View::new(args.server.json);
    if watch {
        return again_and_again(args, || {
            view.show(newest(args, server)?.iter().map(|raw| raw.get().to_owned()).collect())?;
            Ok(Some(PAUSE))
        });
    }
    let jobs = newest(args, server)?;
    if jobs.is_empty() {
        if !args.server.quiet {
            write::note("levada: no jobs match");
        }
        return Ok(());
    }
    view.show(jobs.iter().map(|raw| raw.get().to_owned()).collect())
}

/// Shows until there is no more, with these pauses, and no more often than every [`AGAIN`]; also
/// while the server is being restarted.
fn again_and_again(args: &StatusArgs, mut show: impl FnMut() -> Done<Option<Duration>>) -> Done {
    let mut absence = Absence::default();
    let mut seen = false;
    loop {
        let began = Instant::now();
        let pause = match show() {
            Ok(None) => return Ok(()),
            Ok(Some(pause)) => {
                seen = true;
                absence.over();
                pause
            }
            Err(failure) if !seen => return Err(failure),
            Err(failure) => {
                if absence.excuse(failure)? && !args.server.quiet && !write::to_terminal() {
                    write::note(&format!("levada: {ABSENT}"));
                }
                AGAIN
            }
        };
        thread::sleep(pause.max(AGAIN.saturating_sub(began.elapsed())));
    }
}

/// Several jobs: on a terminal how they are; else what is new.
struct View {
    json: bool,
    screen: Screen,
    /// The JSON of the jobs that were shown.
    last: Option<Vec<String>>,
}

impl View {
    fn new(json: bool) -> Self {
        Self { json, screen: Screen::new(), last: None }
    }

    fn show(&mut self, jobs: Vec<String>) -> Done {
        let drawn_over = self.screen.is_terminal() && !self.json;
        let last = self.last.as_deref().filter(|_| !drawn_over).unwrap_or_default();
        let new: Vec<_> = jobs.iter().filter(|raw| !last.contains(raw)).collect();
        if self.json {
            new.iter().try_for_each(|raw| write::line(raw))?;
        } else {
            let lines = table(&new.iter().map(|raw| read(raw)).collect::<Done<Vec<_>>>()?);
            if drawn_over {
                self.screen.show(lines)?;
            } else {
                // The names of the columns once.
                all(&lines[usize::from(self.last.is_some())..])?;
            }
        }
        self.last = Some(jobs);
        Ok(())
    }
}

fn newest(args: &StatusArgs, server: &Server) -> Done<Vec<Box<RawValue>>> {
    let mut path = format!("/jobs?limit={}", args.limit.min(PAGE));
    if let Some(queue) = &args.queue {
        path += &format!("&queue={}", segment(queue));
    }
    if let Some(state) = args.state {
        path += &format!("&state={}", state.name());
    }
    let mut jobs = Vec::new();
    loop {
        let (_, page) = server.get(&path)?.json::<Page>()?;
        jobs.extend(page.jobs);
        // A page without jobs need not be the last; one that names itself is. Only a path: it
        // cannot lead to another server.
        let next = page.next.filter(|next| next.starts_with('/') && *next != path);
        match next {
            Some(next) if jobs.len() < args.limit => path = next,
            _ => break,
        }
    }
    jobs.truncate(args.limit);
    Ok(jobs)
}

fn read(raw: &str) -> Done<Job> {
    serde_json::from_str(raw).map_err(|_| Failure::foreign(200, raw.as_bytes()))
}

fn some(args: &StatusArgs, server: &Server, ids: &[String]) -> Done {
    let jobs = std::cell::RefCell::new(Vec::new());
    let done = each(ids, args.server.json, |id| {
        let (raw, job) = Job::get(server, id)?;
        if args.server.json {
            return write::line(&raw);
        }
        jobs.borrow_mut().push(job);
        Ok(())
    });
    let jobs = jobs.into_inner();
    if !jobs.is_empty() {
        all(&table(&jobs))?;
    }
    done
}

/// Shows a job whenever it changes, until it has ended.
fn watch_one(args: &StatusArgs, server: &Server, id: &str) -> Done {
    let mut screen = Screen::new();
    let mut tag: Option<String> = None;
    again_and_again(args, || {
        let mut headers = Vec::new();
        if let Some(tag) = &tag {
            headers.push(("if-none-match", tag.clone()));
            headers.push(("prefer", format!("wait={}", LONGEST_POLL.as_secs())));
        }
        let request = Request { headers, ..Request::default() };
        let answer = server.call(Method::Get, &path(id), request)?;
        if answer.status == 304 {
            return Ok(Some(Duration::ZERO));
        }
        tag = answer.header("etag").map(str::to_owned);
        let (raw, job) = answer.json::<Job>()?;
        if args.server.json {
            write::line(&raw)?;
        } else if screen.is_terminal() {
            screen.show(details(&job))?;
        } else {
            let line = format!("{}  {}  {}", clean(&job.id), clean(&job.state), job.remark());
            write::line(line.trim_end())?;
        }
        // Without a tag, the server cannot be asked to wait for a change.
        let pause = if tag.is_some() { Duration::ZERO } else { PAUSE };
        Ok(Some(pause).filter(|_| !job.is_final()))
    })
}

fn watch_some(args: &StatusArgs, server: &Server, ids: &[String]) -> Done {
    let mut view = View::new(args.server.json);
    again_and_again(args, || {
        let found: Vec<(String, Job)> =
            ids.iter().map(|id| Job::get(server, id)).collect::<Result<_, Failure>>()?;
        let (raw, jobs): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        view.show(raw)?;
        Ok(Some(PAUSE).filter(|_| !jobs.iter().all(Job::is_final)))
    })
}

fn all(lines: &[String]) -> Done {
    lines.iter().try_for_each(|line| write::line(line))
}

fn table(jobs: &[Job]) -> Vec<String> {
    let mut table = Table::new(&["ID", "QUEUE", "STATE", "AGE", "RAN", ""]);
    for job in jobs {
        table.row([
            clean(&job.id).into_owned(),
            clean(&job.queue).into_owned(),
            job.styled_state().to_string(),
            job.age(),
            job.ran(),
            job.remark(),
        ]);
    }
    table.lines(Screen::width())
}

/// Everything about one job.
fn details(job: &Job) -> Vec<String> {
    let ago =
        |time: &Option<String>| time.as_deref().map(|time| format!("{} ago", age(Some(time))));
    let typed = |bytes: u64, kind: &Option<String>| {
        let kind = kind.as_deref().map(|kind| format!(", {}", clean(kind)));
        format!("{}{}", size(bytes), kind.unwrap_or_default())
    };
    let ending = job.exit_code.map(|code| format!("exit code {code}"));
    let ending = ending.or_else(|| job.signal.map(|signal| format!("signal {signal}")));
    let output = match job.output_bytes {
        Some(_) if job.result_gone => Some("no longer kept".to_owned()),
        Some(bytes) => Some(typed(bytes, &job.output_type)),
        None => None,
    };
    let rows = [
        ("job", Some(clean(&job.id).into_owned())),
        ("queue", Some(clean(&job.queue).into_owned())),
        ("state", Some(job.styled_state().to_string())),
        ("jobs ahead", job.position.map(|before| before.to_string())),
        ("progress", job.progress.as_ref().map(|progress| clean(&progress.text()).into_owned())),
        ("outcome", job.outcome.as_deref().map(|text| clean(text).into_owned())),
        ("ended with", ending),
        ("attempt", Some(format!("{} of {}", job.attempt, job.max_attempts))),
        ("next run", job.retry_at.as_deref().map(|time| format!("in {}", ahead(time)))),
        ("accepted", ago(&job.created_at)),
        ("started", ago(&job.started_at)),
        ("ended", ago(&job.finished_at)),
        ("ran", Some(job.ran()).filter(|ran| ran != "-")),
        ("input", Some(typed(job.input_bytes, &job.input_type))),
        ("output", output),
        ("expires", job.expires_at.as_deref().map(|time| format!("in {}", ahead(time)))),
    ];
    let mut lines: Vec<_> =
        rows.into_iter().filter_map(|(name, text)| Some(format!("{name:<11} {}", text?))).collect();
    if !job.stderr_tail.is_empty() {
        lines.push("standard error".to_owned());
        lines.extend(clean_lines(&job.stderr_tail).lines().map(|line| format!("  {line}")));
    }
    lines
}
