//! `/channels`: what the channels inside the process are doing.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::outcome::internal;
use super::problem::{Problem, bad_query};

/// How to write the report.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    format: Option<String>,
}

const TEXT: &str = "text/plain; charset=utf-8";

pub(crate) async fn report(
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Asked { format }) = asked.map_err(|error| bad_query(&error.body_text()))?;
    let (content_type, make): (_, fn() -> String) = match format.as_deref() {
        None | Some("json") => ("application/json", || levada_observe::report().to_json()),
        Some("text") => (TEXT, levada_observe::dump),
        Some("folded") => (TEXT, levada_observe::folded),
        Some(other) => {
            let all = "json, text and folded";
            return Err(bad_query(&format!("format is {other:?}, which is none of {all}")));
        }
    };
    // With very many channels it takes longer than a task may keep others waiting.
    let report = spawn_blocking(make).await.map_err(|_| internal("Making the report failed."))?;
    Ok(([(header::CONTENT_TYPE, content_type)], report).into_response())
}
