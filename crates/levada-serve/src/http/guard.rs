//! What is looked at before a request reaches its handler: whether there is room for it, whether it
//! says one thing only, where it comes from, and who sends it.
//!
//! # Pages of other sites
//!
//! Any page can make the browser on this machine send a request to a loopback address, and a name
//! under the page's control can be made to lead there (DNS rebinding). So a request that a browser
//! marks as coming from another origin is refused, and so is one for a host by whose name the
//! service is not known ([`Hosts`]). Where there are tokens, everyone needs one.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::middleware::Next;
use axum::response::Response;

use super::app::{App, Client};
use super::headers::{IDEMPOTENCY_KEY, LAST_EVENT_ID};
use super::problem::{Problem, bad_header};
use crate::secure::{Hosts, hosts};
use crate::server::Connection;

/// What a probe asks for. It is answered when no connection is left for anything else.
const PROBES: [&str; 2] = ["/health", "/ready"];
/// After how many seconds, at random, another connection may find a seat.
const SEAT_FREE: std::ops::RangeInclusive<u32> = 1..=4;

/// Why the request is refused before anything is asked of it, if it is. That is counted.
pub(super) fn refusal(app: &App, connection: &Connection, request: &Request) -> Option<Problem> {
    let known = hosts(&app.settings.service, app.settings.tokens.is_some());
    let problem = crowded(app, connection, request.uri().path())
        .or_else(|| ambiguous(request.version(), request.headers()))
        .or_else(|| foreign(request.uri(), request.headers(), known).map(foreign_page));
    problem.map(|problem| counted(app, request, problem))
}

/// Only probes are answered on a connection that is served beyond the limit.
fn crowded(app: &App, connection: &Connection, path: &str) -> Option<Problem> {
    if !connection.is_spare() || PROBES.contains(&path) {
        return None;
    }
    let most = app.settings.service.max_connections;
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too-many-connections",
        "Too many connections",
        format!("All {most} connections are busy with a request."),
    );
    Some(problem.retry_after(fastrand::u32(SEAT_FREE)))
}

/// The headers that say one thing. A proxy may take the last of several where we take the first.
const ONCE: [HeaderName; 6] = [
    header::HOST,
    header::ORIGIN,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    IDEMPOTENCY_KEY,
    LAST_EVENT_ID,
];

/// Two readers can understand the request in two ways.
fn ambiguous(version: Version, headers: &HeaderMap) -> Option<Problem> {
    let count = |name| headers.get_all(name).iter().count();
    if let Some(problem) = badly_framed(headers) {
        // Where the next request begins is as uncertain as where this one ends (RFC 9112, 6.1 and
        // 6.3).
        return Some(problem.header(header::CONNECTION, HeaderValue::from_static("close")));
    }
    if count(header::HOST) == 0 && version >= Version::HTTP_11 {
        return Some(bad_header("The request has no Host header; exactly one is required."));
    }
    let name = ONCE.into_iter().find(|name| count(name.clone()) > 1)?;
    let times = count(name.clone());
    let detail =
        format!("The request has {times} {:?} headers; at most one is allowed.", name.as_str());
    Some(bad_header(detail))
}

/// Hyper has refused what does not end with `chunked`, and lengths that differ; it reads past other
/// codings in front of that.
fn badly_framed(headers: &HeaderMap) -> Option<Problem> {
    let values = headers.get_all(header::TRANSFER_ENCODING).iter();
    let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let codings: Vec<_> = values.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    let is_chunked = |coding: &str| coding.eq_ignore_ascii_case("chunked");
    if let Some(other) = codings.iter().find(|coding| !is_chunked(coding)) {
        return Some(Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "unsupported-coding",
            "The transfer coding is not supported",
            format!("The Transfer-Encoding is {other:?}; only `chunked` is supported."),
        ));
    }
    (codings.len() > 1).then(|| {
        let times = codings.len();
        bad_header(format!(
            "The Transfer-Encoding has `chunked` {times} times; exactly one is allowed."
        ))
    })
}

