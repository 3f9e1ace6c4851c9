//! What the server answers.

use super::page;
use crate::http::{Answer, Request};
use crate::report::Report;
use crate::text;

/// The answer to one request. `report` makes the report, if the request needs it.
pub(super) fn answer(request: &Request<'_>, report: impl FnOnce() -> Report) -> Answer {
    let wants_text = request.query.split('&').any(|pair| pair == "format=text");
    match request.path {
        "/channels" if wants_text => Answer::text(200, text::text(&report())),
        "/channels.txt" => Answer::text(200, text::text(&report())),
        "/channels" | "/channels.json" => json(report),
        "/channels.folded" => Answer::text(200, text::folded(&report())),
        "/metrics" => metrics(report),
        "/" => file("index.html").unwrap_or_else(|| missing("/")),
        path => path.strip_prefix('/').and_then(file).unwrap_or_else(|| missing(path)),
    }
}

fn file(path: &str) -> Option<Answer> {
    let page::File { content_type, text, .. } = page::file(path)?;
    Some(Answer { status: 200, content_type, body: (*text).to_owned() })
}

fn missing(path: &str) -> Answer {
    let all = "/, /channels, /channels.txt, /channels.folded, /metrics";
    Answer::text(404, format!("there is no {path:?}: see {all}\n"))
}

#[cfg(feature = "json")]
fn json(report: impl FnOnce() -> Report) -> Answer {
    let body = report().to_json();
    Answer { status: 200, content_type: "application/json", body }
}

#[cfg(not(feature = "json"))]
fn json(_: impl FnOnce() -> Report) -> Answer {
    Answer::text(404, "the program was built without the feature json of levada-observe\n")
}

#[cfg(feature = "prometheus")]
fn metrics(report: impl FnOnce() -> Report) -> Answer {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Answer { status: 200, content_type, body: crate::metrics::text(report()) }
}

#[cfg(not(feature = "prometheus"))]
fn metrics(_: impl FnOnce() -> Report) -> Answer {
    Answer::text(404, "the program was built without the feature prometheus of levada-observe\n")
}
