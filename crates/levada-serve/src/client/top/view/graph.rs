//! Which tasks wait for which: suspected deadlocks, and all other waits with the tasks that could
//! end them.

use levada_observe::report::{Deadlock, Report, WaitEdge};
use levada_observe::words::{age, line, many};
use ratatui::text::Line;

use super::super::app::App;
use super::super::figures::{cut, wrap};
use super::theme::{Theme, Tone};

/// More tasks are not named.
const NAMED: usize = 8;

pub(super) fn lines(app: &App, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let Some(report) = &app.report else { return Vec::new() };
    let mut lines = Vec::new();
    for deadlock in &report.deadlocks {
        of_deadlock(deadlock, theme, width, &mut lines);
    }
    lines.push(theme.line(Tone::Title, " Tasks that wait"));
    for group in groups(report) {
        of_group(&group, report, theme, width, &mut lines);
    }
    for it in &report.oneshots {
        let (op, message, count) = (&it.op, &it.message, it.count);
        let (oldest, site) = (age(it.oldest_seconds), line(&it.site));
        let text = format!("{count} × {op} on oneshot of {message}, oldest {oldest}, {site}");
        lines.push(Line::from(cut(&format!("   {text}"), width)));
    }
    if report.graph.waits.is_empty() && report.oneshots.is_empty() {
        lines.push(theme.line(Tone::Quiet, "   none"));
    }
    if report.graph.left_out > 0 {
        let text = format!("   {} not listed", many(report.graph.left_out, "younger wait"));
        lines.push(theme.line(Tone::Quiet, text));
    }
    lines
}

/// The tasks in the order in which they wait for each other: the last one waits for the first.
fn of_deadlock(deadlock: &Deadlock, theme: Theme, width: usize, lines: &mut Vec<Line<'static>>) {
    let title = format!("Suspected deadlock for {}: {}", age(deadlock.seconds), deadlock.reason);
    for text in wrap(&title, width.saturating_sub(2)) {
        lines.push(theme.line(Tone::Bad, format!(" {text}")));
    }
    let last = deadlock.tasks.len().saturating_sub(1);
    for (index, task) in deadlock.tasks.iter().enumerate() {
        let side = if index == 0 { "┌▶" } else { "│ " };
        let mut put = |side: &str, text: String| {
            for (at, text) in wrap(&text, width.saturating_sub(10)).into_iter().enumerate() {
                let side = if at == 0 { side } else { "│ " };
                let indent = if at == 0 { "" } else { "    " };
                let side = theme.span(Tone::Bad, format!("   {side} {indent}"));
                lines.push(Line::from(vec![side, text.into()]));
            }
        };
        for (at, wait) in task.waits.iter().enumerate() {
            let (side, start) = if at == 0 { (side, task.task.as_str()) } else { ("│ ", "  or") };
            let (op, channel, about) = (&wait.op, &wait.channel, &wait.about);
            let (age, site) = (age(wait.seconds), line(&wait.site));
            put(side, format!("{start}: {op} on {channel} ({about}), {age}, {site}"));
            let ends = index == last && at + 1 == task.waits.len();
            let side = if ends { "└─" } else { "│ " };
            put(side, format!("  held by {}", wait.held_by.join(", ")));
        }
    }
    if deadlock.others > 0 {
        let waits = if deadlock.others == 1 { "waits" } else { "wait" };
        let text = format!("   {} {waits} for these", many(deadlock.others, "more task"));
        lines.push(theme.line(Tone::Quiet, text));
    }
    lines.push(Line::default());
}

/// The waits of one line for one channel.
struct Group<'a> {
    first: &'a WaitEdge,
    waits: Vec<&'a WaitEdge>,
}

/// In the order of the report: those of deadlocks, then the oldest.
fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for wait in &report.graph.waits {
        match groups.iter_mut().find(|group| key(group.first) == key(wait)) {
            Some(group) => group.waits.push(wait),
            None => groups.push(Group { first: wait, waits: vec![wait] }),
        }
    }
    groups
}

fn key(wait: &WaitEdge) -> (&str, u64, &str, &str) {
    (&wait.channel, wait.instance, &wait.op, &wait.site)
}

fn of_group(
    group: &Group<'_>,
    report: &Report,
    theme: Theme,
    width: usize,
    lines: &mut Vec<Line<'static>>,
) {
    let Group { first, waits } = group;
    let graph = &report.graph;
    let name = |task: usize| graph.tasks.get(task).map_or("a task", |it| it.label.as_str());
    let stuck = waits.iter().any(|it| graph.tasks.get(it.task).is_some_and(|it| it.stuck));
    let who = match waits.len() {
        1 => name(first.task).to_owned(),
        tasks => many(tasks, "task"),
    };
    let oldest = waits.iter().map(|it| it.seconds).fold(0.0, f64::max);
    let (op, channel, site) = (&first.op, label(report, &first.channel), line(&first.site));
    let text = format!("{who} ──{op}─▶ {channel}, {}, {site}", age(oldest));
    let tone = if stuck { Tone::Bad } else { Tone::Plain };
    for (at, text) in wrap(&text, width.saturating_sub(8)).into_iter().enumerate() {
        let indent = if at == 0 { "   " } else { "       " };
        lines.push(theme.line(tone, format!("{indent}{text}")));
    }
    let holds = |it: &&levada_observe::report::HandleEdge| {
        it.channel == first.channel && it.instance == first.instance
    };
    let holders: Vec<_> = graph.handles.iter().filter(holds).collect();
    let waits_too = |task: usize| graph.waits.iter().any(|wait| wait.task == task);
    let mut names: Vec<_> = holders
        .iter()
        .take(NAMED)
        .map(|it| {
            let now = if waits_too(it.task) { "waits itself" } else { "does not wait" };
            format!("{} ({}, {now})", name(it.task), it.side)
        })
        .collect();
    if holders.len() > NAMED {
        names.push(format!("{} more", holders.len() - NAMED));
    }
    if !names.is_empty() {
        for (at, text) in wrap(&names.join(", "), width.saturating_sub(10)).iter().enumerate() {
            let side = if at == 0 { "└─▶" } else { "   " };
            lines.push(theme.line(Tone::Quiet, format!("      {side} {text}")));
        }
    }
}

/// What a row is called.
pub(super) fn label<'a>(report: &'a Report, id: &'a str) -> &'a str {
    report.channels.iter().find(|it| it.id == id).map_or(id, |it| &it.label)
}
