//! Tables in Markdown that are also readable on a terminal.

use crate::results::{Entry, Line, Outcome, Peers, behind, means};
use crate::stats::ratio;

/// The table of one line, the best contender first and what failed last.
pub(crate) fn of(line: &Line) -> String {
    let mut entries: Vec<_> = line.entries.iter().collect();
    let key = |entry: &&Entry| entry.median().unwrap_or(f64::INFINITY);
    entries.sort_by(|one, other| key(one).total_cmp(&key(other)));
    let mut rows = vec![[
        "contender".to_owned(),
        format!("median {}", line.unit),
        "min .. max".to_owned(),
        "x best same".to_owned(),
        "x best peer".to_owned(),
        "x tokio".to_owned(),
    ]];
    rows.extend(entries.iter().map(|entry| row(line, entry)));
    let operations = match line.operations {
        0 => String::new(),
        n => format!(" ({n} in a round)"),
    };
    format!("### {}\n\n{}{operations}\n\n{}", line.name, line.about, aligned(&rows))
}

fn row(line: &Line, entry: &Entry) -> [String; 6] {
    let summary = match &entry.outcome {
        Outcome::Measured(summary) => summary,
        Outcome::Failed(why) => {
            let dash = || "-".to_owned();
            let why = why.replace('|', "/");
            return [entry.contender.clone(), "failed".into(), why, dash(), dash(), dash()];
        }
    };
    let to = |other: Option<f64>| match other {
        Some(other) => times(ratio(summary.median, other)),
        None => "-".into(),
    };
    [
        entry.contender.clone(),
        figure(summary.median),
        format!("{} .. {}", figure(summary.min), figure(summary.max)),
        to(line.best(Peers::SameGuarantees).map(|(_, median)| median)),
        to(line.best(Peers::All).map(|(_, median)| median)),
        to(line.median("tokio")),
    ]
}

/// What all lines say together: means, and where levada is not first.
pub(crate) fn closing(lines: &[Line]) -> String {
    let head = ["geometric mean of", "lines", "x best same", "x best peer", "x tokio"];
    let mut rows = vec![head.map(str::to_owned)];
    let times_or_dash = |ratio: Option<f64>| ratio.map_or("-".into(), times);
    for (group, means) in means(lines) {
        let (same, tokio) = (means.to_same_guarantees, means.to_tokio);
        let count = means.lines.to_string();
        let to_best = times(means.to_best);
        rows.push([group, count, times_or_dash(same), to_best, times_or_dash(tokio)]);
    }
    let mut text = format!("## levada against its peers\n\n{}", aligned(&rows));
    for (which, peers) in
        [(" among those with the same guarantees", Peers::SameGuarantees), ("", Peers::All)]
    {
        let behind = behind(lines, peers);
        let (count, of) = (behind.len(), lines.len());
        text += &format!("\n## Where levada is not first{which}: {count} of {of} lines\n\n");
        text += &not_first(&behind, peers);
    }
    let failed = lines.iter().flat_map(|line| {
        let of_line = line.entries.iter();
        of_line.filter(|entry| entry.median().is_none()).map(|entry| (&line.name, &entry.contender))
    });
    for (line, contender) in failed {
        text += &format!("\n- failed: {contender} in {line}");
    }
    text
}

/// The lines where levada is behind these peers; nothing if there are none.
fn not_first(behind: &[&Line], peers: Peers) -> String {
    let mut rows = vec![["line", "levada", "best peer", "", "ratio", "noise"].map(str::to_owned)];
    for line in behind {
        let (peer, least) = line.best(peers).unwrap_or_default();
        let levada = line.median(crate::results::LEVADA).unwrap_or_default();
        let to_best = line.to_best(peers).map_or_else(String::new, times);
        let noise = line.noise().map_or_else(String::new, times);
        rows.push([line.name.clone(), figure(levada), peer.into(), figure(least), to_best, noise]);
    }
    if rows.len() > 1 { aligned(&rows) } else { String::new() }
}

/// Three digits that say something.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        ..1.0 => format!("{value:.3}"),
        ..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn times(ratio: f64) -> String {
    format!("{ratio:.2}")
}

/// A Markdown table; the first row is its head, all columns but the first stand to the right.
fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default().max(3)
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |cells: [String; COLUMNS]| format!("| {} |\n", cells.join(" | "));
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        text += &line(std::array::from_fn(|column| match column {
            0 => format!("{:<1$}", row[column], widths[column]),
            _ => format!("{:>1$}", row[column], widths[column]),
        }));
        if index == 0 {
            text += &line(std::array::from_fn(|column| match column {
                0 => "-".repeat(widths[column]),
                _ => format!("{}:", "-".repeat(widths[column] - 1)),
            }));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::line;

    #[test]
    fn a_table() {
        let mut line =
            line("mpsc/a", &[("levada", 20.0), ("tokio", 40.0), ("kanal", 10.0), ("flume", 1.0)]);
        line.entries[3].outcome = Outcome::Failed("hangs".into());
        let expected = "\
### mpsc/a

what is done (1000 in a round)

| contender | median ns/op |   min .. max | x best same | x best peer | x tokio |
| --------- | -----------: | -----------: | ----------: | ----------: | ------: |
| kanal     |         10.0 | 10.0 .. 10.0 |        0.25 |        1.00 |    0.25 |
| levada    |         20.0 | 20.0 .. 20.0 |        0.50 |        2.00 |    0.50 |
| tokio     |         40.0 | 40.0 .. 40.0 |        1.00 |        4.00 |    1.00 |
| flume     |       failed |        hangs |           - |           - |       - |
";
        assert_eq!(of(&line), expected);
    }

    #[test]
    fn the_closing() {
        let lines =
            [line("mpsc/a", &[("levada", 20.0), ("levada (again)", 20.0), ("kanal", 10.0)])];
        let text = closing(&lines);
        assert!(
            text.contains("| mpsc              |     1 |           - |        2.00 |       - |")
        );
        assert!(text.contains("with the same guarantees: 0 of 1 lines"), "{text}");
        assert!(text.contains("not first: 1 of 1 lines"), "{text}");
        assert!(text.contains("| mpsc/a |   20.0 |     kanal | 10.0 |  2.00 |  1.00 |"), "{text}");
    }

    #[test]
    fn figures_have_three_digits() {
        assert_eq!(
            [0.0, 0.0078, 4.656, 99.94, 231.4, 12345.0].map(figure),
            ["0", "0.008", "4.66", "99.9", "231", "12345"]
        );
    }
}
