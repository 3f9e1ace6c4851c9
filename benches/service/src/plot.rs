//! Pictures of a record: a row for each contender, a column for each number of clients or worker
//! processes, in each cell a bar.

use std::collections::BTreeSet;
use std::path::Path;

use levada_bench_plot::{Canvas, GRID, INK, PALE, PAPER, RGBColor, Side, colour, svg, write};
use serde_json::Value;

use crate::programs::Result;

const WIDTH: f64 = 920.0;
const MARGIN: f64 = 24.0;
/// Above the columns.
const HEAD: f64 = 64.0;
/// The heads of the columns, and below them what is written on their axes.
const COLUMN_HEAD: f64 = 28.0;
const COLUMN_FOOT: f64 = 20.0;
const ROW: f64 = 20.0;
/// For the names at the left, and behind the longest bar for its figure.
const NAMES: f64 = 152.0;
const FIGURES: f64 = 62.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// From 0.
    Linear,
    /// From the power of ten below the least.
    Logarithmic,
}

/// What is drawn, and how: its scenario, which names the file, its title, its scale, and what its
/// columns are.
const PICTURES: &[(&str, &str, Scale, &str)] = &[
    ("run", "run: commands that ran, per second, more is better", Scale::Linear, "clients"),
    (
        "accept",
        "accept: jobs accepted per second, more is better; the scale is logarithmic",
        Scale::Logarithmic,
        "clients",
    ),
    (
        "scale",
        "scale: runs of `sleep 0.1` per second; a worker has 4 seats, `levada` alone has as many",
        Scale::Linear,
        "workers",
    ),
];

/// Draws what `lines` have something for into `dir`, as SVG.
pub(crate) fn draw(lines: &[Value], dir: &Path) -> Result {
    for &(scenario, title, scale, columns) in PICTURES {
        let picture = Picture::of(lines, scenario, title, scale, columns);
        if !picture.cells.is_empty() {
            write(&picture.svg()?, dir, scenario)?;
        }
    }
    Ok(())
}

struct Picture<'a> {
    title: &'a str,
    fine_print: String,
    scale: Scale,
    contenders: Vec<&'a str>,
    /// What there are so many of in a column.
    unit: &'a str,
    columns: BTreeSet<u64>,
    cells: Vec<Cell<'a>>,
}

struct Cell<'a> {
    contender: &'a str,
    column: u64,
    per_second: f64,
}

impl<'a> Picture<'a> {
    fn of(lines: &'a [Value], scenario: &str, title: &'a str, scale: Scale, unit: &'a str) -> Self {
        let cells = lines.iter().filter(|line| line["scenario"] == scenario).filter_map(|line| {
            let per_second = line["per_second"].as_f64().filter(|figure| *figure > 0.0)?;
            let contender = line["contender"].as_str()?;
            Some(Cell { contender, column: line[unit].as_u64()?, per_second })
        });
        let cells: Vec<_> = cells.collect();
        let mut contenders: Vec<_> = cells.iter().map(|cell| cell.contender).collect();
        contenders.dedup();
        let columns = cells.iter().map(|cell| cell.column).collect();
        let fine_print = lines.first().and_then(fine_print).unwrap_or_default();
        Self { title, fine_print, scale, contenders, unit, columns, cells }
    }

    /// Where the axis begins, and the longest bar ends.
    fn range(&self) -> (f64, f64) {
        let figures = || self.cells.iter().map(|cell| cell.per_second);
        let (least, most) = (figures().fold(f64::MAX, f64::min), figures().fold(0.0, f64::max));
        match self.scale {
            Scale::Linear => (0.0, most),
            Scale::Logarithmic => (10_f64.powf((least.log10() - 0.1).floor()), most),
        }
    }

    /// How long the bar of a figure is, in parts of the longest.
    fn part(&self, figure: f64) -> f64 {
        let (from, to) = self.range();
        match self.scale {
            Scale::Linear => figure / to,
            Scale::Logarithmic => (figure / from).ln() / (to / from).ln(),
        }
    }

    fn bottom(&self) -> f64 {
        HEAD + COLUMN_HEAD + ROW * self.contenders.len() as f64
    }

    fn svg(&self) -> Result<String> {
        let height = self.bottom() + COLUMN_FOOT + MARGIN / 2.0;
        svg((WIDTH as u32, height as u32), |canvas| self.draw(canvas))
    }

    fn draw(&self, canvas: &Canvas) -> Result {
        canvas.text(self.title, (MARGIN, 22.0), Side::Left, 18, INK)?;
        canvas.text(&self.fine_print, (MARGIN, 44.0), Side::Left, 11, PALE)?;
        for (row, contender) in self.contenders.iter().enumerate() {
            let at = (MARGIN + NAMES - 8.0, middle(row));
            canvas.text(contender, at, Side::Right, 13, ink(contender))?;
        }
        let width = ((WIDTH - 2.0 * MARGIN - NAMES) / self.columns.len().max(1) as f64).floor();
        for (column, number) in self.columns.iter().enumerate() {
            let left = MARGIN + NAMES + width * column as f64;
            self.draw_column(canvas, *number, left, width - FIGURES)?;
        }
        Ok(())
    }