fn foreign_page(reason: String) -> Problem {
    let title = "Cross-site requests are not allowed";
    Problem::new(StatusCode::FORBIDDEN, "foreign-page", title, reason)
}

/// Counts a request that would have become a job. It is not told to everyone: strangers could fill
/// the events with that.
fn counted(app: &App, request: &Request, problem: Problem) -> Problem {
    let path = request.uri().path();
    let is_queue = path.strip_prefix("/q/").is_some_and(|name| !name.contains('/'));
    if request.method() == Method::POST && (path == "/" || is_queue) {
        app.jobs.reporter.metrics.rejected(None, problem.kind());
    }
    problem
}

/// Paths that need no token: the page asks its user for one, and a supervisor that probes the
/// service has none.
const OPEN: [&str; 3] = ["/", "/health", "/ready"];

/// Identifies the client that sends the request, and refuses a client without a valid token.
pub(crate) async fn identify(
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let path = request.uri().path();
    let open = OPEN.contains(&path) || path.starts_with("/page/");
    let tokens = app.settings.tokens.as_ref().map(|tokens| Arc::clone(&tokens.borrow()));
    let sent = request.headers().get(header::AUTHORIZATION);
    let client = match tokens.map(|tokens| tokens.client(sent)) {
        None => connection.peer().ip().to_string(),
        Some(Ok(name)) => name.to_string(),
        Some(Err(_)) if open && request.method().is_safe() => String::new(),
        Some(Err(error)) => {
            let problem = Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "A token is required",
                error.to_string(),
            )
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Err(counted(&app, &request, problem));
        }
    };
    request.extensions_mut().insert(Client(client));
    Ok(next.run(request).await)
}

fn foreign(uri: &Uri, headers: &HeaderMap, known: Hosts<'_>) -> Option<String> {
    let text = |name: HeaderName| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    // RFC 9112, 3.2.2: a target that names a host goes before the header.
    let host = uri.authority().map(ToString::to_string).or_else(|| text(header::HOST));
    let host = host.unwrap_or_default();
    if let Some(origin) = text(header::ORIGIN) {
        let same = origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(&host));
        if !same {
            return Some(format!("The request's origin {origin:?} is not {host:?}."));
        }
    }
    if !host.is_empty() && !is_known(&host, known) {
        return Some(format!(
            "The host {host:?} is neither localhost nor an IP address, and the service has no tokens; its option \
             --allow-host adds a name."
        ));
    }
    None
}

fn is_known(host: &str, known: Hosts<'_>) -> bool {
    let (names, private) = match known {
        Hosts::Any => return true,
        Hosts::Local(names) => (names, false),
        Hosts::Private(names) => (names, true),
    };
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok()
        || names.iter().any(|known| known.eq_ignore_ascii_case(name))
        || (private && is_private(name))
}

