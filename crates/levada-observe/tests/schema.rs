//! The JSON of a report is what its documentation says.
#![cfg(feature = "json")]

use levada_observe::report::{Report, State, VERSION};
use serde_json::Value;

const EXAMPLE: &str = include_str!("example.json");

#[test]
fn the_example_is_a_report_and_has_every_field() {
    let report = Report::from_json(EXAMPLE).unwrap();
    let written: Value = serde_json::from_str(&report.to_json()).unwrap();
    let example: Value = serde_json::from_str(EXAMPLE).unwrap();
    assert_eq!(floats(written), floats(example));
    assert_eq!(report.channels.len(), 7);
}

/// All numbers as floats: `1` and `1.0` are one number in JSON.
fn floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(values) => values.into_iter().map(floats).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, floats(value))).collect()
        }
        other => other,
    }
}

#[test]
fn a_reader_ignores_fields_and_states_that_it_does_not_know() {
    let mut later: Value = serde_json::from_str(EXAMPLE).unwrap();
    later["new"] = Value::from(1);
    later["channels"][0]["state"] = Value::from("haunted");
    let report = Report::from_json(&later.to_string()).unwrap();
    assert_eq!(report.channels[0].state, State::Ok);
}

#[test]
fn another_version_is_refused_with_what_to_do() {
    let text = EXAMPLE.replacen("\"version\": 1", "\"version\": 7", 1);
    let error = Report::from_json(&text).unwrap_err().to_string();
    assert!(error.contains("version 7") && error.contains(&format!("reads version {VERSION}")));
    for text in ["", "{}", "[]", "{\"version\":1}", "nonsense"] {
        assert!(Report::from_json(text).is_err(), "{text}");
    }
}
