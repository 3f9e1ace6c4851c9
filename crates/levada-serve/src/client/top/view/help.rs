//! The keys.

use ratatui::text::Line;

use super::super::app::{App, Sort};
use super::theme::{Theme, Tone};

const KEYS: [(&str, &str); 12] = [
    ("↑ ↓  j k", "select a channel, or move the page; also PgUp, PgDn, Home, End"),
    ("enter", "everything about the selected channel"),
    ("g", "the graph: which tasks wait for which, and suspected deadlocks"),
    ("esc", "back; in the table: clear the filter"),
    ("/", "filter: show the rows that have all of these words"),
    ("s S", "sort by the next column, or the one before"),
    ("1 … 9", "sort by: "),
    ("r", "reverse the order"),
    ("space p", "freeze what is shown; once more: go on"),
    ("ctrl-l", "draw everything anew"),
    ("ctrl-z", "suspend; `fg` continues"),
    ("q", "quit; also ctrl-c"),
];
const REPLAY: [(&str, &str); 4] = [
    ("space p", "pause, play"),
    ("← →", "one report back, or on"),
    ("[ ]", "the first report, or the last"),
    ("+ -", "twice as fast, or half"),
];
const COLUMNS: [(&str, &str); 7] = [
    ("DEPTH", "messages in the channel, of those that it can hold"),
    ("HIGH", "the largest depth since the channel was created"),
    ("FULL, EMPTY", "the share of the last minute"),
    ("IN/s, OUT/s", "messages sent and received in a second, over the last minute"),
    ("QUEUED", "how long messages were in the queue: 99 % of them at most"),
    ("WAIT, OLDEST", "how many tasks wait for the channel, and the longest for how long"),
    ("LINE", "where to look first: the line of the finding, or of the longest wait"),
];

pub(super) fn lines(app: &App, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = vec![theme.line(Tone::Title, " Keys")];
    let row = |key: &str, what: &str| {
        let pad = " ".repeat(14_usize.saturating_sub(key.chars().count()));
        Line::from(vec![theme.span(Tone::Title, format!("   {key}{pad}")), what.to_owned().into()])
    };
    for (key, what) in KEYS {
        if key.starts_with('1') {
            let sorts = Sort::ALL.map(Sort::word);
            lines.push(row(key, &format!("{what}{}", sorts[..5].join(", "))));
            lines.push(row("", &format!("  {}", sorts[5..].join(", "))));
        } else {
            lines.push(row(key, what));
        }
    }
    if app.player().is_some() {
        lines.extend([Line::default(), theme.line(Tone::Title, " A replay")]);
        lines.extend(REPLAY.map(|(key, what)| row(key, what)));
    }
    lines.extend([Line::default(), theme.line(Tone::Title, " Columns")]);
    lines.extend(COLUMNS.map(|(key, what)| row(key, what)));
    lines
}