/// Whether a name is one of a private network by its form: it has no dot (a container's, a
/// service's in the same namespace), or an end that no public name has.
fn is_private(name: &str) -> bool {
    match name.rsplit_once('.') {
        None => true,
        Some((_, end)) => {
            ["internal", "local", "svc"].iter().any(|private| end.eq_ignore_ascii_case(private))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Hosts<'_> = Hosts::Local(&[]);
    const PRIVATE: Hosts<'_> = Hosts::Private(&[]);

    fn is_foreign(host: &str, origin: Option<&str>, known: Hosts<'_>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        foreign(&Uri::from_static("/"), &headers, known).is_some()
    }

    #[test]
    fn hosts() {
        for host in ["localhost", "LocalHost:8080", "127.0.0.1:80", "[::1]:8080", "10.0.0.1", ""] {
            assert!(!is_foreign(host, None, LOCAL), "{host:?}");
            assert!(!is_foreign(host, None, PRIVATE), "{host:?}");
        }
        for host in ["page.example", "page.example:8080", "localhost.page.example", "a b", "1.2.3"]
        {
            assert!(is_foreign(host, None, LOCAL), "{host:?}");
            assert!(is_foreign(host, None, PRIVATE), "{host:?}");
            assert!(!is_foreign(host, None, Hosts::Any), "{host:?}");
        }
        for host in
            ["levada", "le_vada:8080", "levada.ns.svc", "l.ns.svc.cluster.Local", "a.internal"]
        {
            assert!(is_foreign(host, None, LOCAL), "{host:?}");
            assert!(!is_foreign(host, None, PRIVATE), "{host:?}");
        }
        for host in [".", "svc.", "levada.dev", "svc.example", "alocal."] {
            assert!(is_foreign(host, None, PRIVATE), "{host:?}");
        }
        let names = ["Jobs.example".to_owned()];
        for known in [Hosts::Local(&names), Hosts::Private(&names)] {
            assert!(!is_foreign("jobs.example:80", None, known));
            assert!(is_foreign("other.jobs.example", None, known));
        }
        assert!(foreign(&Uri::from_static("/"), &HeaderMap::new(), LOCAL).is_none());
    }

    #[test]
    fn a_host_in_the_target_goes_before_the_header() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        let is_foreign =
            |target: &'static str| foreign(&Uri::from_static(target), &headers, LOCAL).is_some();
        assert!(is_foreign("http://page.example/health"));
        assert!(!is_foreign("http://127.0.0.1:80/health"));
    }

    fn refusal(lines: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in [("host", "localhost")].iter().chain(lines) {
            headers.append(*name, HeaderValue::from_static(value));
        }
        ambiguous(Version::HTTP_11, &headers).map(|problem| problem.kind())
    }

    #[test]
    fn headers_that_say_one_thing_are_there_once() {
        for name in ONCE.iter().filter(|name| *name != header::HOST) {
            let name: &'static str = name.as_str().to_owned().leak();
            assert_eq!(refusal(&[(name, "a")]), None, "{name}");
            assert_eq!(refusal(&[(name, "a"), (name, "a")]), Some("bad-header"), "{name}");
        }
        assert_eq!(refusal(&[("host", "localhost")]), Some("bad-header"));
        assert_eq!(refusal(&[("prefer", "wait=1"), ("prefer", "respond-async")]), None);
        let none = HeaderMap::new();
        assert!(ambiguous(Version::HTTP_11, &none).is_some(), "without a Host");
        assert!(ambiguous(Version::HTTP_10, &none).is_none(), "it did not have one then");
    }

    #[test]
    fn one_chunked_is_the_only_coding() {
        let coded = |value| refusal(&[("transfer-encoding", value)]);
        assert_eq!(coded("chunked"), None);
        assert_eq!(coded("Chunked"), None);
        assert_eq!(coded("chunked, chunked"), Some("bad-header"));
        for other in ["gzip, chunked", "identity, chunked", ", chunked", "chunked, gzip"] {
            assert_eq!(coded(other), Some("unsupported-coding"), "{other}");
        }
        let twice = [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        assert_eq!(refusal(&twice), Some("bad-header"));
    }

    #[test]
    fn origins() {
        let host = "localhost:8080";
        assert!(!is_foreign(host, Some("http://localhost:8080"), LOCAL));
        for origin in
            ["null", "http://page.example", "http://localhost:8081", "http://localhost", ""]
        {
            assert!(is_foreign(host, Some(origin), LOCAL), "{origin:?}");
            assert!(is_foreign(host, Some(origin), Hosts::Any), "{origin:?}");
        }
        assert!(is_foreign("page.example", Some("http://page.example"), LOCAL), "rebinding");
        assert!(is_foreign("page.example", Some("http://page.example"), PRIVATE), "rebinding");
    }
}
