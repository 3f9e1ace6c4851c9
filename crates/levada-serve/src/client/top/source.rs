//! Where reports come from: a program that is asked over HTTP.

use std::time::Duration;

use levada_observe::report::{ReadError, Report};
use serde_json::Value;

use super::super::code;
use super::super::failure::{Done, Failure};
use super::super::http::{Method, Request, Server};
use super::super::text::clean;
use crate::cli::top::TopArgs;

/// How long an answer may take: the observer gives up a connection earlier.
const LIMIT: Duration = Duration::from_secs(10);
const PATH: &str = "/channels";
const ADVICE: &str = "A program shows its channels once it calls levada_observe::start(): at port \
    6670, or the first free one of the next nine. `levada top ADDRESS` looks elsewhere.";

/// A program that serves reports.
#[derive(Debug)]
pub(super) struct Program {
    server: Server,
    address: String,
}

impl Program {
    pub(super) fn new(args: &TopArgs) -> Done<Self> {
        Ok(Self { server: Server::new(&args.server())?, address: args.address.to_string() })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The report of this moment.
    pub(super) fn report(&self) -> Done<Report> {
        let request = Request {
            headers: vec![("accept", "application/json".to_owned())],
            limit: Some(LIMIT),
            ..Request::default()
        };
        let text = self.server.call(Method::Get, PATH, request).and_then(|answer| answer.text());
        let text = text.map_err(|failure| self.explained(failure))?;
        read(&text).map_err(|error| self.foreign(&error.to_string()))
    }

    /// The same failure in the words of this tool.
    fn explained(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Unreachable(mut it) => {
                ADVICE.clone_into(&mut it.advice);
                Failure::Unreachable(it)
            }
            Failure::Problem(it) if it.raw.is_none() => {
                let (what, _advice) = it.detail.rsplit_once(" Is ").unwrap_or((&it.detail, ""));
                self.foreign(what)
            }
            other => other,
        }
    }

    fn foreign(&self, what: &str) -> Failure {
        let message = format!("{}{PATH} has no report of levada's channels: {what}", self.address);
        Failure::Here { code: code::FAILED, message }
    }
}

/// A report without anything that a terminal would obey: names of channels, types and tasks are
/// what the program made them.
pub(super) fn read(json: &str) -> Result<Report, ReadError> {
    // What is no JSON is refused below, with the reason.
    let Ok(mut value) = serde_json::from_str(json) else { return Report::from_json(json) };
    clean_all(&mut value);
    Report::from_json(&value.to_string())
}

fn clean_all(value: &mut Value) {
    match value {
        Value::String(text) => *text = clean(text).into_owned(),
        Value::Array(values) => values.iter_mut().for_each(clean_all),
        Value::Object(fields) => fields.values_mut().for_each(clean_all),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A failure as one line.
pub(super) fn sentence(failure: &Failure) -> String {
    let text = match failure {
        Failure::Problem(problem) => format!("{}: {}", problem.title, problem.detail),
        Failure::Unreachable(it) => it.message.clone(),
        Failure::Here { message, .. } => message.clone(),
        Failure::OfJob { failure, .. } => return sentence(failure),
        Failure::Told { .. } | Failure::NobodyReads => String::new(),
    };
    clean(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_report_is_obeyed() {
        let json = include_str!("tests/report.json");
        let hostile = json.replace("to_stock", "a\\u001b[2J\\u202eb\\n");
        let report = read(&hostile).unwrap();
        assert_eq!(report.channels[0].label, "a␛[2J\u{fffd}b␊");
        assert!(!format!("{report:?}").contains(['\u{1b}', '\u{202e}']));
        assert_eq!(report.graph.waits[0].channel, report.channels[0].id, "ids still match");
    }

    #[test]
    fn other_versions_are_refused_with_the_reason() {
        let newer = read(r#"{"version":2}"#).unwrap_err().to_string();
        assert!(newer.contains("version 2") && newer.contains("version 1"), "{newer}");
        for bad in ["", "{", "[]", "<html>", r#"{"version":1}"#] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
