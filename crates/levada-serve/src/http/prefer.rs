//! What a client prefers (RFC 7240), and which state it has already (RFC 9110, 13.1.2).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

/// The name of the header, which `http` does not know.
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
}
