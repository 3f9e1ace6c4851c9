//! Showing something again and again.

use std::io::Write;

use console::{Term, truncate_str};

use super::failure::{Done, Failure};
use super::write;

/// Standard output. On a terminal, a changed text is drawn over the last one; elsewhere, new lines
/// are appended.
#[derive(Debug)]
pub(super) struct Screen {
    /// `None`: no terminal.
    terminal: Option<Term>,
    last: Vec<String>,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { terminal: write::to_terminal().then(Term::stdout), last: Vec::new() }
    }

    /// How wide a line can be; without a terminal, as wide as it likes.
    pub(super) fn width() -> Option<usize> {
        let size = write::to_terminal().then(|| Term::stdout().size_checked()).flatten();
        size.map(|(_, columns)| usize::from(columns).max(1))
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// Shows these lines instead of the last ones; without a terminal, those of them that were not
    /// the same.
    pub(super) fn show(&mut self, lines: Vec<String>) -> Done {
        let shown = match &self.terminal {
            Some(terminal) => redraw(terminal, self.last.len(), &lines),
            None => {
                let new = lines.iter().filter(|line| !self.last.contains(line));
                for line in new {
                    write::line(line)?;
                }
                Ok(lines.len())
            }
        };
        let kept = shown.map_err(|error| Failure::output(&error))?;
        self.last = lines;
        self.last.truncate(kept);
        Ok(())
    }
}

/// Returns how many lines there were room for.
fn redraw(terminal: &Term, last: usize, lines: &[String]) -> std::io::Result<usize> {
    let (rows, columns) = terminal.size();
    let lines = &lines[..lines.len().min(usize::from(rows).saturating_sub(1))];
    let mut text = Vec::new();
    if last > 0 {
        // To the beginning of what was shown, and away with it, at once: nothing flickers.
        write!(text, "\x1b[{last}F\x1b[J")?;
    }
    for line in lines {
        // The last column stays free: some terminals go on to the next line there.
        writeln!(text, "{}", truncate_str(line, usize::from(columns).saturating_sub(1), "…"))?;
    }
    let mut terminal = terminal;
    terminal.write_all(&text)?;
    terminal.flush()?;
    Ok(lines.len())
}
