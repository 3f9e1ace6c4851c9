//! Header fields that the `http` crate knows by name at most: what a client prefers (RFC 7240),
//! which state it has already (RFC 9110, 13.1.2), the key of its request (a string of RFC 9651),
//! its trace (W3C Trace Context) and the length of its body.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

use super::problem::{Problem, bad_header};
use crate::telemetry::TRACEPARENT;

pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The preferences that are known here. What cannot be understood is ignored, as the RFC wants it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    pub(crate) respond_async: bool,
    pub(crate) wait: Option<Duration>,
}

impl Preferences {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let (mut respond_async, mut wait) = (false, None);
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        for preference in values.flat_map(|value| split(value, ',')) {
            // Parameters after a semicolon say nothing about these two.
            let preference = split(preference, ';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("respond-async") {
                respond_async = true;
            } else if name.eq_ignore_ascii_case("wait") {
                // The first of several counts, understood or not.
                wait.get_or_insert(value.parse::<u32>().ok());
            }
        }
        Self { respond_async, wait: wait.flatten().map(|s| Duration::from_secs(s.into())) }
    }
}

/// What is between the separators, apart from those in quotes.
fn split(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |c| {
        if quoted && !escaped && c == '\\' {
            escaped = true;
            return false;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = false;
        c == separator && !quoted
    })
}

/// Says in the answer that the client did not have to wait.
pub(crate) fn responded_async(response: &mut Response) {
    let preference = HeaderValue::from_static("respond-async");
    response.headers_mut().insert(PREFERENCE_APPLIED, preference);
}

/// Says in the answer how long the client would have waited, if it said something about that.
pub(crate) fn waited(response: &mut Response, wait: Option<Duration>) {
    if let Some(wait) = wait {
        let preference = HeaderValue::try_from(format!("wait={}", wait.as_secs()));
        response.headers_mut().insert(PREFERENCE_APPLIED, preference.expect("a number"));
    }
}

/// Whether the client has the state that this tag names.
pub(crate) fn has_already(headers: &HeaderMap, tag: &str) -> bool {
    let values =
        headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

/// The `traceparent` of a request. One that is there twice is ignored.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = parents.next()?;
    if parents.next().is_none() { parent.to_str().ok() } else { None }
}

/// Whether this is a `traceparent`: version, trace, parent and flags. A later version may say more.
pub(super) fn is_traceparent(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let [version, trace, parent, flags, more @ ..] = &parts[..] else {
        return false;
    };
    let is_hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |part, length| is_hex(part, length) && part.bytes().any(|b| b != b'0');
    let is_version =
        is_hex(version, 2) && *version != "ff" && (*version != "00" || more.is_empty());
    is_version && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2) && text.len() < 256
}

/// A key: the string that the draft asks for (RFC 9651), or what is in it without quotes and
/// escapes.
pub(super) fn idempotency_key(value: &HeaderValue) -> Result<String, Problem> {
    let text = value.to_str().unwrap_or_default();
    let key = match text.strip_prefix('"') {
        Some(rest) => unescaped(rest).unwrap_or_default(),
        None => text.to_owned(),
    };
    if (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(key);
    }
    Err(bad_header(
        "Idempotency-Key must be 1 to 255 visible ASCII characters, with or without quotes.",
    ))
}

/// The string whose beginning was a quote; `None` if it does not end with one, or has one, or a
/// backslash, that is not escaped.
fn unescaped(rest: &str) -> Option<String> {
    let mut characters = rest.strip_suffix('"')?.chars();
    let mut string = String::new();
    while let Some(next) = characters.next() {
        string.push(match next {
            '"' => return None,
            '\\' => characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?,
            other => other,
        });
    }
    Some(string)
}

/// The length of the body, if the client says it beforehand.
pub(super) fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn preferences() {
        let of = |values: &[&str]| Preferences::of(&headers(PREFER, values));
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(of(&[]), Preferences::default());
        let both = Preferences { respond_async: true, wait: seconds(10) };
        for values in [
            &["respond-async, wait=10"][..],
            &["respond-async", "wait=10"],
            &["WAIT = \"10\"; x=1 , Respond-Async; y"],
            &["wait=10, wait=20, respond-async, foo=bar, baz"],
            &["foo=\"a, b\", respond-async; x=\"; , \", wait=10"],
        ] {
            assert_eq!(of(values), both, "{values:?}");
        }
        for nonsense in [
            "foo=\"a, wait=0\"",
            "foo=\"a\\\", wait=0\"",
            "foo; x=\"; , wait=0\"",
            "wait=x, wait=10",
            "wait",
            "wait=",
            "wait=-1",
            "wait=x",
            "wait=99999999999",
            "wait=1.5",
            ",,=;",
        ] {
            assert_eq!(of(&[nonsense]), Preferences::default(), "{nonsense:?}");
        }
    }

    #[test]
    fn tags() {
        let has = |value: &str| has_already(&headers(header::IF_NONE_MATCH, &[value]), "\"3\"");
        assert!(has("\"3\"") && has("W/\"3\"") && has("\"1\", \"3\"") && has("*"));
        assert!(!has("\"4\"") && !has("3") && !has(""));
        assert!(!has_already(&HeaderMap::new(), "\"3\""));
    }

    #[test]
    fn traces() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for (text, is_valid) in [
            (format!("00-{trace}-{parent}-01"), true),
            (format!("01-{trace}-{parent}-01-later"), true),
            (format!("00-{trace}-{parent}-01-more"), false),
            (format!("ff-{trace}-{parent}-01"), false),
            (format!("00-{trace}-{parent}"), false),
            (format!("00-{}-{parent}-01", trace.to_uppercase()), false),
            (format!("00-{}-{parent}-01", "0".repeat(32)), false),
            (format!("00-{trace}-{}-01", "0".repeat(16)), false),
            (format!("01-{trace}-{parent}-01-{}", "x".repeat(256)), false),
            (String::new(), false),
        ] {
            assert_eq!(is_traceparent(&text), is_valid, "{text:?}");
        }
        let name = || HeaderName::from_static(TRACEPARENT);
        assert_eq!(traceparent(&headers(name(), &["a"])), Some("a"));
        assert_eq!(traceparent(&headers(name(), &["a", "b"])), None, "one of two is a guess");
        assert_eq!(traceparent(&HeaderMap::new()), None);
    }

    #[test]
    fn keys() {
        let key = |text: &str| idempotency_key(&text.parse().unwrap()).ok();
        for (text, expected) in [
            ("a-1", Some("a-1")),
            ("\"a-1\"", Some("a-1")),
            (r#""a\"b\\c""#, Some(r#"a"b\c"#)),
            (r#""a"b""#, None),
            (r#""a\b""#, None),
            ("\"a", None),
            ("\"\"", None),
            ("", None),
            ("a b", None),
        ] {
            assert_eq!(key(text).as_deref(), expected, "{text:?}");
        }
        assert!(key(&"k".repeat(255)).is_some() && key(&"k".repeat(256)).is_none());
    }

    #[test]
    fn lengths() {
        let length = |text: &str| content_length(&headers(header::CONTENT_LENGTH, &[text]));
        assert_eq!((length("7"), length("x"), length("-1")), (Some(7), None, None));
        assert_eq!(content_length(&HeaderMap::new()), None);
    }
}
