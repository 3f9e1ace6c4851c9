//! Drawing: the same state gives the same screen.
//!
//! ```text
//! mod -> channels, channel, graph, help -> theme
//! ```

mod channel;
mod channels;
mod graph;
mod help;
#[cfg(test)]
mod tests;
mod theme;

use console::measure_text_width;
use levada_observe::words::many;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Text};
use ratatui::widgets::Paragraph;

pub(super) use self::theme::Theme;
use self::theme::Tone;
use super::app::{App, Page, Source};
use super::figures::{cut, wrap};

/// Below this, there is a sentence instead of a table.
const LEAST: (u16, u16) = (50, 10);

/// Draws everything.
pub(super) fn draw(app: &mut App, theme: Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let sentence = format!(
            "The terminal has {} columns and {} lines; levada top needs {} and {}. q quits.",
            area.width, area.height, LEAST.0, LEAST.1
        );
        frame.render_widget(text(wrap(&sentence, usize::from(area.width))), area);
        return;
    }
    let top = head(app, theme, usize::from(area.width));
    let height = u16::try_from(top.len()).unwrap_or(u16::MAX).min(area.height / 2);
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(height), Constraint::Fill(1), Constraint::Length(1)])
            .areas(area);
    frame.render_widget(Text::from(top), head);
    match &app.page {
        Page::Channels => channels::draw(app, theme, frame, body),
        Page::Channel { id, label } => {
            let lines = channel::lines(app, id, label, theme, usize::from(body.width));
            pages(app, frame, body, lines);
        }
        Page::Graph => {
            let lines = graph::lines(app, theme, usize::from(body.width));
            pages(app, frame, body, lines);
        }
        Page::Help => pages(app, frame, body, help::lines(app, theme)),
    }
    footer(app, theme, frame, foot);
}

/// The lines of a page that can be moved.
fn pages(app: &mut App, frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'static>>) {
    app.hidden(lines.len().saturating_sub(usize::from(area.height)));
    let scroll = u16::try_from(app.scroll).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(lines).scroll((scroll, 0)), area);
}

fn text(lines: Vec<String>) -> Text<'static> {
    lines.into_iter().map(Line::from).collect()
}

/// Whose channels they are, whether that is now, and what is wrong with the connection.
fn head(app: &App, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let program = app.report.as_ref().map(|report| &report.program);
    let name = program.map_or_else(String::new, |it| format!("{} (pid {})", it.name, it.pid));
    let (from, state) = origin(app);
    let time = program.map_or_else(String::new, |it| clock(it.time_unix_seconds));
    let right = format!("  {time}  {state} ");
    let room = width.saturating_sub(measure_text_width(&right));
    let left = cut(&format!(" {}", [name, from].join("  ").trim_start()), room);
    let gap = " ".repeat(room.saturating_sub(measure_text_width(&left)));
    let bar = theme.style(Tone::Title).add_modifier(Modifier::REVERSED);
    let mut lines = vec![Line::styled(format!("{left}{gap}{right}"), bar)];
    lines.extend(troubles(app, theme, width));
    lines.push(summary(app, theme, width));
    lines
}

/// Where the report is from, and whether it is the newest.
fn origin(app: &App) -> (String, String) {
    match &app.source {
        Source::Program { address, every } => {
            let state = match (app.frozen, &app.failure) {
                (true, _) => "FROZEN".to_owned(),
                (false, Some(_)) => "NO ANSWER".to_owned(),
                (false, None) => format!("every {every}"),
            };
            (address.clone(), state)
        }
        Source::Replay { file, player } => {
            let sign = if player.plays() { '▶' } else { '■' };
            let (at, of, speed) = (player.at() + 1, player.len(), player.speed());
            (file.clone(), format!("{sign} {at} of {of} {speed}"))
        }
    }
}