    fn draw_column(&self, canvas: &Canvas, number: u64, left: f64, full: f64) -> Result {
        let unit = if number == 1 { self.unit.trim_end_matches('s') } else { self.unit };
        let head = format!("{} {unit}", grouped(number));
        canvas.text(&head, (left, HEAD + 8.0), Side::Left, 13, INK)?;
        self.draw_axis(canvas, left, full)?;
        for (row, contender) in self.contenders.iter().enumerate() {
            let is_it = |cell: &&Cell| cell.contender == *contender && cell.column == number;
            let middle = middle(row);
            let Some(cell) = self.cells.iter().find(is_it) else {
                canvas.text("not asked", (left + 6.0, middle), Side::Left, 11, PALE)?;
                continue;
            };
            let end = left + (full * self.part(cell.per_second)).round();
            bar(canvas, (left, end), middle, colour(contender))?;
            let figure = grouped(cell.per_second.round() as u64);
            // So that no line of the axis goes through it.
            let behind = (end + 3.0, end + 7.0 + 8.0 * figure.len() as f64);
            bar(canvas, behind, middle, PAPER)?;
            canvas.text(&figure, (end + 5.0, middle), Side::Left, 12, ink(contender))?;
        }
        Ok(())
    }

    /// Where the bars begin; and the powers of ten, without which lengths would say nothing.
    fn draw_axis(&self, canvas: &Canvas, left: f64, full: f64) -> Result {
        let (top, bottom) = (HEAD + COLUMN_HEAD - 6.0, self.bottom());
        canvas.line(&[(left, top), (left, bottom)], GRID, 1)?;
        if self.scale == Scale::Linear {
            return Ok(());
        }
        let (from, to) = self.range();
        let powers = (0..9).map(|power| 10_u64.pow(power));
        for power in powers.filter(|power| (from..=to).contains(&(*power as f64))) {
            let x = left + (full * self.part(power as f64)).round();
            canvas.line(&[(x, top), (x, bottom)], GRID, 1)?;
            canvas.text(&grouped(power), (x, bottom + 10.0), Side::Middle, 10, PALE)?;
        }
        Ok(())
    }
}

/// What the first line of a record says of the machine.
fn fine_print(line: &Value) -> Option<String> {
    let environment = line.get("environment")?;
    Some(format!(
        "{}, {} threads at once, for clients and service together, {} s each, {} UTC",
        environment["processor"].as_str()?,
        environment["cores"],
        environment["seconds"],
        environment["date"].as_str()?,
    ))
}

/// The middle of a row's height.
fn middle(row: usize) -> f64 {
    HEAD + COLUMN_HEAD + ROW * (row as f64 + 0.5)
}

fn bar(canvas: &Canvas, (left, right): (f64, f64), middle: f64, colour: RGBColor) -> Result {
    canvas.rectangle((left, middle - 6.0), (right, middle + 6.0), colour)
}

fn ink(contender: &str) -> RGBColor {
    if contender.starts_with("levada") { INK } else { PALE }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(scenario: &str, contender: &str, clients: u64, per_second: f64) -> Value {
        json!({
            "scenario": scenario, "contender": contender, "clients": clients,
            "per_second": per_second,
        })
    }

    #[test]
    fn thousands_are_grouped() {
        let grouped = [0, 7, 999, 1000, 20_125, 1_234_567].map(grouped);
        assert_eq!(grouped, ["0", "7", "999", "1,000", "20,125", "1,234,567"]);
    }

    #[test]
    fn a_linear_bar_begins_at_zero_and_a_logarithmic_one_at_a_power_of_ten() {
        let lines = [line("run", "levada", 1, 1000.0), line("run", "pueue", 1, 50.0)];
        let part = |scale, figure| Picture::of(&lines, "run", "", scale, "clients").part(figure);
        assert_eq!([1000.0, 500.0, 50.0].map(|it| part(Scale::Linear, it)), [1.0, 0.5, 0.05]);
        let parts = [1000.0, 100.0, 10.0].map(|it| part(Scale::Logarithmic, it));
        assert_eq!(parts, [1.0, 0.5, 0.0]);
    }

    #[test]
    fn everything_measured_is_in_the_picture_and_what_is_missing_is_said() {
        let lines = [
            json!({ "environment": {
                "processor": "a processor", "cores": 2, "seconds": 8.0, "date": "a date",
            }}),
            line("accept", "levada", 1, 889.0),
            line("accept", "levada", 1000, 20_125.0),
            line("accept", "pueue", 1, 75.0),
            line("run", "webhook", 1, 604.0),
        ];
        let svg =
            Picture::of(&lines, "accept", "a title", Scale::Logarithmic, "clients").svg().unwrap();
        for text in ["a title", "levada", "pueue", "1 client", "1,000 clients", "889", "20,125"] {
            let is_there = svg.lines().any(|line| line.trim() == text);
            assert!(is_there, "{text} in {svg}");
        }
        assert!(svg.contains("a processor, 2 threads at once"), "{svg}");
        assert_eq!(svg.matches("not asked").count(), 1);
        assert!(!svg.contains("webhook"));
    }
}
