//! Horizontal bars, a panel for each line of the tables.

use crate::report::table::figure;
use crate::results::{AGAIN, Line};
use levada_bench_plot::{Canvas, GRID, INK, PALE, Result, Side, colour};

const WIDTH: u32 = 920;
const MARGIN: f64 = 24.0;
/// Above the panels.
const HEAD: f64 = 64.0;
const ROW: f64 = 17.0;
/// Above and below the bars of a panel.
const PANEL_HEAD: f64 = 26.0;
const PANEL_FOOT: f64 = 18.0;
/// For the names, and behind the longest bar for its figure.
const NAMES: f64 = 132.0;
const FIGURES: f64 = 52.0;
const COLUMNS: usize = 2;

/// A bar that is so many times as long as the middle one is cut, so that the others can be told
/// apart.
const LONGEST: f64 = 4.0;

pub(super) struct Bars<'a> {
    pub(super) title: &'a str,
    pub(super) fine_print: &'a str,
    pub(super) panels: Vec<Panel>,
}

/// The bars of one line, the shortest first.
pub(super) struct Panel {
    title: String,
    bars: Vec<(String, f64)>,
}

impl Panel {
    pub(super) fn of(line: &Line) -> Self {
        let entries = line.entries.iter().filter(|entry| entry.contender != AGAIN);
        let mut bars: Vec<_> =
            entries.filter_map(|entry| Some((entry.contender.clone(), entry.median()?))).collect();
        bars.sort_by(|one, other| one.1.total_cmp(&other.1));
        Self { title: line.name.clone(), bars }
    }

    fn height(&self) -> f64 {
        PANEL_HEAD + ROW * self.bars.len() as f64 + PANEL_FOOT
    }

    /// The value of the longest bar that is drawn.
    fn longest(&self) -> f64 {
        let middle = self.bars.get(self.bars.len() / 2).map_or(1.0, |bar| bar.1);
        let last = self.bars.last().map_or(1.0, |bar| bar.1);
        last.min(LONGEST * middle).max(f64::MIN_POSITIVE)
    }

    fn draw(&self, canvas: &Canvas, (left, top): (f64, f64)) -> Result {
        canvas.text(&self.title, (left, top + 8.0), Side::Left, 13, INK)?;
        let start = left + NAMES;
        let full = width_of_panel() - NAMES - FIGURES;
        canvas.line(
            &[(start, top + PANEL_HEAD - 3.0), (start, top + self.height() - PANEL_FOOT)],
            GRID,
            1,
        )?;
        let longest = self.longest();
        for (index, (name, value)) in self.bars.iter().enumerate() {
            let middle = top + PANEL_HEAD + ROW * (index as f64 + 0.5);
            let is_cut = *value > longest;
            let end = start + full * value.min(longest) / longest;
            canvas.rectangle((start, middle - 5.5), (end, middle + 5.5), colour(name))?;
            let ink = if name.starts_with("levada") || name == "tokio" { INK } else { PALE };
            canvas.text(name, (start - 6.0, middle), Side::Right, 12, ink)?;
            let shown = if is_cut { format!(">> {}", figure(*value)) } else { figure(*value) };
            canvas.text(&shown, (end + 5.0, middle), Side::Left, 12, ink)?;
        }
        Ok(())
    }
}

impl Bars<'_> {
    /// The heights of the rows of panels.
    fn rows(&self) -> impl Iterator<Item = f64> {
        self.panels.chunks(COLUMNS).map(|row| row.iter().map(Panel::height).fold(0.0, f64::max))
    }
}

fn width_of_panel() -> f64 {
    let between = MARGIN * (COLUMNS - 1) as f64;
    (f64::from(WIDTH) - 2.0 * MARGIN - between) / COLUMNS as f64
}

impl Bars<'_> {
    /// Width and height, in points.
    pub(super) fn size(&self) -> (u32, u32) {
        (WIDTH, (HEAD + self.rows().sum::<f64>() + MARGIN / 2.0) as u32)
    }

    pub(super) fn draw(&self, canvas: &Canvas) -> Result {
        canvas.text(self.title, (MARGIN, 22.0), Side::Left, 18, INK)?;
        canvas.text(self.fine_print, (MARGIN, 44.0), Side::Left, 11, PALE)?;
        let mut top = HEAD;
        for (row, height) in self.panels.chunks(COLUMNS).zip(self.rows()) {
            for (column, panel) in row.iter().enumerate() {
                let left = MARGIN + (width_of_panel() + MARGIN) * column as f64;
                panel.draw(canvas, (left, top))?;
            }
            top += height;
        }
        Ok(())
    }
}
