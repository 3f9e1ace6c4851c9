//! Failures on standard error, for a person.

use super::failure::{Failure, Unreachable};
use super::problem::Problem;
use super::text::{clean, clean_lines};
use super::write;

/// Writes what went wrong to standard error. With `json`, a problem goes to standard output as it
/// came.
pub(super) fn failure(failure: &Failure, json: bool) {
    match failure {
        Failure::Problem(of) => match &of.raw {
            Some(raw) if json => drop(write::line(raw)),
            _ => problem(of),
        },
        Failure::Unreachable(Unreachable { message, advice, .. }) => {
            write::note(&format!("levada: {}", clean(message)));
            if !advice.is_empty() {
                write::note(&format!("        {}", clean(advice)));
            }
        }
        Failure::Here { message, .. } => write::note(&format!("levada: {}", clean_lines(message))),
        Failure::OfJob { id, failure: inner } => {
            self::failure(inner, json);
            let id = clean(id);
            write::note(&format!(
                "        Job {id} was accepted; `levada result {id} --wait 10m` gets its output."
            ));
        }
        Failure::Told { .. } | Failure::NobodyReads => {}
    }
}

/// What the command wrote, what happened, and what to do.
fn problem(problem: &Problem) {
    if !problem.stderr_tail.is_empty() {
        write::note(clean_lines(&problem.stderr_tail).trim_end_matches('\n'));
    }
    let job = problem.job_id.as_deref().map(|id| format!(" (job {})", clean(id)));
    let (title, detail) = (clean(&problem.title), clean(&problem.detail));
    write::note(&format!("levada: {title}: {detail}{}", job.unwrap_or_default()));
    if let Some(advice) = problem.advice() {
        write::note(&format!("        {advice}"));
    }
}
