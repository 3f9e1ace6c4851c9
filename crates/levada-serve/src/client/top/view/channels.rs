//! What is wrong, in words, and the table of the channels.

use levada_observe::report::Report;
use levada_observe::words::line;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout as Areas, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span, Text};

use super::super::app::{App, Row};
use super::super::columns::{Layout, gap};
use super::super::figures::wrap;
use super::theme::{Theme, Tone, of_rule, of_state};

pub(super) fn draw(app: &App, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(report) = &app.report else { return };
    let width = usize::from(area.width);
    let findings = findings(
        report,
        theme,
        width,
        usize::from(area.height / 2).min(usize::from(area.height.saturating_sub(4))),
    );
    let height = u16::try_from(findings.len()).unwrap_or(u16::MAX);
    let [above, below] =
        Areas::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(area);
    frame.render_widget(Text::from(findings), above);
    frame.render_widget(Text::from(table(app, theme, width, usize::from(below.height))), below);
}

/// The sentences of the findings, in this many lines at most.
fn findings(report: &Report, theme: Theme, width: usize, most: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (index, finding) in report.findings.iter().enumerate() {
        let text = match finding.site.as_deref().map(line) {
            Some(site) if !finding.text.contains(site) => format!("{}; see {site}", finding.text),
            _ => finding.text.clone(),
        };
        let mut new = wrap(&text, width.saturating_sub(4));
        if index == 0 {
            new.truncate(most.max(1));
        }
        let more = report.findings.len() - index;
        // One line stays free to say that there are more.
        if lines.len() + new.len() + usize::from(more > 1) > most && index > 0 {
            lines.push(theme.line(Tone::Quiet, format!("   and {more} more: see the rows below")));
            break;
        }
        let tone = of_rule(&finding.rule);
        for (at, text) in new.into_iter().enumerate() {
            let sign = if at == 0 { " ! " } else { "   " };
            lines.push(Line::from(vec![theme.span(tone, sign), Span::raw(text)]));
        }
    }
    if lines.is_empty() {
        lines.push(theme.line(Tone::Good, " ✓ nothing is wrong that a rule knows"));
    }
    lines.push(Line::default());
    lines
}

fn table(app: &App, theme: Theme, width: usize, height: usize) -> Vec<Line<'static>> {
    let rows = app.rows();
    if rows.is_empty() {
        let text = if app.filter.is_empty() {
            "No channel that is alive was used yet.".to_owned()
        } else {
            format!("No channel has {:?}; esc clears the filter.", app.filter)
        };
        return vec![theme.line(Tone::Quiet, format!(" {text}"))];
    }
    let layout = Layout::new(&rows, width.saturating_sub(2));
    let titles = format!(" {}", layout.titles(Some(app.sort), app.reversed).join(&gap()));
    let mut lines = vec![theme.line(Tone::Title, titles)];
    let selected = app.selected(&rows);
    let room = height.saturating_sub(1);
    // The selected row is in the middle, except near the ends.
    let first = selected.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    for (index, row) in rows.iter().enumerate().skip(first).take(room) {
        lines.push(row_line(&layout, row, index == selected, theme));
    }
    lines
}

fn row_line(layout: &Layout, row: &Row<'_>, selected: bool, theme: Theme) -> Line<'static> {
    let sends = row.channel.waiters.iter().any(|waiters| waiters.op == "send");
    let mut spans = vec![Span::raw(if selected { "›" } else { " " })];
    for (at, cell) in layout.cells(row).into_iter().enumerate() {
        let tone = match layout.title(at) {
            "STATE" => of_state(row.channel.state),
            "CHANNEL" => Tone::Title,
            "WAIT" | "OLDEST" if sends => Tone::Warn,
            _ => Tone::Plain,
        };
        if at > 0 {
            spans.push(Span::raw(gap()));
        }
        spans.push(theme.span(tone, cell));
    }
    let line = Line::from(spans);
    if selected { line.patch_style(Modifier::REVERSED) } else { line }
}
