//! One report as plain text.

use levada_observe::report::Report;
use levada_observe::words::{line, many};

use super::super::failure::Done;
use super::super::write;
use super::app::{Sort, rows};
use super::columns::{Layout, gap};

/// Prints what is wrong, and the table.
pub(super) fn print(report: &Report) -> Done {
    text(report).iter().try_for_each(|line| write::line(line))
}

fn text(report: &Report) -> Vec<String> {
    let program = &report.program;
    let channels = many(report.channels.iter().map(|it| it.instances).sum(), "channel");
    let deadlocks = many(report.deadlocks.len(), "suspected deadlock");
    let mut lines =
        vec![format!("{} (pid {}): {channels}, {deadlocks}", program.name, program.pid)];
    for finding in &report.findings {
        let site = finding.site.as_deref().map(line).filter(|it| !finding.text.contains(it));
        let site = site.map_or_else(String::new, |site| format!("; see {site}"));
        lines.push(format!("! {}{site}", finding.text));
    }
    lines.push(String::new());
    let rows = rows(report, "", Sort::default(), false);
    let layout = Layout::new(&rows, usize::MAX);
    let join = |cells: Vec<String>| cells.join(&gap()).trim_end().to_owned();
    lines.push(join(layout.titles(None, false)));
    lines.extend(rows.iter().map(|row| join(layout.cells(row))));
    lines
}
