//! What is printed.

use super::fault::Fault;
use crate::Result;
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of one fault.
pub(super) struct Row {
    pub(super) fault: &'static Fault,
    pub(super) verdict: Verdict,
    pub(super) took: Duration,
}

pub(super) enum Verdict {
    Caught { layer: &'static str, test: String },
    Missed,
    DoesNotCompile(String),
}

/// A fault, before it is planted.
pub(super) fn listed(fault: &Fault) -> String {
    let (layer, tests) = fault.caught_by;
    format!("{:<36} {:<24} {layer} {tests}: {}", fault.name, fault.file, fault.breaks)
}

/// A fault, and what became of it.
pub(super) fn line(row: &Row) -> String {
    let verdict = match &row.verdict {
        Verdict::Caught { layer, test } => format!("{layer:<6} {test}"),
        Verdict::Missed => format!("MISSED: {}", row.fault.breaks),
        Verdict::DoesNotCompile(why) => format!("DOES NOT COMPILE\n{why}"),
    };
    format!("{:<36} {:>6.1} s  {verdict}", row.fault.name, row.took.as_secs_f64())
}

/// How many faults each layer caught.
pub(super) fn totals(rows: &[Row]) -> String {
    let mut caught: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        let by = match &row.verdict {
            Verdict::Caught { layer, .. } => layer,
            Verdict::Missed => "nothing",
            Verdict::DoesNotCompile(_) => "the compiler",
        };
        *caught.entry(by).or_default() += 1;
    }
    let counts: Vec<_> = caught.iter().map(|(by, count)| format!("{count} by {by}")).collect();
    let seconds: f64 = rows.iter().map(|row| row.took.as_secs_f64()).sum();
    format!("{} faults in {seconds:.0} s, caught: {}", rows.len(), counts.join(", "))
}

/// An error that names the faults that no test caught.
pub(super) fn judge(rows: &[Row]) -> Result {
    let mut wrong = Vec::new();
    for row in rows {
        match row.verdict {
            Verdict::Caught { .. } => {}
            Verdict::Missed => wrong.push(format!(
                "{}: nothing notices; write the test, or say in the code why it cannot be noticed",
                row.fault.name
            )),
            Verdict::DoesNotCompile(_) => {
                wrong.push(format!("{}: does not compile, so it shows nothing", row.fault.name))
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("\n  {}", wrong.join("\n  ")).into()) }
}
