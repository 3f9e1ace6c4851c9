//! The columns of the table: what is in them, and which of them there is room for.

use console::{Alignment, measure_text_width, pad_str};
use levada_observe::report::{Channel, State};
use levada_observe::words::{age, line};

use super::app::{Row, Sort};
use super::figures::{NONE, bars, count, cut, cut_start, number, rate, share, short};

/// A sparkline has so many columns at most: those of a report have one for each second.
const SPARK: usize = 20;
/// Between two columns.
const GAP: usize = 2;

/// A column of the table.
#[derive(Debug)]
pub(super) struct Column {
    title: &'static str,
    /// What sorts by it.
    sort: Option<Sort>,
    alignment: Alignment,
    /// Of the columns that do not fit, the one with the largest figure goes first.
    rank: u8,
    /// One that is wider is cut, if it has to be, to this width.
    enough: usize,
    cell: fn(&Row<'_>) -> String,
}

const fn text(
    title: &'static str,
    rank: u8,
    enough: usize,
    cell: fn(&Row<'_>) -> String,
) -> Column {
    Column { title, sort: None, alignment: Alignment::Left, rank, enough, cell }
}

const fn figure(
    title: &'static str,
    rank: u8,
    sort: Option<Sort>,
    cell: fn(&Row<'_>) -> String,
) -> Column {
    Column { title, sort, alignment: Alignment::Right, rank, enough: usize::MAX, cell }
}

const COLUMNS: [Column; 14] = [
    Column {
        sort: Some(Sort::Trouble),
        ..text("STATE", 0, usize::MAX, |row| state(row.channel.state))
    },
    Column { sort: Some(Sort::Name), ..text(NAME, 0, 14, |row| row.channel.label.clone()) },
    text("KIND", 7, usize::MAX, kind),
    figure("DEPTH", 0, Some(Sort::Depth), |row| depth_of(row.channel)),
    text("LAST MINUTE", 5, usize::MAX, spark),
    figure("HIGH", 8, Some(Sort::High), |row| count(row.channel.high_water)),
    figure("FULL", 2, Some(Sort::Full), |row| share(row.channel.shares.map(|it| it.full))),
    figure("EMPTY", 10, Some(Sort::Empty), |row| share(row.channel.shares.map(|it| it.empty))),
    figure("IN/s", 3, Some(Sort::In), |row| rate(row.channel.rates.map(|it| it.sent))),
    figure("OUT/s", 4, Some(Sort::Out), |row| rate(row.channel.rates.and_then(|it| it.received))),
    figure("QUEUED", 9, None, queued),
    figure("WAIT", 1, Some(Sort::Waiting), |row| short(number(row.waiting))),
    figure("OLDEST", 6, None, oldest),
    text(LINE, 0, 20, |row| line(row.site).to_owned()),
];

/// The columns whose width depends on the room that is left.
const NAME: &str = "CHANNEL";
const LINE: &str = "LINE";
/// How wide these are at least.
const LEAST: usize = 8;

/// A state as a sign and a word.
pub(super) fn state(state: State) -> String {
    let sign = match state {
        State::Deadlock => '✕',
        State::Full => '■',
        State::Unread => '!',
        State::Growing => '↗',
        State::Lagging => '↘',
        State::Closed => '–',
        _ => '✓',
    };
    format!("{sign} {state}")
}

fn kind(row: &Row<'_>) -> String {
    match row.channel.instances {
        1 => row.channel.kind.clone(),
        many => format!("{many} × {}", row.channel.kind),
    }
}

fn depth_of(channel: &Channel) -> String {
    if let (Some(weight), Some(max)) = (channel.weight, channel.max_weight) {
        let filled = number(weight) / number(max.max(1));
        return format!("{} ({})", count(channel.depth), share(Some(filled)));
    }
    match (channel.depth, channel.capacity) {
        // A rendezvous has no room.
        (None, _) | (_, Some(0)) => NONE.to_owned(),
        (depth, None) => count(depth),
        (depth, capacity) => format!("{} of {}", count(depth), count(capacity)),
    }
}

fn spark(row: &Row<'_>) -> String {
    let Some(history) = &row.channel.history else { return String::new() };
    if row.channel.depth.is_none() {
        let most = history.sent.iter().copied().fold(0.0, f64::max);
        return bars(&squeezed(&history.sent), most, SPARK);
    }
    let deepest = history.depth.iter().copied().fold(0.0, f64::max);
    let top = row.channel.capacity.map_or(deepest, number);
    bars(&squeezed(&history.depth), top, SPARK)
}

/// So many values as a sparkline has columns: the largest of those that share one.
pub(super) fn squeezed(values: &[f64]) -> Vec<f64> {
    let share = values.len().div_ceil(SPARK).max(1);
    values.rchunks(share).rev().map(|some| some.iter().copied().fold(0.0, f64::max)).collect()
}

fn queued(row: &Row<'_>) -> String {
    row.channel.queue_time.as_ref().map_or_else(|| NONE.to_owned(), |it| age(it.p99_seconds))
}

fn oldest(row: &Row<'_>) -> String {
    let ages = row.channel.waiters.iter().map(|waiters| waiters.oldest_seconds);
    ages.reduce(f64::max).map_or_else(|| NONE.to_owned(), age)
}

/// Which columns there is room for, and how wide they are.
#[derive(Debug)]
pub(super) struct Layout(Vec<(&'static Column, usize)>);

impl Layout {
    /// For these rows and this width, at which the most important columns remain.
    pub(super) fn new(rows: &[Row<'_>], width: usize) -> Self {
        let wanted = |column: &Column| {
            let cells = rows.iter().map(|row| measure_text_width(&(column.cell)(row)));
            // The title, and the arrow of the one that is sorted by.
            let title = column.title.len() + usize::from(column.sort.is_some());
            cells.max().unwrap_or_default().max(title)
        };
        let mut columns: Vec<_> = COLUMNS.iter().map(|column| (column, wanted(column))).collect();
        let enough = |columns: &[(&Column, usize)]| {
            let widths = columns.iter().map(|(column, wanted)| (*wanted).min(column.enough) + GAP);
            widths.sum::<usize>() - GAP
        };
        while enough(&columns) > width {
            let least = columns.iter().map(|(column, _)| column.rank).max().unwrap_or_default();
            if least == 0 {
                break;
            }
            columns.retain(|(column, _)| column.rank < least);
        }
        let used = enough(&columns);
        let (mut left, mut over) = (width.saturating_sub(used), used.saturating_sub(width));
        let sizes = columns.iter().map(|(column, wanted)| (*wanted).min(column.enough));
        let mut sizes: Vec<_> = sizes.collect();
        let place = |title| columns.iter().position(|(column, _)| column.title == title);
        // The line is worth more room than the name.
        for at in [LINE, NAME].into_iter().filter_map(place) {
            let more = left.min(columns[at].1 - sizes[at]);
            (sizes[at], left) = (sizes[at] + more, left - more);
        }
        for at in [NAME, LINE].into_iter().filter_map(place) {
            let less = over.min(sizes[at].saturating_sub(LEAST));
            (sizes[at], over) = (sizes[at] - less, over - less);
        }
        let columns = columns.into_iter().map(|(column, _)| column);
        Self(columns.zip(sizes).collect())
    }

    /// The titles, with an arrow at the one that the rows are sorted by, if that is to be shown.
    pub(super) fn titles(&self, sort: Option<Sort>, reversed: bool) -> Vec<String> {
        let title = |(column, width): &(&Column, usize)| {
            let falls = reversed == (sort == Some(Sort::Name));
            let arrow = match column.sort {
                it if it.is_some() && it == sort => {
                    if falls {
                        "▼"
                    } else {
                        "▲"
                    }
                }
                _ => "",
            };
            pad(&format!("{}{arrow}", column.title), column, *width)
        };
        self.0.iter().map(title).collect()
    }

    /// The cells of a row, each as wide as its column. The first is the state.
    pub(super) fn cells(&self, row: &Row<'_>) -> Vec<String> {
        self.0.iter().map(|(column, width)| pad(&(column.cell)(row), column, *width)).collect()
    }

    /// What the cell at this place is.
    pub(super) fn title(&self, at: usize) -> &'static str {
        self.0.get(at).map_or("", |(column, _)| column.title)
    }
}

fn pad(text: &str, column: &Column, width: usize) -> String {
    let text = if column.title == LINE { cut_start(text, width) } else { cut(text, width) };
    pad_str(&text, width, column.alignment, None).into_owned()
}

/// What is between two cells.
pub(super) fn gap() -> String {
    " ".repeat(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_full_a_channel_is() {
        let shown = |depth, capacity, weight, max_weight| {
            let mut channel = Channel::default();
            (channel.depth, channel.capacity) = (depth, capacity);
            (channel.weight, channel.max_weight) = (weight, max_weight);
            depth_of(&channel)
        };
        assert_eq!(shown(Some(3), Some(8), None, None), "3 of 8");
        assert_eq!(shown(Some(3), None, None, None), "3");
        assert_eq!(shown(Some(3), None, Some(48), Some(64)), "3 (75%)");
        assert_eq!(shown(Some(0), Some(0), None, None), NONE, "a rendezvous");
        assert_eq!(shown(None, None, None, None), NONE, "a watch");
    }
}