/// The time of day of a report, as UTC.
fn clock(seconds: f64) -> String {
    let time = std::time::Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|since| std::time::UNIX_EPOCH.checked_add(since))
        .map(|time| humantime::format_rfc3339_seconds(time).to_string());
    let of_day = time.as_deref().and_then(|time| time.split_once('T'));
    of_day.map_or_else(String::new, |(_, time)| time.to_owned())
}

/// Why there is no newer report, and why nothing is recorded.
fn troubles(app: &App, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let mut texts = Vec::new();
    if let Some(reason) = &app.failure {
        let shown = if app.report.is_some() { "; shown is the last report before" } else { "" };
        let again = match &app.source {
            Source::Program { every, .. } => format!("; trying again every {every}"),
            Source::Replay { .. } => String::new(),
        };
        texts.push(format!("{reason}{shown}{again}"));
    }
    if let Some(Err(reason)) = &app.record {
        texts.push(format!("nothing is recorded any more: {reason}"));
    }
    let lines = texts.iter().flat_map(|text| wrap(text, width.saturating_sub(2)));
    lines.map(|line| theme.line(Tone::Bad, format!(" {line}"))).collect()
}

/// How much there is, and how it is shown.
fn summary(app: &App, theme: Theme, width: usize) -> Line<'static> {
    let mut words = Vec::new();
    if let Some(report) = &app.report {
        let channels = report.channels.iter().map(|it| it.instances).sum();
        let waits = report.channels.iter().flat_map(|it| &it.waiters).map(|it| it.count);
        let oneshots = report.oneshots.iter().map(|it| it.count);
        words.push(many(channels, "channel"));
        words.push(many(waits.chain(oneshots).sum(), "wait"));
        words.push(many(report.deadlocks.len(), "suspected deadlock"));
    }
    if app.page == Page::Channels {
        let reversed = if app.reversed { ", reversed" } else { "" };
        words.push(format!("sorted by {}{reversed}", app.sort.word()));
    }
    if !app.filter.is_empty() && app.typing.is_none() {
        words.push(format!("filter {:?}", app.filter));
    }
    if let Some(Ok(file)) = &app.record {
        words.push(format!("recording to {file}"));
    }
    theme.line(Tone::Quiet, cut(&format!(" {}", words.join(", ")), width))
}

/// The filter while it is typed, or the keys that help most.
fn footer(app: &App, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    if app.typing.is_some() {
        let start = format!(" filter: {}", app.filter);
        let end = "   enter keeps it, esc does not";
        let column = u16::try_from(measure_text_width(&start)).unwrap_or(u16::MAX);
        frame.set_cursor_position(Position::new(
            area.x.saturating_add(column.min(area.width.saturating_sub(1))),
            area.y,
        ));
        let line = Line::from(vec![start.into(), theme.span(Tone::Quiet, end)]);
        frame.render_widget(line, area);
        return;
    }
    let keys: &[(&str, &str)] = match (&app.page, &app.source) {
        (Page::Channels, Source::Program { .. }) => &[
            ("enter", "detail"),
            ("g", "graph"),
            ("/", "filter"),
            ("s", "sort"),
            ("space", if app.frozen { "go on" } else { "freeze" }),
            ("?", "help"),
            ("q", "quit"),
            ("r", "reverse"),
        ],
        (Page::Channels, Source::Replay { .. }) => &[
            ("enter", "detail"),
            ("g", "graph"),
            ("/", "filter"),
            ("space", "play"),
            ("← →", "step"),
            ("+ -", "speed"),
            ("?", "help"),
            ("q", "quit"),
        ],
        _ => &[("esc", "back"), ("↑ ↓", "scroll"), ("?", "help"), ("q", "quit")],
    };
    let mut spans = Vec::new();
    let mut used = 0;
    for (key, what) in keys {
        let needs = measure_text_width(key) + what.len() + 3;
        if used + needs > width {
            break;
        }
        used += needs;
        spans.push(theme.span(Tone::Title, format!(" {key}")));
        spans.push(theme.span(Tone::Quiet, format!(" {what} ")));
    }
    frame.render_widget(Line::from(spans), area);
}
