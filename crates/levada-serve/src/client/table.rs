//! Columns of text, as wide as the terminal allows.

use console::{Alignment, Style, measure_text_width, pad_str, truncate_str};

/// Between two columns.
const GAP: &str = "  ";

/// Rows of cells that have been cleaned, and may have colours.
#[derive(Debug)]
pub(super) struct Table {
    headers: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(headers: &'static [&'static str]) -> Self {
        Self { headers, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines, the first of which names the columns. Numbers stand at the right; with a `width`,
    /// what is too wide is cut off at the end of the line.
    pub(super) fn lines(&self, width: Option<usize>) -> Vec<String> {
        let widths: Vec<_> = (0..self.headers.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                let header = self.headers[column].len();
                cells.map(|cell| measure_text_width(cell)).max().unwrap_or_default().max(header)
            })
            .collect();
        let bold = Style::new().bold();
        let headers = self.headers.iter().map(|name| match *name {
            "" => String::new(),
            name => bold.apply_to(name).to_string(),
        });
        let headers: Vec<_> = headers.collect();
        std::iter::once(&headers)
            .chain(&self.rows)
            .map(|row| {
                let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                    let alignment =
                        if self.is_number(column) { Alignment::Right } else { Alignment::Left };
                    pad_str(cell, *width, alignment, None)
                });
                let line = cells.collect::<Vec<_>>().join(GAP);
                let line = line.trim_end();
                width.map_or_else(
                    || line.into(),
                    |width| truncate_str(line, width, "…").into_owned(),
                )
            })
            .collect()
    }

    fn is_number(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)).peekable();
        let is_one = |cell: &String| {
            let cell = console::strip_ansi_codes(cell);
            cell == "-" || cell.starts_with(|c: char| c.is_ascii_digit())
        };
        // What a person reads as text may begin with a digit too: ids.
        self.headers[column] != "ID"
            && self.headers[column] != "QUEUE"
            && !self.headers[column].is_empty()
            && cells.peek().is_some()
            && cells.all(is_one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        let mut table = Table::new(&["ID", "N", ""]);
        table.row(["7a".to_owned(), "5".to_owned(), "漢字".to_owned()]);
        table.row(["b".to_owned(), "123".to_owned(), "a long remark".to_owned()]);
        assert_eq!(table.lines(None), ["ID    N", "7a    5  漢字", "b   123  a long remark"]);
        assert_eq!(table.lines(Some(10))[1..], ["7a    5  …", "b   123  …"]);
        for line in table.lines(Some(3)) {
            assert!(measure_text_width(&line) <= 3, "{line:?}");
        }
    }

    #[test]
    fn no_rows() {
        assert_eq!(Table::new(&["A", "B"]).lines(None), ["A  B"]);
    }
}
